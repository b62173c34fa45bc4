use std::collections::BTreeSet;

use serde_json::Value;
use url::Url;

use super::TarballError;
use crate::domain::Version;
use crate::domain::shorten::shorten;
use crate::domain::strict_json::parse_strict_json;

/// The largest `npm-shrinkwrap.json`, in bytes: some 10,000 packages.
pub(super) const LARGEST: u64 = 4 << 20;

/// Returns the origins, such as `https://registry.example`, from which npm would fetch the packages that an
/// `npm-shrinkwrap.json` lists. npm installs them whatever `package.json` says, and other clients do not read the file.
/// So packages come from registries or from the tarball itself, and from nowhere else.
pub(super) fn origins(json: &[u8]) -> Result<BTreeSet<String>, TarballError> {
    let read = parse_strict_json(super::inspect::without_byte_order_mark(json));
    let document = read.map_err(|error| TarballError::ShrinkwrapJson { reason: error.to_string() })?;
    let mut origins = BTreeSet::new();
    collect(&document, &mut origins)?;
    Ok(origins)
}

fn collect(value: &Value, origins: &mut BTreeSet<String>) -> Result<(), TarballError> {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("resolved", Value::String(source)) => origins.extend(origin(source)?),
                    // Files of npm 6 have the source here, if it is no registry.
                    ("version", Value::String(source)) if !is_version(source) => {
                        origins.extend(origin(source)?);
                    }
                    _ => collect(value, origins)?,
                }
            }
            Ok(())
        }
        Value::Array(values) => values.iter().try_for_each(|value| collect(value, origins)),
        _ => Ok(()),
    }
}

fn is_version(text: &str) -> bool {
    let version = match text.strip_prefix("npm:") {
        Some(alias) => alias.rsplit_once('@').map_or("", |(_, version)| version),
        None => text,
    };
    Version::parse(version).is_ok()
}

/// Returns the origin of a source; `None` if it is a path in the tarball.
fn origin(source: &str) -> Result<Option<String>, TarballError> {
    let refuse = || TarballError::ShrinkwrapSource { source_text: shorten(source).into_owned() };
    match source.split_once(':') {
        Some(("http" | "https", _)) => {
            let url = Url::parse(source).map_err(|_| refuse())?;
            let is_plain = url.username().is_empty() && url.password().is_none();
            if is_plain { Ok(Some(url.origin().ascii_serialization())) } else { Err(refuse()) }
        }
        Some(("file", path)) if is_within(path) => Ok(None),
        None if is_within(source) => Ok(None),
        _ => Err(refuse()),
    }
}

/// Whether a path stays in the folder that it is relative to, on any system.
fn is_within(path: &str) -> bool {
    !path.starts_with(['/', '\\', '~']) && !path.split(['/', '\\']).any(|part| part.trim() == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(document: &str) -> Result<Vec<String>, TarballError> {
        origins(document.as_bytes()).map(|origins| origins.into_iter().collect())
    }

    fn resolved(source: &str) -> Result<Vec<String>, TarballError> {
        of(&serde_json::json!({ "packages": { "node_modules/fig": { "resolved": source } } }).to_string())
    }

    #[test]
    fn names_each_registry_once() {
        let document = r#"{
            "lockfileVersion": 2,
            "packages": {
                "": { "name": "pear", "version": "1.0.0" },
                "node_modules/fig": { "version": "1.0.0", "resolved": "https://a.example/fig/-/fig-1.0.0.tgz" },
                "node_modules/@x/y": { "version": "1.0.0", "resolved": "http://b.example:8080/npm/@x/y/-/y-1.0.0.tgz" },
                "node_modules/near": { "resolved": "packages/near", "link": true }
            },
            "dependencies": {
                "fig": { "version": "1.0.0", "resolved": "https://A.example:443/fig/-/fig-1.0.0.tgz" },
                "alias": { "version": "npm:@x/y@1.0.0-rc.1" },
                "near": { "version": "file:packages/near", "dependencies": { "old": { "version": "https://c.example/old.tgz" } } }
            }
        }"#;
        let expected = ["http://b.example:8080", "https://a.example", "https://c.example"];
        assert_eq!(of(document).unwrap(), expected);
        assert_eq!(of("\u{feff}{}").unwrap(), [""; 0]);
    }

    #[test]
    fn only_registries_and_the_tarball_itself_are_sources() {
        for source in [
            "git+https://a.example/fig.git#abc",
            "git+ssh://git@a.example/fig.git",
            "git@a.example:fig/fig.git",
            "github:fig/fig",
            "ssh://a.example/fig",
            "HTTP://a.example/fig.tgz",
            " https://a.example/fig.tgz",
            "https://user:secret@a.example/fig.tgz",
            "http:",
            "data:application/gzip,abc",
            "file:../fig",
            "file:///fig",
            "file:~/fig",
            "file:..\\fig",
            "../fig",
            "packages/.. /../fig",
            "/fig",
            "C:/fig",
            "\\\\server\\fig",
        ] {
            assert!(
                matches!(resolved(source), Err(TarballError::ShrinkwrapSource { .. })),
                "{source:?}: {:?}",
                resolved(source)
            );
            let old = serde_json::json!({ "dependencies": { "fig": { "version": source } } });
            assert!(of(&old.to_string()).is_err(), "{source:?}");
        }
    }

    #[test]
    fn what_npm_may_read_differently_is_refused() {
        for document in ["", "[", "{\"packages\":{},\"packages\":{}}", "{'packages': {}}"] {
            assert!(matches!(of(document), Err(TarballError::ShrinkwrapJson { .. })), "{document}");
        }
    }
}
