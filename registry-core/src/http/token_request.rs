use std::net::IpAddr;

use ipnet::IpNet;
use secrecy::SecretString;
use serde::Deserialize;

use crate::Error;
use crate::access::PackagePattern;
use crate::accounts::tokens::{TokenOptions, TokenRequest};
use crate::auth::{OrganizationPermission, TokenOrganizations, TokenPermission};
use crate::domain::GroupName;
use crate::domain::shorten::shorten;

/// The document of `npm token create`, in the granular form of npm 11 and in the older one.
#[derive(Deserialize)]
pub(super) struct TokenDocument {
    password: Option<SecretString>,
    name: Option<String>,
    description: Option<String>,
    token_description: Option<String>,
    packages: Option<Vec<String>>,
    packages_all: Option<bool>,
    scopes: Option<Vec<String>>,
    orgs: Option<Vec<String>>,
    packages_and_scopes_permission: Option<String>,
    orgs_permission: Option<String>,
    expires: Option<u32>,
    cidr_whitelist: Option<OneOrMore>,
    cidr: Option<OneOrMore>,
    bypass_2fa: Option<bool>,
    readonly: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "cidr_whitelist must be a network or a list of networks")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl TokenDocument {
    pub(super) fn into_request(self) -> Result<TokenRequest, Error> {
        let chosen = self.chosen_packages()?;
        let organizations = self.organizations()?;
        let permission = self.permission(chosen.is_some(), organizations.is_some())?;
        let packages = match chosen {
            Some(Chosen::Some(packages)) => Some(packages),
            None if permission == TokenPermission::NoAccess => Some(Vec::new()),
            None if self.packages_and_scopes_permission.is_some() => {
                return Err(Error::request(
                    "a permission needs packages: add --packages, --scopes or --packages-all",
                ));
            }
            // A token for packages permits nothing else, even one for all packages.
            Some(Chosen::All) => Some(vec![PackagePattern::everything()]),
            // The older form has no packages.
            None => None,
        };
        let networks = match self.cidr_whitelist.or(self.cidr) {
            None => Vec::new(),
            Some(OneOrMore::One(one)) => vec![network(&one)?],
            Some(OneOrMore::More(more)) => more.iter().map(|text| network(text)).collect::<Result<_, _>>()?,
        };
        let text = |text: Option<String>| text.filter(|text| !text.is_empty());
        let options = TokenOptions {
            name: text(self.name),
            description: text(self.description).or_else(|| text(self.token_description)),
            permission,
            packages,
            organizations,
            networks,
            days: self.expires,
            bypass_two_factor: self.bypass_2fa == Some(true),
        };
        Ok(TokenRequest { password: self.password, options })
    }

    fn chosen_packages(&self) -> Result<Option<Chosen>, Error> {
        let names = self.packages.as_deref().unwrap_or_default();
        let scopes = self.scopes.as_deref().unwrap_or_default();
        if self.packages_all == Some(true) || names.iter().any(|name| name == "*" || name == "**") {
            return Ok(Some(Chosen::All));
        }
        if names.is_empty() && scopes.is_empty() {
            return Ok(None);
        }
        let scopes = scopes.iter().map(|scope| format!("@{}/*", scope.trim_start_matches('@')));
        let patterns = names.iter().cloned().chain(scopes).map(|text| {
            PackagePattern::parse(&text).map_err(|problem| {
                Error::request(format!("the token cannot be for {:?}: it {problem}", shorten(&text)))
            })
        });
        patterns.collect::<Result<_, _>>().map(|patterns| Some(Chosen::Some(patterns)))
    }

    fn organizations(&self) -> Result<Option<TokenOrganizations>, Error> {
        let names = self.orgs.as_deref().unwrap_or_default();
        let permission = match self.orgs_permission.as_deref() {
            None if names.is_empty() => return Ok(None),
            Some("no-access") => OrganizationPermission::NoAccess,
            None | Some("read-only") => OrganizationPermission::ReadOnly,
            Some("read-write") if self.readonly == Some(true) => OrganizationPermission::ReadOnly,
            Some("read-write") => OrganizationPermission::ReadWrite,
            Some(other) => {
                return Err(Error::request(format!(
                    "there is no permission {:?} for organizations: use read-only, read-write or no-access",
                    shorten(other)
                )));
            }
        };
        if names.is_empty() && permission > OrganizationPermission::NoAccess {
            return Err(Error::request("a permission for organizations needs organizations: add --orgs"));
        }
        let names = names.iter().map(|name| GroupName::parse(name)).collect::<Result<_, _>>()?;
        Ok(Some(TokenOrganizations { names, permission }))
    }

    /// A request with packages and no permission gets the least useful permission, and one with organizations and no
    /// packages gets no packages.
    fn permission(&self, chosen: bool, organizations: bool) -> Result<TokenPermission, Error> {
        match (self.packages_and_scopes_permission.as_deref(), self.readonly) {
            (Some("read-only"), _) | (Some("read-write") | None, Some(true)) => Ok(TokenPermission::ReadOnly),
            (None, None) if chosen => Ok(TokenPermission::ReadOnly),
            (None, None) if organizations => Ok(TokenPermission::NoAccess),
            (Some("read-write"), _) | (None, Some(false) | None) => Ok(TokenPermission::ReadWrite),
            (Some("read-write-stage-only"), _) => Ok(TokenPermission::StageOnly),
            (Some("no-access"), _) => Ok(TokenPermission::NoAccess),
            (Some(other), _) => Err(Error::request(format!(
                "there is no permission {:?}: use read-only, read-write, read-write-stage-only or no-access",
                shorten(other)
            ))),
        }
    }
}

enum Chosen {
    All,
    Some(Vec<PackagePattern>),
}

fn network(text: &str) -> Result<IpNet, Error> {
    text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_| {
        Error::request(format!("{:?} is not a network: write one such as 10.0.0.0/8", shorten(text)))
    })
}
