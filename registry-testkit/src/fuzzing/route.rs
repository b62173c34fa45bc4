use std::sync::PoisonError;

use http::{Method, Uri};
use registry_core::domain::PackageName;
use registry_core::http::route::Route;

use super::ground::{Ground, Held};
use super::route_spelling::{package_of, shown, spelled};

thread_local! {
    static GROUND: Ground = Ground::new();
}

/// The packages that are there.
const KNOWN: [&str; 2] = ["pear", "@acme/pear"];

/// The longest path that a registry reads.
const LONGEST: usize = 8 << 10;

/// Any method and path, as `GET /pear`: it is the same route however it is spelled, an escape is undone once, and the
/// registry answers without touching what belongs to another package.
///
/// # Panics
///
/// If one of that is not so.
pub fn route(input: &[u8]) {
    let Some((method, path)) = std::str::from_utf8(input).ok().and_then(|text| text.split_once(' ')) else {
        return;
    };
    let Ok(method) = Method::from_bytes(method.as_bytes()) else { return };
    let parsed = Route::parse(&method, path);
    assert_spelled_otherwise(&method, path);
    assert_undone_once(&method, path);
    if let Ok(route) = &parsed {
        for slash in ["/", "%2f", "%2F"] {
            if let Some((method, path)) = spelled(route, slash)
                && path.len() <= LONGEST
            {
                assert_eq!(shown(&Route::parse(&method, &path)), shown(&parsed), "{method} {path}");
            }
        }
        if let Some(name) = package_of(route) {
            assert_eq!(PackageName::parse(name.as_str()).as_ref(), Ok(name));
        }
    }
    if path.parse::<Uri>().is_ok_and(|uri| uri.path() == path) {
        let found = parsed.ok().or_else(|| read_behind_slashes(&method, path));
        let package = found.as_ref().and_then(package_of);
        GROUND.with(|ground| ground.with(async |held: &Held| ask(held, &method, path, package).await));
    }
}

/// A read of a package is found behind more slashes than one, too.
fn read_behind_slashes(method: &Method, path: &str) -> Option<Route> {
    let rest = path.strip_prefix("//")?.trim_start_matches('/');
    let route = Route::parse(method, &format!("/{rest}")).ok()?;
    matches!(route, Route::Packument { .. } | Route::Manifest { .. } | Route::Tarball { .. }).then_some(route)
}

/// All of it in escapes is the same, and so is a slash more at the end, and `HEAD` for `GET`.
fn assert_spelled_otherwise(method: &Method, path: &str) {
    let route = shown(&Route::parse(method, path));
    if let Some(escaped) = escaped(path)
        && escaped.len() <= LONGEST
    {
        assert_eq!(shown(&Route::parse(method, &escaped)), route, "{escaped}");
    }
    if path.len() < LONGEST && !path.is_empty() && !path.ends_with('/') {
        assert_eq!(shown(&Route::parse(method, &format!("{path}/"))), route, "{path}/");
    }
    if *method == Method::GET {
        assert_eq!(shown(&Route::parse(&Method::HEAD, path)), route, "HEAD {path}");
    }
}

/// What is escaped twice still holds an escape when it is read.
fn assert_undone_once(method: &Method, path: &str) {
    let twice = path.replace('%', "%25");
    if twice != path
        && let Ok(route) = Route::parse(method, &twice)
    {
        let shown = shown(&Ok(route));
        assert!(shown.contains('%') || shown.contains("REDACTED"), "{twice}: {shown}");
    }
}

fn hex(digit: u8) -> char {
    char::from(b"0123456789abcdef"[usize::from(digit)])
}

/// The path with each byte between its slashes as an escape; `None` if an escape in it is none.
fn escaped(path: &str) -> Option<String> {
    let mut escaped = String::new();
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let digit = |byte: u8| char::from(byte).is_ascii_hexdigit().then_some(char::from(byte));
        match byte {
            b'/' => escaped.push('/'),
            b'%' => escaped.extend(['%', digit(bytes.next()?)?, digit(bytes.next()?)?]),
            byte => escaped.extend(['%', hex(byte >> 4), hex(byte & 0xf)]),
        }
    }
    Some(escaped)
}

async fn ask(held: &Held, method: &Method, path: &str, package: Option<&PackageName>) {
    let registry = &held.registry;
    registry.store().take_calls();
    let answer = registry.ana().ask(method.clone(), path, "").await;
    assert!(!answer.status.is_server_error(), "{}: {}", answer.status, answer.text());
    // The login in a browser is refused with a page.
    let is_page = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    if answer.status.is_client_error() && *method != Method::HEAD && !is_page {
        assert!(!answer.error().is_empty());
    }
    let mut asked = held.asked.lock().unwrap_or_else(PoisonError::into_inner);
    asked.extend(package.into_iter().flat_map(|name| [name.to_string(), escape_capitals(name.as_str())]));
    for (operation, key) in registry.store().take_calls() {
        let below =
            |folder: &String| key.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'));
        let is_own = asked.iter().any(below);
        // Routes that name no package may look at all there are.
        let is_known =
            package.is_none() && (key.ends_with('/') || KNOWN.map(str::to_owned).iter().any(below));
        assert!(key.starts_with(['_', '/']) || is_own || is_known, "{operation:?} of {key}");
    }
}

/// As the store spells names.
fn escape_capitals(name: &str) -> String {
    let spell = |letter: char| match letter {
        'A'..='Z' => format!("={}", letter.to_ascii_lowercase()),
        _ => letter.to_string(),
    };
    name.chars().map(spell).collect()
}
