use saphyr::Yaml;

use super::{Locked, split_name};

/// Reads `packages`, whose keys are `pear@1.0.0`, `/pear@1.0.0(fig@2.0.0)` or `/pear/1.0.0_fig@2.0.0`, by age.
pub(super) fn packages(document: &Yaml<'_>, locked: &mut Locked) {
    let packages = document.as_mapping_get("packages").and_then(Yaml::as_mapping);
    for (key, entry) in packages.into_iter().flatten() {
        let Some(key) = key.as_str() else { continue };
        let key = key.strip_prefix('/').unwrap_or(key);
        let key = key.split('(').next().unwrap_or(key);
        let resolution = entry.as_mapping_get("resolution");
        let told =
            |field| resolution.and_then(|resolution| resolution.as_mapping_get(field)).and_then(Yaml::as_str);
        if let Some((name, version)) =
            split_name(key).filter(|(name, _)| !is_of_older_form(name)).or(older(key))
        {
            locked.add(name, version, told("integrity"), told("tarball"));
        }
    }
}

/// Whether what stands before the first `@` is a name with its version.
fn is_of_older_form(name: &str) -> bool {
    name.split('/').count() > if name.starts_with('@') { 2 } else { 1 }
}

/// Splits `pear/1.0.0_fig@2.0.0`.
fn older(key: &str) -> Option<(&str, &str)> {
    let key = key.split('_').next().unwrap_or(key);
    key.rsplit_once('/')
}
