//! Keys stay in their folder and out of each other's way, whatever the names.

use proptest::prelude::*;
use registry_core::domain::{Integrity, PackageName, StageId, Version};
use registry_core::storage::Key;

fn name() -> impl Strategy<Value = PackageName> {
    prop_oneof!["[-aAbB1.~]{1,3}", "@[-aA.]{1,2}/[-_aAbB1.~]{1,3}", "@a/(index\\.json|1\\.0\\.0\\.tgz|-)"]
        .prop_filter_map("not a name", |text| PackageName::parse(&text).ok())
}

fn version() -> impl Strategy<Value = Version> {
    "[01]\\.[01]\\.[01](-[-aA1]{1,2}(\\.[-a]{1,2})?)?(\\+[-a.]{1,3})?"
        .prop_filter_map("not a version", |text| Version::parse(&text).ok())
}

fn paths_of(name: &PackageName, version: &Version, account: &str) -> Vec<String> {
    let integrity = Integrity::of(version.as_str().as_bytes());
    [
        Key::Packument(name),
        Key::PlainPackument(name),
        Key::Tarball(name, version, &integrity),
        Key::PlainTarball(name, version),
        Key::Account(account),
        Key::Star(account, name),
        Key::Spelling(name),
        Key::SearchShard(7),
        Key::Stage(StageId::from_random([7; 16])),
        Key::StageTarball(StageId::from_random([7; 16])),
        Key::StagedOf(name, StageId::from_random([7; 16])),
    ]
    .iter()
    .filter_map(|key| key.path().ok())
    .map(|path| path.as_str().to_owned())
    .collect()
}

proptest! {
    #[test]
    fn a_key_never_leaves_its_folder(name in name(), version in version(), account in ".{1,20}") {
        for path in paths_of(&name, &version, &account) {
            for segment in path.split('/') {
                prop_assert!(!matches!(segment, "" | "." | ".."), "{}", path);
                prop_assert!(!segment.contains(['\\', '\0']), "{}", path);
            }
        }
    }

    #[test]
    fn no_key_is_a_folder_of_another(
        first in (name(), version(), "[ab./_]{1,3}"),
        second in (name(), version(), "[ab./_]{1,3}"),
    ) {
        for shorter in paths_of(&first.0, &first.1, &first.2) {
            for longer in paths_of(&second.0, &second.1, &second.2) {
                prop_assert!(!longer.starts_with(&format!("{shorter}/")), "{} and {}", shorter, longer);
            }
        }
    }

    #[test]
    fn names_that_differ_in_capitals_have_keys_that_differ_in_more(first in name(), second in name()) {
        if first != second {
            let version = Version::parse("1.0.0").unwrap();
            let integrity = Integrity::of(b"tarball");
            for (of_first, of_second) in [
                (Key::Packument(&first), Key::Packument(&second)),
                (Key::Tarball(&first, &version, &integrity), Key::Tarball(&second, &version, &integrity)),
                (Key::Star("ana", &first), Key::Star("ana", &second)),
            ] {
                let (of_first, of_second) = (of_first.path().unwrap(), of_second.path().unwrap());
                prop_assert!(!of_first.as_str().eq_ignore_ascii_case(of_second.as_str()), "{}", of_first);
            }
        }
    }
}

#[test]
fn capitals_are_escaped() {
    let name = PackageName::parse("@Acme/JSONStream").unwrap();
    assert_eq!(Key::Packument(&name).path().unwrap().as_str(), "@=acme/=j=s=o=n=stream/index.json");
    assert_eq!(Key::PlainPackument(&name).path().unwrap().as_str(), "@Acme/JSONStream/index.json");
}

proptest! {
    #[test]
    fn the_folder_of_a_package_tells_its_name(name in name()) {
        for key in [Key::Packument(&name), Key::PlainPackument(&name)] {
            let path = key.path().unwrap();
            let (folder, _) = path.as_str().rsplit_once('/').unwrap();
            prop_assert_eq!(Key::package_of_folder(folder), Some(name.clone()));
        }
    }
}

#[test]
fn other_folders_are_no_packages() {
    for folder in ["_search", "_accounts", "@acme", "a=", "a=B", "lost+found", "@acme/_search/x"] {
        assert_eq!(Key::package_of_folder(folder), None, "{folder}");
    }
}

proptest! {
    #[test]
    fn the_package_of_a_staged_version_is_in_its_key(name in name()) {
        let path = Key::StagedOf(&name, StageId::from_random([7; 16])).path().unwrap();
        prop_assert_eq!(Key::package_of_staged(&path), Some(name));
    }
}
