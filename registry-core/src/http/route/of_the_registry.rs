use crate::domain::{DistTag, Version};

use super::segments::Segments;
use super::{
    AccessRoute, HookRoute, PolicyRoute, Route, RouteError, StageRoute, TokenRoute, TrustRoute, Verb,
    WebLoginRoute, audit, trust,
};

/// The prefix of account ids in `CouchDB`.
const ACCOUNT_ID: &str = "org.couchdb.user:";

/// Parses the routes below `/-/`.
pub(super) fn parse(verb: Verb, segments: &Segments<'_>) -> Result<Route, RouteError> {
    match &segments.list()[1..segments.count()] {
        ["ping"] => verb.read_only(Route::Ping),
        ["whoami"] => verb.read_only(Route::Whoami),
        ["v1", "search"] => verb.read_only(Route::Search),
        ["changes"] => verb.read_only(Route::Changes),
        ["_view", "starredByUser"] => verb.read_only(Route::StarredBy),
        ["package", _, ..] => package(verb, segments),
        ["policy", _, ..] => PolicyRoute::parse(verb, segments).map(Route::Policy),
        ["sbom", _, ..] => sbom(verb, segments),
        ["stage", ..] => StageRoute::parse(verb, segments),
        ["user", "v1", "star"] => match verb {
            Verb::Read => Ok(Route::Stars { account: None }),
            Verb::Put => Ok(Route::Star { name: None }),
            Verb::Delete => Ok(Route::Unstar { name: None }),
            _ => Err(RouteError::MethodNotAllowed { allow: "GET, HEAD, PUT, DELETE" }),
        },
        ["user", "token", token] => match verb {
            Verb::Delete => Ok(Route::Logout { token: (*token).into() }),
            _ => Err(RouteError::MethodNotAllowed { allow: "DELETE" }),
        },
        ["user", "package", _, .., "star"] => star(verb, segments),
        ["user", account, "stars"] | ["util", "user", account, "stars"] => {
            verb.read_only(Route::Stars { account: Some(account_name(account)?) })
        }
        ["user", id] => {
            let account = account_of_id(id)?;
            match verb {
                Verb::Read => Ok(Route::User { account }),
                Verb::Put => Ok(Route::Login { account }),
                _ => Err(RouteError::MethodNotAllowed { allow: "GET, HEAD, PUT" }),
            }
        }
        ["user", id, "-rev", revision] => {
            let account = account_of_id(id)?;
            match verb {
                Verb::Put => Ok(Route::LoginRevision { account, revision: (*revision).to_owned() }),
                _ => Err(RouteError::MethodNotAllowed { allow: "PUT" }),
            }
        }
        ["v1", rest @ ..] => {
            WebLoginRoute::parse(verb, rest).unwrap_or(Err(RouteError::NotFound)).map(Route::WebLogin)
        }
        ["npm", "v1", rest @ ..] => audit::parse(verb, segments)
            .or_else(|| Some(TokenRoute::parse(verb, rest)?.map(Route::Token)))
            .or_else(|| Some(HookRoute::parse(verb, rest)?.map(Route::Hook)))
            .or_else(|| trust::parse_exchange(verb, segments))
            .unwrap_or(Err(RouteError::NotFound)),
        rest => AccessRoute::parse(verb, rest)
            .map_or(Err(RouteError::NotFound), |parsed| parsed.map(Route::Access)),
    }
}

/// Parses `/-/package/{name}/…`.
fn package(verb: Verb, segments: &Segments<'_>) -> Result<Route, RouteError> {
    let (name, next) = segments.name_at(2)?;
    match &segments.list()[next..segments.count()] {
        ["dist-tags"] => verb.read_only(Route::DistTags { name }),
        ["dist-tags", tag] => match verb {
            Verb::Put => Ok(Route::SetDistTag { name, tag: DistTag::parse(tag)? }),
            Verb::Delete => Ok(Route::RemoveDistTag { name, tag: (*tag).to_owned() }),
            _ => Err(RouteError::MethodNotAllowed { allow: "PUT, DELETE" }),
        },
        ["policy"] => verb.read_only(Route::Policy(PolicyRoute::Explain { name, version: None })),
        ["policy", version] => {
            let version = Some((*version).to_owned());
            verb.read_only(Route::Policy(PolicyRoute::Explain { name, version }))
        }
        ["trust", rest @ ..] => TrustRoute::parse(verb, name, rest).map(Route::Trust),
        ["owners"] => match verb {
            Verb::Read => Ok(Route::Owners { name }),
            Verb::Put => Ok(Route::AddOwner { name }),
            _ => Err(RouteError::MethodNotAllowed { allow: "GET, HEAD, PUT" }),
        },
        ["owners", account] => match verb {
            Verb::Delete => Ok(Route::RemoveOwner { name, account: account_name(account)? }),
            _ => Err(RouteError::MethodNotAllowed { allow: "DELETE" }),
        },
        _ => AccessRoute::parse_of_package(verb, segments)
            .map_or(Err(RouteError::NotFound), |parsed| parsed.map(Route::Access)),
    }
}

/// Parses `/-/sbom/{name}/{version}`.
fn sbom(verb: Verb, segments: &Segments<'_>) -> Result<Route, RouteError> {
    let (name, next) = segments.name_at(2)?;
    match &segments.list()[next..segments.count()] {
        [version] => {
            let version = Version::parse(version).map_err(|_| RouteError::NotFound)?;
            verb.read_only(Route::Sbom { name, version })
        }
        _ => Err(RouteError::NotFound),
    }
}

/// Parses `/-/user/package/{name}/star`.
fn star(verb: Verb, segments: &Segments<'_>) -> Result<Route, RouteError> {
    let (name, next) = segments.name_at(3)?;
    if next + 1 != segments.count() {
        return Err(RouteError::NotFound);
    }
    match verb {
        Verb::Put => Ok(Route::Star { name: Some(name) }),
        Verb::Delete => Ok(Route::Unstar { name: Some(name) }),
        _ => Err(RouteError::MethodNotAllowed { allow: "PUT, DELETE" }),
    }
}

fn account_of_id(id: &str) -> Result<String, RouteError> {
    account_name(
        id.strip_prefix(ACCOUNT_ID).filter(|account| !account.is_empty()).ok_or(RouteError::NotFound)?,
    )
}

/// Rejects a slash: account names are used verbatim in the keys of the store, where it would mean a folder.
fn account_name(account: &str) -> Result<String, RouteError> {
    if account.contains('/') {
        return Err(RouteError::Character);
    }
    Ok(account.to_owned())
}
