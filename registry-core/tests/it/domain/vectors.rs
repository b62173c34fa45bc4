//! `tests/vectors/generate.mjs` asked npm; the types must answer the same but for the differences they document.

use std::cmp::Ordering;

use registry_core::domain::{DistTag, NewNameError, PackageName, Version};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NameVector {
    name: String,
    valid_for_old_packages: bool,
    valid_for_new_packages: bool,
    errors: Vec<String>,
}

#[derive(Deserialize)]
struct VersionVector {
    text: String,
    strict: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DistTagVector {
    text: String,
    range: bool,
    url_friendly: bool,
}

fn vectors<Vector: for<'de> Deserialize<'de>>(json: &str) -> Vec<Vector> {
    let vectors: Vec<Vector> = serde_json::from_str(json).unwrap();
    assert!(vectors.len() > 300, "the vectors are too few to prove anything");
    vectors
}

#[test]
fn names_are_those_npm_takes_for_packages_that_exist() {
    for vector in vectors::<NameVector>(include_str!("../../vectors/names.json")) {
        let a_leading_hyphen_at_most =
            vector.errors.iter().all(|error| error == "name cannot start with a hyphen")
                && vector.name != "-";
        let expected = a_leading_hyphen_at_most && vector.name.len() <= 214;
        if vector.valid_for_new_packages {
            assert!(vector.valid_for_old_packages && expected, "{:?}", vector.name);
        }
        assert_eq!(
            PackageName::parse(&vector.name).is_ok(),
            expected,
            "{:?}: {:?}",
            vector.name,
            vector.errors
        );
    }
}

#[test]
fn new_names_are_those_npm_takes_for_new_packages() {
    for vector in vectors::<NameVector>(include_str!("../../vectors/names.json")) {
        let Ok(name) = PackageName::parse(&vector.name) else { continue };
        match name.check_new() {
            // Capitals are allowed here.
            Ok(()) => {
                let has_capitals = vector.name != vector.name.to_ascii_lowercase();
                assert!(vector.valid_for_new_packages || has_capitals, "{name}");
            }
            // npm does not know Windows, and takes any scope.
            Err(NewNameError::Dot | NewNameError::Device) => {}
            Err(problem) => {
                let is_of_scope =
                    name.scope().is_some_and(|scope| scope.contains(['~', '\'', '!', '(', ')', '*']));
                assert!(!vector.valid_for_new_packages || is_of_scope, "{name}: {problem}");
            }
        }
    }
}

#[test]
fn versions_are_those_npm_would_write_the_same() {
    for vector in vectors::<VersionVector>(include_str!("../../vectors/versions.json")) {
        assert_eq!(Version::parse(&vector.text).is_ok(), vector.strict, "{:?}", vector.text);
    }
}

#[test]
fn versions_come_in_the_order_of_npm() {
    for (first, second, expected) in
        vectors::<(String, String, i8)>(include_str!("../../vectors/version_order.json"))
    {
        let (first, second) = (Version::parse(&first).unwrap(), Version::parse(&second).unwrap());
        let expected = expected.cmp(&0);
        assert_eq!(first.is_same_release(&second), expected == Ordering::Equal, "{first} and {second}");
        if expected != Ordering::Equal {
            assert_eq!(first.cmp(&second), expected, "{first} and {second}");
        }
        assert_eq!(first.cmp(&second) == Ordering::Equal, first == second, "{first} and {second}");
    }
}

#[test]
fn dist_tags_are_url_friendly_and_no_ranges() {
    for vector in vectors::<DistTagVector>(include_str!("../../vectors/dist_tags.json")) {
        let expected =
            vector.url_friendly && !vector.range && !vector.text.is_empty() && vector.text.len() <= 214;
        assert_eq!(DistTag::parse(&vector.text).is_ok(), expected, "{:?}", vector.text);
    }
}
