//! A document as npm makes it of a `package.json` is taken; one that says anything else is not.

use registry_core::domain::tarball::{TarballContents, TarballError, agree, inspect};
use registry_core::limits::Limits;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::tarball_builder::TarballBuilder;

/// `tests/vectors/generate.mjs` had npm make the documents.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Published {
    about: String,
    package_json: String,
    files: Vec<String>,
    document: Map<String, Value>,
}

/// What npm publishes although other clients read its `package.json` differently.
const REFUSED: [&str; 15] = [
    "bin is a string in a scope",
    "bin is a list",
    "bin is untidy",
    "bin is a number",
    "bin is a folder",
    "bin is a folder beside an empty bin",
    "bin is the whole package",
    "scripts that are no text",
    "scripts are a text",
    "dependencies are a list",
    "dependencies are a text",
    "dependencies are a number",
    "optional dependencies are a list",
    "peer dependencies are a list",
    "dependencies that are no text",
];

type Inspected = Result<TarballContents, TarballError>;

fn inspected() -> Vec<(String, Map<String, Value>, Inspected)> {
    let vectors: Vec<Published> = serde_json::from_str(include_str!("../../vectors/manifests.json")).unwrap();
    assert!(vectors.len() > 30, "the vectors are too few to prove anything");
    vectors
        .into_iter()
        .map(|published| {
            let mut tarball =
                TarballBuilder::default().file("package/package.json", published.package_json.as_bytes());
            for file in &published.files {
                tarball = tarball.file(&format!("package/{file}"), b"");
            }
            (published.about, published.document, inspect(&tarball.build(), &Limits::default()))
        })
        .collect()
}

fn published() -> Vec<(String, Map<String, Value>, TarballContents)> {
    let taken = inspected().into_iter().filter(|(about, ..)| !REFUSED.contains(&about.as_str()));
    taken.map(|(about, document, contents)| (about, document, contents.unwrap())).collect()
}

#[test]
fn what_clients_read_differently_is_refused_although_npm_publishes_it() {
    let refused = inspected().into_iter();
    let refused: Vec<_> =
        refused.filter_map(|(about, _, inspected)| Some((about, inspected.err()?))).collect();
    assert_eq!(refused.iter().map(|(about, _)| about.as_str()).collect::<Vec<_>>(), REFUSED);
    for (about, error) in refused {
        let is_named = matches!(
            error,
            TarballError::ManifestField { .. }
                | TarballError::Command { .. }
                | TarballError::CommandFolder { .. }
        );
        assert!(is_named, "{about}: {error}");
    }
}

#[test]
fn what_npm_publishes_agrees_with_what_it_packs() {
    for (about, document, contents) in published() {
        assert_eq!(agree(&document, &contents), Ok(()), "{about}");
    }
}

#[test]
fn a_package_json_that_is_published_as_it_is_agrees() {
    for (about, _, contents) in published() {
        let mut document = contents.manifest.clone();
        document["name"] = document["name"].as_str().unwrap().trim().into();
        assert_eq!(agree(&document, &contents), Ok(()), "{about}");
    }
}

#[test]
fn whatever_is_added_or_hidden_is_noticed() {
    for (about, document, contents) in published() {
        for (field, value) in [
            ("dependencies", json!({ "hidden": "^1.0.0" })),
            ("optionalDependencies", json!({ "hidden": "^1.0.0" })),
            ("peerDependencies", json!({ "hidden": "^1.0.0" })),
            ("scripts", json!({ "postinstall": "node hidden.js" })),
            ("bin", json!({ "hidden": "cli.js" })),
        ] {
            let mut added = document.clone();
            added.insert(field.to_owned(), value.clone());
            let disagreement = agree(&added, &contents).unwrap_err();
            assert!(disagreement.field().starts_with(field), "{about}: {disagreement}");

            let mut hiding = contents.clone();
            hiding.manifest.insert(field.to_owned(), value);
            let disagreement = agree(&document, &hiding).unwrap_err();
            assert!(disagreement.field().starts_with(field), "{about}: {disagreement}");
        }
        for (field, value) in [("name", "other"), ("version", "9.9.9")] {
            let mut other = document.clone();
            other.insert(field.to_owned(), value.into());
            assert_eq!(agree(&other, &contents).unwrap_err().field(), field, "{about}");
        }
    }
}
