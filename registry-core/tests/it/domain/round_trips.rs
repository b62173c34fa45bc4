//! What parses is displayed as it was written, and parses again to the same.

use proptest::prelude::*;
use registry_core::domain::{DistTag, Integrity, PackageName, Version};

/// Short texts of characters that mean something in names, versions and tags.
fn interesting() -> impl Strategy<Value = String> {
    "[-aBx019_.~!*'()@/+v ]{0,12}"
}

proptest! {
    #[test]
    fn a_name_displays_as_it_was_written(text in interesting()) {
        if let Ok(name) = PackageName::parse(&text) {
            prop_assert_eq!(name.to_string(), text.as_str());
            prop_assert_eq!(PackageName::parse(name.as_str()), Ok(name.clone()));
            let whole = name.scope().map_or_else(|| name.base().to_owned(), |scope| format!("@{scope}/{}", name.base()));
            prop_assert_eq!(whole, text);
        }
    }

    #[test]
    fn a_version_displays_as_it_was_written(
        text in prop_oneof![interesting(), "[0-9]{1,2}\\.[0-9]\\.[0-9](-[-a0-9.]{1,5})?(\\+[-a0-9.]{1,5})?"],
    ) {
        if let Ok(version) = Version::parse(&text) {
            prop_assert_eq!(version.to_string(), text.as_str());
            prop_assert_eq!(Version::parse(version.as_str()), Ok(version));
        }
    }

    #[test]
    fn a_dist_tag_displays_as_it_was_written(text in interesting()) {
        if let Ok(tag) = DistTag::parse(&text) {
            prop_assert_eq!(tag.to_string(), text.as_str());
            prop_assert_eq!(DistTag::parse(tag.as_str()), Ok(tag));
        }
    }

    #[test]
    fn an_integrity_matches_its_bytes_and_no_others(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        others in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let integrity = Integrity::of(&bytes);
        prop_assert_eq!(Integrity::parse(&integrity.to_string()), Ok(integrity.clone()));
        prop_assert!(integrity.matches(&bytes));
        prop_assert_eq!(integrity.matches(&others), bytes == others);
    }

    #[test]
    fn no_text_makes_parsing_panic(text in ".{0,40}") {
        let _ = (PackageName::parse(&text), Version::parse(&text), DistTag::parse(&text), Integrity::parse(&text));
    }
}

#[test]
fn an_integrity_is_found_among_other_digests() {
    let integrity = Integrity::of(b"tarball");
    for text in [
        format!("sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= {integrity}"),
        format!("  {integrity}\n"),
        format!("{integrity}?option"),
        format!("{integrity} sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="),
    ] {
        assert_eq!(Integrity::parse(&text), Ok(integrity.clone()), "{text:?}");
    }
}

#[test]
fn an_integrity_must_be_a_whole_sha512() {
    let integrity = Integrity::of(b"tarball").to_string();
    for text in ["", "sha512", "sha512-", "sha512-AAAA", "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "SHA512-AAAA"] {
        assert!(Integrity::parse(text).is_err(), "{text:?}");
    }
    assert!(Integrity::parse(&integrity[..integrity.len() - 1]).is_err());
    assert!(Integrity::parse(&format!("{integrity}A")).is_err());
}
