use std::collections::HashSet;
use std::sync::Arc;

use futures::future::ready;
use futures::{StreamExt as _, stream};
use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::IgnoredAny;
use url::form_urlencoded::Serializer;

use crate::bulk::{BulkError, BulkStream};
use crate::domain::PackageName;
use crate::domain::shorten::shorten;
use crate::upstream::Upstream;

use super::{ImportOptions, origin};

/// The most hits that npm's search returns at once.
const PAGE: usize = 250;

/// The most packages that a search is followed to. A source that finds new names without end would never be left.
const MOST_FOUND: usize = 1_000_000;

/// The part of an answer to a search that is read.
#[derive(Deserialize)]
struct SearchAnswer {
    objects: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    package: NamedPackage,
}

#[derive(Deserialize)]
struct NamedPackage {
    name: String,
}

/// Returns the names of the packages that are wanted, each once: those that are named, then those that the source lists.
pub(super) fn of_source(source: Arc<dyn Upstream>, options: ImportOptions) -> BulkStream<PackageName> {
    let ImportOptions { names, scopes, all, .. } = options;
    let named = stream::iter(names.into_iter().map(Ok));
    let listing = Arc::clone(&source);
    let of_scopes = stream::iter(scopes).then(move |scope| {
        let source = Arc::clone(&listing);
        async move { names_of(of_scope(source.as_ref(), &scope).await) }
    });
    let of_all = stream::iter(all.then_some(())).then(move |()| {
        let source = Arc::clone(&source);
        async move { names_of(listed(source.as_ref()).await) }
    });
    let mut seen = HashSet::new();
    named
        .chain(of_scopes.chain(of_all).flat_map(stream::iter))
        .filter(move |name| ready(name.as_ref().map_or(true, |name| seen.insert(name.clone()))))
        .boxed()
}

fn names_of(found: Result<Vec<String>, BulkError>) -> Vec<Result<PackageName, BulkError>> {
    match found {
        Err(error) => vec![Err(error)],
        Ok(names) => names.iter().map(|name| parse(name)).collect(),
    }
}

fn parse(name: &str) -> Result<PackageName, BulkError> {
    PackageName::parse(name).map_err(|problem| {
        let name = shorten(name);
        BulkError::NoList { reason: format!("it names a package {name:?}, and {problem}: leave it there") }
    })
}

fn no_list(reason: &str) -> BulkError {
    BulkError::NoList { reason: reason.to_owned() }
}

/// Returns what `/-/all` lists.
async fn listed(source: &dyn Upstream) -> Result<Vec<String>, BulkError> {
    let answer =
        source.all_packages().await.map_err(|error| origin::of_source(source, error, BulkError::Listed))?;
    let answer = answer.ok_or_else(|| no_list("it has no /-/all: name the packages, or a scope"))?;
    let packages: IndexMap<String, IgnoredAny> = serde_json::from_slice(&answer)
        .map_err(|_| no_list("its /-/all is not an object of packages: name the packages, or a scope"))?;
    // Beside the packages, there is the time of the list.
    Ok(packages.into_keys().filter(|name| !name.starts_with('_')).collect())
}

/// Returns the packages of a scope, found by both ways in which registries let it be searched.
async fn of_scope(source: &dyn Upstream, scope: &str) -> Result<Vec<String>, BulkError> {
    let prefix = format!("@{scope}/");
    let mut found = Vec::new();
    for text in [format!("scope:{scope}"), format!("@{scope}")] {
        found.extend(search(source, &text).await?.into_iter().filter(|name| name.starts_with(&prefix)));
    }
    if found.is_empty() {
        return Err(no_list(&format!(
            "its search finds no package of @{scope} for this login: name the packages"
        )));
    }
    Ok(found)
}

/// Returns the names of all hits.
async fn search(source: &dyn Upstream, text: &str) -> Result<Vec<String>, BulkError> {
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    let mut from = 0;
    loop {
        let query = Serializer::new(String::new())
            .append_pair("text", text)
            .append_pair("size", &PAGE.to_string())
            .append_pair("from", &from.to_string())
            .finish();
        let answer = source
            .search(&query)
            .await
            .map_err(|error| origin::of_source(source, error, BulkError::Listed))?;
        let answer = answer.ok_or_else(|| no_list("it has no search: name the packages, or import all"))?;
        let answer: SearchAnswer = serde_json::from_slice(&answer)
            .map_err(|_| no_list("its search has no `objects`: name the packages, or import all"))?;
        from += answer.objects.len();
        let names = answer.objects.into_iter().map(|hit| hit.package.name);
        let new: Vec<_> = names.filter(|name| seen.insert(name.clone())).collect();
        // A registry that knows no `from` begins again.
        if new.is_empty() {
            return Ok(found);
        }
        found.extend(new);
        if found.len() > MOST_FOUND {
            return Err(no_list("its search finds more than a million packages: name the packages"));
        }
    }
}
