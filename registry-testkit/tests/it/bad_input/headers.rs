use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HOST, IF_MODIFIED_SINCE, IF_NONE_MATCH, RANGE,
};
use http::{HeaderName, HeaderValue, Method, Request};
use registry_core::Body;
use registry_core::auth::Credential;
use registry_core::http::TrustedProxy;
use registry_testkit::http_client::TestResponse;
use registry_testkit::publish_document::PublishDocument;

use super::Ground;

async fn with_header(
    ground: &Ground,
    method: Method,
    path: &str,
    name: HeaderName,
    value: &[u8],
) -> TestResponse {
    let value = HeaderValue::from_bytes(value).unwrap();
    let request =
        Request::builder().method(method).uri(path).header(name, value).body(Body::empty()).unwrap();
    ground.ana.send(request).await
}

#[tokio::test]
async fn malformed_credentials_are_401_and_unknown_tokens_read_as_anonymous_callers_do() {
    let ground = Ground::new().await;
    let long = format!("Bearer {}", "x".repeat(1 << 16));
    for authorization in [
        b"".as_slice(),
        b" ",
        b"Bearer",
        b"Bearer ",
        b"Bearer npm_wrong",
        b"bearer undefined",
        b"Bearer null",
        b"Bearer a b",
        b"Bearer \xff\xfe",
        b"\xff",
        b"Basic",
        b"Basic ",
        b"Basic !!!!",
        b"Basic YW5h",
        b"Basic OnB3",
        b"Basic YW5hOndyb25n",
        b"Basic /////w==",
        b"Digest username=\"ana\"",
        b"npm_token",
        b"Bearer,Bearer",
        b"Bearer ../../_accounts/ana",
        long.as_bytes(),
    ] {
        for (method, path) in [
            (Method::GET, "/pear"),
            (Method::GET, "/pear/-/pear-1.0.0.tgz"),
            (Method::GET, "/-/whoami"),
            (Method::PUT, "/plum"),
            (Method::DELETE, "/-/package/pear/dist-tags/latest"),
        ] {
            let what = format!("{method} {path} with {:.40}", String::from_utf8_lossy(authorization));
            let answer = with_header(&ground, method, path, AUTHORIZATION, authorization).await;
            let is_read = path.starts_with("/pear");
            let is_token = std::str::from_utf8(authorization).ok().and_then(Credential::from_authorization);
            if is_read && matches!(is_token, Some(Credential::Bearer(_))) {
                // An unknown token reads what anonymous callers may.
                let anonymous = ground.registry.anonymous().get(path).await.assert_status(200);
                assert_eq!((answer.status, answer.body), (anonymous.status, anonymous.body), "{what}");
                continue;
            }
            ground.refused(&what, &answer).await;
            assert_eq!(answer.status, 401, "{what}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{what}");
        }
    }
}

#[tokio::test]
async fn two_credentials_at_once_do_not_add_up() {
    let ground = Ground::new().await;
    let token = format!("Bearer {}", ground.ana.token().unwrap());
    let request =
        Request::get("/-/whoami").header(AUTHORIZATION, "Bearer npm_wrong").header(AUTHORIZATION, token);
    let answer = ground.ana.send(request.body(Body::empty()).unwrap()).await;
    ground.refused("two credentials", &answer).await;
}

#[tokio::test]
async fn hosts_that_are_none_do_not_get_into_a_packument() {
    let ground = Ground::new().await;
    for host in [
        b"registry.example/evil".as_slice(),
        b"registry.example\"><script>",
        b"a b",
        b"user@registry.example",
        b"registry.example#x",
        b"registry.example?x",
        b"\\\\registry.example",
        b"\xff\xfe",
        b"r\xc3\xa9gistry.example",
        b"{}",
        b"%0d%0a",
        &[b'x'; 300],
    ] {
        for name in [HOST, HeaderName::from_static("x-forwarded-host")] {
            let what = format!("{name}: {}", String::from_utf8_lossy(host));
            let value = HeaderValue::from_bytes(host).unwrap();
            let request = Request::get("/pear").header(name.clone(), value).extension(TrustedProxy);
            let answer = ground.ana.send(request.body(Body::empty()).unwrap()).await;
            ground.refused(&what, &answer).await;
        }
    }
}

#[tokio::test]
async fn garbage_where_a_client_states_its_wishes_is_not_minded() {
    let ground = Ground::new().await;
    let long = "x,".repeat(10_000);
    for value in [
        b"".as_slice(),
        b",,,",
        b";;q=",
        b"*/*;q=NaN",
        b"application/json;q=-1",
        b"\xff\xfe",
        b"bytes=",
        b"bytes=-",
        b"bytes=99999999999999999999-",
        b"bytes=5-1",
        b"bytes=0-0,0-0,0-0",
        b"\"",
        b"W/",
        b"Thu, 99 Foo 9999",
        b"gzip;q=2;;;",
        b"gzip/deflate",
        long.as_bytes(),
    ] {
        for name in [ACCEPT, ACCEPT_ENCODING, IF_NONE_MATCH, IF_MODIFIED_SINCE, RANGE, CONTENT_TYPE] {
            for path in ["/pear", "/pear/-/pear-1.0.0.tgz"] {
                let answer = with_header(&ground, Method::GET, path, name.clone(), value).await;
                let what = format!("{name}: {:.40} on {path}", String::from_utf8_lossy(value));
                assert!(matches!(answer.status.as_u16(), 200 | 416), "{what}: {}", answer.status);
            }
        }
    }
    assert!(ground.registry.stored().await == ground.stored);
}

#[tokio::test]
async fn a_body_that_says_it_is_something_else_is_still_read_as_json() {
    let ground = Ground::new().await;
    let document =
        PublishDocument::new("plum", "1.0.0").with(registry_testkit::publish_document::Defect::WrongShasum);
    for media_type in
        ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", ";;;"]
    {
        let request = Request::put("/plum").header(CONTENT_TYPE, media_type);
        let body = Body::from(document.build().to_string());
        let answer = ground.ana.send(request.body(body).unwrap()).await;
        ground.refused(media_type, &answer).await;
    }
}
