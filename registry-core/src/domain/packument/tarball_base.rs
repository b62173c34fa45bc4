use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str;

use indexmap::IndexMap;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::Error as _;
use serde_json::value::{RawValue, to_raw_value};

use crate::domain::PackageName;

use super::manifest::{DistView, ManifestView, tarball_path};
use super::{JsonKey, PackumentError, raw};

/// The tarball URLs of a packument that codebox-npm wrote, and where they lead.
///
/// codebox-npm stored absolute URLs. They tell this registry that it finds the tarball under its version, so they are
/// never shortened to the path that a version of this registry has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TarballBases {
    /// The base of tarball URLs, such as `https://old.registry.example/prod/registry` → the number of versions with it.
    pub bases: BTreeMap<String, usize>,
    /// The versions whose tarball URL has another form than codebox-npm's. They are not changed.
    pub unknown: Vec<String>,
    /// The number of versions that got another base.
    pub moved: usize,
    /// The document after that; `None` if nothing changed.
    pub json: Option<Vec<u8>>,
}

#[derive(Deserialize)]
struct Document<'json> {
    #[serde(borrow)]
    versions: IndexMap<JsonKey<'json>, &'json RawValue>,
}

impl TarballBases {
    /// Reads the tarball URLs of a stored packument, and moves them to `base`, if one is given. It has no trailing slash.
    /// Every other byte of the document stays as it is.
    pub fn of(name: &PackageName, json: &[u8], base: Option<&str>) -> Result<Self, PackumentError> {
        Self::read(name, json, base).map_err(|source| PackumentError { name: name.clone(), source })
    }

    fn read(name: &PackageName, json: &[u8], base: Option<&str>) -> Result<Self, serde_json::Error> {
        let document: Document<'_> = serde_json::from_slice(json)?;
        // JSON that was parsed is UTF-8.
        let text = str::from_utf8(json).map_err(serde_json::Error::custom)?;
        let mut found = Self::default();
        let mut replaced = Vec::new();
        for (version, manifest) in &document.versions {
            let manifest: ManifestView<'_> = serde_json::from_str(manifest.get())?;
            let dist =
                manifest.dist.map(|dist| serde_json::from_str::<DistView<'_>>(dist.get())).transpose()?;
            let Some(tarball) = dist.and_then(|dist| dist.tarball) else { continue };
            let url = serde_json::from_str::<Cow<'_, str>>(tarball.get()).unwrap_or_default();
            if url == tarball_path(name, version.as_str()) {
                continue;
            }
            let Some((known, rest)) = split(name, &url) else {
                found.unknown.push(version.as_str().to_owned());
                continue;
            };
            *found.bases.entry(known.to_owned()).or_default() += 1;
            if let (Some(base), Some(place)) = (base, raw::position(text, tarball.get()))
                && base != known
            {
                replaced.push((place, to_raw_value(&format!("{base}/{rest}"))?));
            }
        }
        found.moved = replaced.len();
        replaced.sort_by_key(|(place, _)| place.start);
        if !replaced.is_empty() {
            let (mut moved, mut written) = (Vec::with_capacity(json.len()), 0);
            for (place, url) in replaced {
                moved.extend_from_slice(&json[written..place.start]);
                moved.extend_from_slice(url.get().as_bytes());
                written = place.end;
            }
            moved.extend_from_slice(&json[written..]);
            found.json = Some(moved);
        }
        Ok(found)
    }
}

/// Splits `{base}/{name}/-/{file}` before the name, which may be escaped.
fn split<'url>(name: &PackageName, url: &'url str) -> Option<(&'url str, &'url str)> {
    let (head, _) = url.rsplit_once("/-/")?;
    let is_name = |text: &str| percent_decode_str(text).decode_utf8().is_ok_and(|text| text == name.as_str());
    // The slash of a scope may be escaped or not.
    let mut slashes = head.rmatch_indices('/').take(2).map(|(at, _)| at);
    let before_name = slashes.find(|at| is_name(&head[at + 1..]))?;
    (before_name > 0).then(|| (&url[..before_name], &url[before_name + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, json: &str, base: Option<&str>) -> TarballBases {
        TarballBases::of(&name.parse().unwrap(), json.as_bytes(), base).unwrap()
    }

    #[test]
    fn only_the_base_of_urls_changes() {
        let json = r#"{ "name":"@acme/one","_x":[ 1 ],"versions":{
            "1.0.0":{"dist":{"shasum":"0a", "tarball": "https://old.example/prod/registry/@acme%2fone/-/%40acme%2Fone-1.0.0.tgz"}},
            "1.1.0":{"dist":{"tarball":"undefined\/@acme/one/-/one-1.1.0.tgz"},"a": 2.50},
            "1.2.0":{"dist":{"tarball":"@acme/one/-/one-1.2.0.tgz"}},
            "1.3.0":{"dist":{"tarball":"https://elsewhere.example/two/-/two-1.3.0.tgz"}},
            "1.4.0":{"dist":{"tarball":7}},
            "1.5.0":{}
        }}"#;
        let found = of("@acme/one", json, None);
        let bases = [("https://old.example/prod/registry".to_owned(), 1), ("undefined".to_owned(), 1)];
        assert_eq!(found.bases, BTreeMap::from(bases));
        assert_eq!(found.unknown, ["1.3.0", "1.4.0"]);
        assert_eq!((found.moved, &found.json), (0, &None));

        let moved = of("@acme/one", json, Some("https://new.example"));
        let expected = json
            .replace("https://old.example/prod/registry/", "https://new.example/")
            .replace(r"undefined\/", "https://new.example/");
        assert_eq!(String::from_utf8(moved.json.unwrap()).unwrap(), expected);
        assert_eq!(moved.moved, 2);
        assert_eq!(of("@acme/one", &expected, Some("https://new.example")).json, None);
    }

    #[test]
    fn a_url_that_is_not_of_the_package_has_no_base() {
        let name: PackageName = "one".parse().unwrap();
        for url in ["", "one", "one/-/one-1.0.0.tgz", "/one/-/x.tgz", "https://a.example/none/-/one.tgz"] {
            assert_eq!(split(&name, url), None, "{url}");
        }
    }
}
