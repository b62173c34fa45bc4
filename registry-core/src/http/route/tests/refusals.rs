use super::{parse, shown};
use crate::domain::{DistTagError, PackageNameError};
use crate::http::route::RouteError;

#[track_caller]
fn assert_refused(expected: &RouteError, requests: &[&str]) {
    for request in requests {
        assert_eq!(parse(request).as_ref().err(), Some(expected), "{request}: {}", shown(request));
    }
}

#[test]
fn what_the_registry_does_not_have() {
    assert_refused(
        &RouteError::NotFound,
        &[
            "GET /-",
            "GET /-/",
            "GET /-/ready",
            "GET /-/metrics",
            "GET /-/all",
            "GET /-/v1/search/more",
            "GET /-/v1/done",
            "GET /-/npm/v1/nothing",
            "POST /-/npm/v1/security/advisories",
            "POST /-/npm/v1/security/audits/slow",
            "GET /-/npm/v1/keys/more",
            "GET /-/npm/v1/attestations",
            "GET /-/npm/v1/attestations/pear",
            "GET /-/npm/v1/attestations/pear@latest",
            "GET /-/npm/v1/attestations/@acme/pear@1.0.0/more",
            "GET /-/package/pear",
            "GET /-/package/pear/access/more",
            "GET /-/org/acme",
            "GET /-/org/acme/user/ana",
            "GET /-/team/acme/platform/nothing",
            "GET /-/-/user",
            "GET /-/package/pear/dist-tags/latest/more",
            "GET /-/package/@acme/dist-tags",
            "GET /-/package/pear/owners/bob/more",
            "PUT /-/user/org.couchdb.user:",
            "PUT /-/user/bob",
            "PUT /-/user/package/star",
            "PUT /-/user/package/pear/fig/star",
            "DELETE /-/user/token",
            "DELETE /-/user/token/",
            "GET /-/pong",
            "GET /-/ping/pong",
        ],
    );
}

#[test]
fn what_no_package_has() {
    assert_refused(
        &RouteError::NotFound,
        &[
            "GET /pear/-/fig-1.0.0.tgz",
            "GET /pear/-/pear-1.0.0.zip",
            "GET /pear/-/pear-1.0.0",
            "GET /pear/-/pear-1.0.tgz",
            "GET /pear/-/pear-latest.tgz",
            "GET /pear/-/pear-v1.0.0.tgz",
            "GET /pear/-/pear1.0.0.tgz",
            "GET /pear/-/pear-.tgz",
            "GET /pear/-/pear-1.0.0.tgz/more",
            "GET /pear/-/@acme/pear-1.0.0.tgz",
            "GET /@acme/pear/-/@other/pear-1.0.0.tgz",
            "GET /@acme/pear/-/acme/pear-1.0.0.tgz",
            "GET /@acme/pear/-/x/pear-1.0.0.tgz",
            "GET /@acme/pear/-/@acme/x/pear-1.0.0.tgz",
            "DELETE /pear/-/-rev/1-0",
            "DELETE /pear/-/fig-1.0.0.tgz/-rev/1-0",
            "DELETE /pear/-/pear-1.0.0.tgz/-rev/1-0/more",
            "PUT /pear/-rev/1-0/more",
            "GET /downloads/point/last-week/pear/1.0.0",
            "GET /downloads/week/last-week/pear",
            "GET /versions/pear/last-month",
            "GET /versions/pear/fig/last-week",
            "GET /versions/@acme/last-week",
            "GET /pear/a/b",
            "GET /pear/a%2fb",
            "GET /a/b/c/d/e/f/g/h/i/j",
        ],
    );
}

#[test]
fn empty_segments() {
    assert_refused(
        &RouteError::NotFound,
        &[
            "GET //",
            "GET ///",
            "GET //pear",
            "GET /pear//",
            "GET /pear//1.0.0",
            "GET /-//ping",
            "GET /@acme//pear",
        ],
    );
    // Not paths.
    assert_refused(&RouteError::NotFound, &["GET ", "GET pear", "OPTIONS *"]);
}

