use proptest::prelude::*;

use super::{parse, shown};
use crate::domain::{DistTag, PackageName, Version};
use crate::http::route::{Route, RouteError};

fn names() -> impl Strategy<Value = PackageName> {
    let base = "[a-zA-Z0-9~!*'()-][a-zA-Z0-9._~!*'()-]{0,20}";
    let scoped = ("[a-zA-Z0-9._~-]{1,10}", "[a-zA-Z0-9_~-][a-zA-Z0-9._~-]{0,20}")
        .prop_map(|(scope, base)| format!("@{scope}/{base}"));
    prop_oneof![base, scoped].prop_filter_map("a name", |name| PackageName::parse(&name).ok())
}

fn versions() -> impl Strategy<Value = Version> {
    "(0|[1-9][0-9]{0,3})(\\.(0|[1-9][0-9]{0,3})){2}(-[a-z-][a-z0-9-]{0,5}(\\.tgz)?)?(\\+[a-z0-9.-]{1,8})?"
        .prop_filter_map("a version", |version| Version::parse(&version).ok())
}

/// Escapes every byte, alternating between lowercase and uppercase hex digits.
fn escaped(text: &str) -> String {
    let escape = |(index, byte)| if index % 2 == 0 { format!("%{byte:02x}") } else { format!("%{byte:02X}") };
    text.bytes().enumerate().map(escape).collect()
}

/// All spellings of a name that clients write into a path.
fn spellings(name: &PackageName) -> Vec<String> {
    let plain = name.to_string();
    let escaped_apart = plain.split('/').map(escaped).collect::<Vec<_>>().join("/");
    vec![
        plain.replace('/', "%2f"),
        plain.replace('/', "%2F"),
        plain.replace('/', "%2f").replace('@', "%40"),
        plain.replace('@', "%40"),
        plain.replace('-', "%2D"),
        escaped(&plain),
        escaped_apart,
        plain,
    ]
}

/// All spellings of a tarball's file name that clients write into a path.
fn files(name: &PackageName, version: &Version) -> Vec<String> {
    let file = format!("{}-{version}.tgz", name.base());
    let mut files = vec![escaped(&file), file.replace('+', "%2B"), file.replace('-', "%2D"), file];
    files.extend(spellings(name).into_iter().map(|name| format!("{name}-{version}.tgz")));
    files
}

#[track_caller]
fn assert_same(expected: &Route, requests: impl IntoIterator<Item = String>) -> Result<(), TestCaseError> {
    let expected = format!("{expected:?}");
    for request in requests {
        prop_assert_eq!(&shown(&request), &expected, "{}", request);
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_spelling_of_a_name_is_the_same_packument(name in names()) {
        let paths = spellings(&name);
        let expected = Route::Packument { name: name.clone() };
        assert_same(&expected, paths.iter().map(|path| format!("GET /{path}")))?;
        assert_same(&expected, paths.iter().map(|path| format!("HEAD /{path}/")))?;
        assert_same(&Route::PutPackument { name }, paths.iter().map(|path| format!("PUT /{path}")))?;
    }

    #[test]
    fn every_spelling_of_a_version_is_the_same_manifest(name in names(), version in versions()) {
        let expected = Route::Manifest { name: name.clone(), selector: version.to_string() };
        for path in spellings(&name) {
            let plus_escaped = version.as_str().replace('+', "%2B");
            let selectors = [version.to_string(), plus_escaped, escaped(version.as_str())];
            assert_same(&expected, selectors.map(|selector| format!("GET /{path}/{selector}")))?;
        }
    }

    #[test]
    fn every_spelling_of_a_tarball_is_the_same_tarball(
        name in names(),
        version in versions(),
        revision in "[a-z0-9-]{1,8}",
    ) {
        let read = Route::Tarball { name: name.clone(), version: version.clone() };
        let delete =
            Route::DeleteTarball { name: name.clone(), version: version.clone(), revision: revision.clone() };
        for path in spellings(&name) {
            let files = files(&name, &version);
            assert_same(&read, files.iter().map(|file| format!("GET /{path}/-/{file}")))?;
            assert_same(&delete, files.iter().map(|file| format!("DELETE /{path}/-/{file}/-rev/{revision}")))?;
        }
    }

    #[test]
    fn every_spelling_below_a_package_is_the_same_route(name in names(), tag in "[a-u][a-z0-9]{3,8}") {
        let set = Route::SetDistTag { name: name.clone(), tag: DistTag::parse(&tag).unwrap() };
        let remove = Route::RemoveOwner { name: name.clone(), account: tag.clone() };
        let star = Route::Star { name: Some(name.clone()) };
        let paths = spellings(&name);
        assert_same(&set, paths.iter().map(|path| format!("PUT /-/package/{path}/dist-tags/{tag}")))?;
        assert_same(&remove, paths.iter().map(|path| format!("DELETE /-/package/{path}/owners/{tag}")))?;
        assert_same(&star, paths.iter().map(|path| format!("PUT /-/user/package/{path}/star")))?;
    }

    #[test]
    fn any_path_gives_a_route_or_an_error(
        method in proptest::sample::select(&["GET", "HEAD", "PUT", "POST", "DELETE"][..]),
        path in prop_oneof![
            any::<String>(),
            "/(-|-rev|@|%|%2|%40|%2f|%2F|%00|%c3|\\.|/|a|ü|user|package|token|star|\\.tgz|-1\\.0\\.0){0,14}",
            "(/(-|-rev|@a|b|@a%2fb|package|user|v1|token|star|stars|dist-tags|owners|%40|%2e|b-1\\.0\\.0\\.tgz)){0,9}/?",
        ],
    ) {
        let result = parse(&format!("{method} {path}"));
        // Text that selects something in the store is clean.
        if let Ok(Route::Manifest { selector: text, .. } | Route::Stars { account: Some(text) }) = &result {
            prop_assert!(!text.contains(['/', '\\', '\0']) && text != "..", "{:?}", result);
        }
    }

    #[test]
    fn a_double_encoding_is_never_undone(name in names().prop_filter("scoped", |name| name.scope().is_some())) {
        for path in spellings(&name) {
            // Escapes the escapes, and at least the slash and the `@`.
            let once = path.replace('/', "%2f").replace('@', "%40");
            let twice = once.replace('%', "%25");
            let result = parse(&format!("GET /{twice}"));
            prop_assert!(matches!(result, Err(RouteError::Name(_))), "{twice}: {:?}", result);
        }
    }
}
