use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::tree::Installed;
use super::vulnerable_range::is_affected;
use super::{Advisories, AuditTree};
use crate::Error;
use crate::audit::Audit;
use crate::auth::Caller;
use crate::concurrency::compute_elsewhere;
use crate::domain::Version;

/// The approximate size limit of a report's findings in bytes. Advisories beyond it are listed without paths.
const ROOM: usize = 8 << 20;

impl Audit {
    pub(crate) async fn audit_report(&self, caller: &Caller, tree: AuditTree) -> Result<Value, Error> {
        let packages = tree.packages();
        packages.check_count()?;
        let advisories = self.advisories(caller, &packages).await?;
        Ok(compute_elsewhere(move || report(&tree, &advisories)).await?)
    }
}

fn report(tree: &AuditTree, advisories: &Advisories) -> Value {
    let mut places: HashMap<&str, PlacesByVersion<'_>> = HashMap::new();
    for installed in tree.installed() {
        places.entry(&installed.name).or_default().entry(&installed.version).or_default().push(installed);
    }
    let none = PlacesByVersion::default();
    let mut told = Map::new();
    let mut counts = json!({ "info": 0, "low": 0, "moderate": 0, "high": 0, "critical": 0 });
    let mut room = ROOM;
    for (name, advisories) in advisories {
        let places = places.get(name.as_str()).unwrap_or(&none);
        for advisory in advisories {
            let Ok(mut advisory @ Value::Object(_)) = serde_json::from_str(advisory.get()) else { continue };
            let range = advisory["vulnerable_versions"].as_str().unwrap_or("*");
            let found = affected(places, range);
            if found.is_empty() {
                continue;
            }
            let severity = advisory["severity"].as_str().unwrap_or_default();
            if let Some(count) = counts.get_mut(severity) {
                *count = (count.as_u64().unwrap_or_default() + found.len() as u64).into();
            }
            let id = advisory["id"].as_str().map_or_else(|| advisory["id"].to_string(), str::to_owned);
            advisory["module_name"] = name.as_str().into();
            advisory["findings"] = found
                .iter()
                .map_while(|(version, places)| finding(tree, version, places, &mut room))
                .collect();
            let key = if told.contains_key(&id) { format!("{id} {name}") } else { id };
            told.insert(key, advisory);
        }
    }
    let count = |is: fn(&Installed) -> bool| tree.installed().iter().filter(|one| is(one)).count();
    json!({
        "actions": [],
        "advisories": told,
        "muted": [],
        "metadata": {
            "vulnerabilities": counts,
            "dependencies": count(|one| !one.dev && !one.optional),
            "devDependencies": count(|one| one.dev),
            "optionalDependencies": count(|one| one.optional),
            "totalDependencies": tree.len(),
        },
    })
}

/// The versions of a package, each with its places in the tree.
type PlacesByVersion<'a> = IndexMap<&'a str, Vec<&'a Installed>>;

/// Returns the affected versions. Each is compared once, however often it is installed.
fn affected<'places, 'a>(
    places: &'places PlacesByVersion<'a>,
    range: &str,
) -> Vec<(&'a str, &'places [&'a Installed])> {
    let is_affected =
        |version: &str| Version::parse(version).is_ok_and(|version| is_affected(range, version.parsed()));
    let affected = places.iter().filter(|(version, _)| is_affected(version));
    affected.map(|(version, places)| (*version, places.as_slice())).collect()
}

/// Returns the finding for one version in npm's format, with as many paths as fit; `None` if it does not fit.
fn finding(tree: &AuditTree, version: &str, places: &[&Installed], room: &mut usize) -> Option<Value> {
    /// The size without paths.
    const FRAME: usize = 512;
    *room = room.checked_sub(FRAME)?;
    let paths: Vec<_> = places
        .iter()
        .map_while(|place| {
            let path = tree.path(place);
            *room = room.checked_sub(path.len())?;
            Some(path)
        })
        .collect();
    // A version is optional only if it is optional at every place.
    let all = |is: fn(&Installed) -> bool| places.iter().all(|place| is(place));
    Some(json!({
        "version": version,
        "paths": paths,
        "dev": all(|place| place.dev),
        "optional": all(|place| place.optional),
        "bundled": all(|place| place.bundled),
    }))
}