#[test]
fn other_methods() {
    for (allow, requests) in [
        ("GET, HEAD", ["POST /", "DELETE /-/whoami", "PUT /pear/latest", "DELETE /a/-/a-1.0.0.tgz"]),
        (
            "GET, HEAD, PUT",
            ["POST /pear", "DELETE /@a%2fb", "POST /-/user/org.couchdb.user:a", "DELETE /-/package/a/owners"],
        ),
        (
            "GET, HEAD",
            [
                "POST /downloads/point/last-day",
                "PUT /downloads/range/last-day/a",
                "DELETE /versions/a/last-week",
                "PATCH /versions/@a/b/last-week",
            ],
        ),
        (
            "GET, HEAD, PUT, DELETE",
            [
                "POST /-/user/v1/star",
                "PATCH /-/user/v1/star",
                "OPTIONS /-/user/v1/star",
                "BREW /-/user/v1/star",
            ],
        ),
        (
            "PUT, DELETE",
            [
                "GET /a/-rev/1",
                "HEAD /@a/b/-rev/1",
                "GET /-/package/a/dist-tags/b",
                "GET /-/user/package/a/star",
            ],
        ),
        (
            "DELETE",
            [
                "GET /-/user/token/a",
                "GET /-/package/a/owners/b",
                "PUT /a/-/a-1.0.0.tgz/-rev/1",
                "POST /-/user/token/a",
            ],
        ),
        (
            "PUT",
            [
                "GET /-/user/org.couchdb.user:a/-rev/1",
                "HEAD /-/user/org.couchdb.user:a/-rev/1",
                "POST /-/user/org.couchdb.user:a/-rev/1",
                "DELETE /-/user/org.couchdb.user:a/-rev/1",
            ],
        ),
    ] {
        assert_refused(&RouteError::MethodNotAllowed { allow }, &requests);
    }
}

#[test]
fn invalid_names() {
    for (error, requests) in [
        (PackageNameError::Start, ["GET /_x", "PUT /.x", "GET /_x/a/b/c", "GET /-/package/_x/dist-tags"]),
        (PackageNameError::Character, ["GET /a%2fb", "GET /a%20b", "GET /@acme", "GET /@a%2fb%2fc"]),
        (PackageNameError::Empty, ["GET /@a%2f", "GET /@%2fb", "GET /@/b", "PUT /-/user/package/@%2fb/star"]),
        (
            PackageNameError::Reserved,
            ["PUT /favicon.ico", "GET /node_modules", "GET /-/package/-/owners", "PUT /node_modules"],
        ),
        // A doubly encoded slash is not a slash.
        (
            PackageNameError::Character,
            ["GET /@a%252fb", "GET /@a%252Fb/1.0.0", "GET /a%252fb", "GET /%252e%252e"],
        ),
        (
            PackageNameError::Character,
            ["GET /-%2fping", "GET /%2fpear", "GET /pear%2f-%2fpear-1.0.0.tgz", "GET /@a/b%2f-"],
        ),
    ] {
        assert_refused(&RouteError::Name(error), &requests);
    }
    let long = format!("GET /{}", "a".repeat(215));
    assert_refused(&RouteError::Name(PackageNameError::TooLong), &[&long]);
}

#[test]
fn tags_that_cannot_be_set() {
    for (error, tag) in [
        (DistTagError::Range, "1.0.0"),
        (DistTagError::Range, "v1"),
        (DistTagError::Character, "a%20b"),
        (DistTagError::Character, "a%2fb"),
    ] {
        assert_refused(&RouteError::Tag(error), &[&format!("PUT /-/package/pear/dist-tags/{tag}")]);
    }
}

