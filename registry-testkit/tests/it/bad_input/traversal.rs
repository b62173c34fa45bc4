use http::Method;

use super::{Ground, explained, is_path};

/// Ways to leave a folder, or to end a name early.
const SEGMENTS: &[&str] = &[
    "..",
    ".",
    "%2e%2e",
    "%2E%2E",
    ".%2e",
    "%2e",
    "..%2f..%2f_accounts%2fana.json",
    "..%2fpear",
    "..%5c..%5cpear",
    "..\\..\\pear",
    "%2fetc%2fpasswd",
    "%2f",
    "%2f%2f",
    "%5c",
    "c:%5cpear",
    "%252e%252e",
    "%252e%252e%252f_accounts",
    "..%252f_accounts",
    "%25252e%25252e",
    "%00",
    "pear%00",
    "pear%00.json",
    "%c0%ae%c0%ae",
    "%c0%af",
    "%e0%80%ae",
    "%ff%fe",
    "..;",
    "....%2f%2f",
    "%",
    "%2",
    "%zz",
    "%u002e",
    "pear%2f..%2f_tokens",
    "@..%2fpear",
    "@acme%2f..",
    "@acme%2f..%2f..",
    "@acme%2f%2e%2e",
    "_accounts",
    "_accounts%2fana.json",
    "index.json%00",
    "%7f",
    "%0a",
    "%e2%80%ae",
];

/// Every route, with a hole in each of its segments in turn.
const ROUTES: &[(Method, &str)] = &[
    (Method::GET, "/{}"),
    (Method::GET, "/@acme/{}"),
    (Method::GET, "/{}/pear"),
    (Method::GET, "/pear/{}"),
    (Method::GET, "/@acme/pear/{}"),
    (Method::GET, "/@acme%2fpear/{}"),
    (Method::GET, "/{}/1.0.0"),
    (Method::GET, "/{}/-/pear-1.0.0.tgz"),
    (Method::GET, "/pear/{}/pear-1.0.0.tgz"),
    (Method::GET, "/pear/-/{}"),
    (Method::GET, "/pear/-/{}.tgz"),
    (Method::GET, "/pear/-/pear-{}.tgz"),
    (Method::GET, "/@acme/pear/-/{}/pear-1.0.0.tgz"),
    (Method::GET, "/@acme/pear/-/@acme/{}"),
    (Method::HEAD, "/pear/-/{}"),
    (Method::PUT, "/{}"),
    (Method::PUT, "/@acme/{}"),
    (Method::PUT, "/{}/pear"),
    (Method::PUT, "/{}/-rev/1-0"),
    (Method::PUT, "/pear/{}/1-0"),
    (Method::PUT, "/pear/-rev/{}"),
    (Method::DELETE, "/{}/-rev/1-0"),
    (Method::DELETE, "/pear/{}/1-0"),
    (Method::DELETE, "/pear/-rev/{}"),
    (Method::DELETE, "/{}/-/pear-1.0.0.tgz/-rev/1-0"),
    (Method::DELETE, "/pear/-/{}/-rev/1-0"),
    (Method::DELETE, "/pear/{}/pear-1.0.0.tgz/-rev/1-0"),
    (Method::DELETE, "/pear/-/pear-1.0.0.tgz/{}/1-0"),
    (Method::DELETE, "/pear/-/pear-1.0.0.tgz/-rev/{}"),
    (Method::GET, "/{}/package/pear/dist-tags"),
    (Method::GET, "/-/{}"),
    (Method::GET, "/-/{}/pear/dist-tags"),
    (Method::GET, "/-/package/{}/dist-tags"),
    (Method::GET, "/-/package/@acme/{}/dist-tags"),
    (Method::GET, "/-/package/pear/{}"),
    (Method::PUT, "/-/package/{}/dist-tags/beta"),
    (Method::PUT, "/-/package/pear/{}/beta"),
    (Method::PUT, "/-/package/pear/dist-tags/{}"),
    (Method::DELETE, "/-/package/{}/dist-tags/beta"),
    (Method::DELETE, "/-/package/pear/dist-tags/{}"),
    (Method::GET, "/-/package/{}/owners"),
    (Method::PUT, "/-/package/{}/owners"),
    (Method::DELETE, "/-/package/{}/owners/ana"),
    (Method::DELETE, "/-/package/pear/owners/{}"),
    (Method::GET, "/-/user/{}"),
    (Method::GET, "/-/user/org.couchdb.user:{}"),
    (Method::PUT, "/-/user/{}"),
    (Method::PUT, "/-/user/org.couchdb.user:{}"),
    (Method::PUT, "/-/user/org.couchdb.user:{}/-rev/1-0"),
    (Method::PUT, "/-/user/org.couchdb.user:bob/{}/1-0"),
    (Method::PUT, "/-/user/package/{}/star"),
    (Method::PUT, "/-/user/package/@acme/{}/star"),
    (Method::PUT, "/-/user/package/pear/{}"),
    (Method::DELETE, "/-/user/package/{}/star"),
    (Method::PUT, "/-/user/v1/{}"),
    (Method::GET, "/-/user/{}/stars/x"),
    (Method::GET, "/-/_view/{}"),
    (Method::GET, "/../{}"),
    (Method::GET, "//{}"),
];

/// A body that would do something on any route that takes one.
const BODY: &str =
    r#"{"_id":"x","name":"x","password":"long enough","user":"ana","package":"pear","versions":{}}"#;

#[tokio::test]
async fn no_segment_of_any_route_leads_out() {
    let ground = Ground::new().await;
    let (mut asked, mut failures) = (0, Vec::new());
    for (method, route) in ROUTES {
        for segment in SEGMENTS {
            let path = route.replace("{}", segment);
            if !is_path(&path) {
                continue;
            }
            asked += 1;
            let answer = ground.ana.ask(method.clone(), &path, BODY).await;
            if !answer.status.is_client_error() {
                failures.push(format!("{method} {path}: {} {}", answer.status, answer.text()));
            } else if *method != Method::HEAD {
                explained(&path, &answer);
            }
        }
    }
    assert!(asked > 2_000, "{asked}");
    assert_eq!(failures, [""; 0]);
    assert_eq!(ground.registry.keys().await, ground.stored.keys().cloned().collect::<Vec<_>>());
    assert!(ground.registry.stored().await == ground.stored, "something was changed");
    let _ = ground.ana.get("/pear").await.assert_status(200);
}

#[tokio::test]
async fn nothing_of_the_registrys_own_is_served() {
    let ground = Ground::new().await;
    for key in ground.stored.keys() {
        for path in [format!("/{key}"), format!("/{}", key.replace('/', "%2f")), format!("/x/-/{key}")] {
            let answer = ground.ana.get(&path).await;
            assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
        }
    }
}

#[tokio::test]
async fn a_prefix_is_no_way_around_either() {
    let registry = registry_testkit::TestRegistry::builder().path_prefix("/npm/private").start().await;
    let before = registry.stored().await;
    for path in [
        "/npm/private/..%2f..%2f_accounts",
        "/npm/private/../pear",
        "/npm/../-/whoami",
        "/npm%2fprivate/-/whoami",
        "/npm/private%2f-/whoami",
        "/npm/privat%65/-/whoami",
        "//npm/private/-/whoami",
        "/npm/private//-/whoami",
    ] {
        let answer = registry.ana().get(path).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
        assert!(!answer.error().is_empty());
    }
    assert_eq!(registry.stored().await, before);
}