/// Every position of every route that takes a client's text.
const PLACES: [&str; 17] = [
    "GET /{}",
    "PUT /{}",
    "GET /@{}/pear",
    "GET /@acme/{}",
    "GET /@acme%2f{}",
    "GET /pear/{}",
    "GET /{}/-/pear-1.0.0.tgz",
    "GET /pear/{}/pear-1.0.0.tgz",
    "GET /pear/-/{}",
    "GET /@acme/pear/-/{}/pear-1.0.0.tgz",
    "DELETE /pear/-rev/{}",
    "DELETE /pear/-/pear-1.0.0.tgz/-rev/{}",
    "PUT /-/package/{}/dist-tags/latest",
    "DELETE /-/package/pear/dist-tags/{}",
    "GET /-/{}",
    "DELETE /-/user/token/{}",
    "GET /-/user/{}/stars",
];

#[test]
fn no_segment_leads_elsewhere() {
    for place in PLACES {
        for text in
            ["x%2f..", "x%2F.", "x%2f..%2fy", "x%2f%2e%2e%2fy", "x/..", "x/%2e%2E/y", "x/./y", "x%2f..%5cy"]
        {
            let request = place.replace("{}", text);
            let expected = if text.contains("%5c") { RouteError::Character } else { RouteError::Traversal };
            assert_refused(&expected, &[&request]);
        }
        // The text after an `@` is more than dots.
        if !place.contains("@{}") {
            for text in ["..", ".", "..%2fx", "%2e%2e", "%2E.", ".%2fx", "%2e", "..%2f..%2fetc%2fpasswd"] {
                assert_refused(&RouteError::Traversal, &[&place.replace("{}", text)]);
            }
        }
    }
}

#[test]
fn no_segment_has_strange_characters() {
    for place in PLACES {
        for text in ["a%00", "%00", "a%5cb", "a\\b", "%5C..%5c", "a%0d%0ab", "a%09", "%7f", "a\nb", "%C2%85"]
        {
            assert_refused(&RouteError::Character, &[&place.replace("{}", text)]);
        }
        for text in
            ["%", "%2", "a%", "%zz", "%2g", "%g2", "%+2", "%ff", "%c3", "%c0%af", "%ed%a0%80", "%c3%2f%bc"]
        {
            assert_refused(&RouteError::Encoding, &[&place.replace("{}", text)]);
        }
    }
    assert_refused(
        &RouteError::Character,
        &[
            "GET /-/user/org.couchdb.user:a%2fb",
            "PUT /-/user/org.couchdb.user:a%2fb",
            "DELETE /-/package/pear/owners/a%2fb",
            "GET /-/util/user/a%2fb/stars",
        ],
    );
}

#[test]
fn long_paths() {
    let longest = format!("GET /pear/{}", "a".repeat(8192 - "/pear/".len()));
    assert!(parse(&longest).is_ok());
    assert_refused(&RouteError::TooLong, &[&(longest + "a")]);
}

#[test]
fn an_error_repeats_nothing_of_the_path() {
    for path in ["npm_secret%00", "npm_secret%", "npm_secret/..", "npm_secret/x"] {
        let error = parse(&format!("DELETE /-/user/token/{path}")).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}

/// A name would be in events and logs, and upstreams would be asked for it.
#[test]
fn a_token_where_a_name_belongs() {
    let token = "npm_0123456789abcdefghijABCDEFGHIJ012345";
    for place in [
        "GET /{}",
        "GET /{}/latest",
        "GET /{}/-/{}-1.0.0.tgz",
        "GET /pear/{}",
        "GET /@{}/pear",
        "GET /@acme%2f{}",
        "GET /x{}.js",
        "PUT /{}",
        "GET /-/package/{}/dist-tags",
        "DELETE /-/package/pear/owners/{}",
        "PUT /-/user/org.couchdb.user:{}",
        "GET /-/team/acme/{}/user",
    ] {
        let request = place.replace("{}", token);
        assert_refused(&RouteError::Token, &[&request, &request.replace('_', "%5f")]);
        // One character more or less is none.
        for name in [&token[..39], &format!("{token}6")] {
            assert!(parse(&place.replace("{}", name)).is_ok(), "{place} {name}");
        }
    }
    assert!(parse(&format!("DELETE /-/user/token/{token}")).is_ok());
    assert!(parse(&format!("DELETE /-/npm/v1/tokens/token/{token}")).is_ok());
}
