//! Whatever the event, the answer is that of the HTTP server, byte for byte.

use http::Request;
use registry_core::Body;
use registry_lambda::{Frontend, ResponseMode};
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;

use crate::events::{Asked, Given, Sender};

async fn start() -> TestRegistry {
    let builder = TestRegistry::builder().path_prefix("/registry");
    builder.public_url("https://npm.registry.example/prod/registry").start().await
}

/// What the HTTP server gives to its connections.
async fn over_http(registry: &TestRegistry, asked: &Asked) -> Given {
    let mut request = Request::builder().method(asked.method.as_str()).uri(&asked.target);
    for (name, value) in &asked.headers {
        request = request.header(name, value);
    }
    let request = request.body(Body::from(asked.body.clone())).unwrap();
    let answer = registry.anonymous().send(request).await;
    let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
    let mut headers: Vec<(String, String)> =
        answer.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    headers.sort();
    Given { status: answer.status.as_u16().into(), headers, body: answer.body.to_vec() }
}

/// One after the other, as the later ones need what the earlier ones did. `etag` is of the full packument.
fn requests(token: &str, etag: &str) -> Vec<Asked> {
    let ana = |asked: Asked| asked.header("authorization", &format!("Bearer {token}"));
    let json = |asked: Asked, body: String| asked.header("content-type", "application/json").body(body);
    let file = vec![7_u8; 2048];
    let one = PublishDocument::new("@acme/one", "1.0.0").file("data", &file).build().to_string();
    let two = PublishDocument::new("@acme/one", "1.1.0").field("description", "é \"\\ \u{1}".into());
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let abbreviated = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";
    vec![
        json(ana(Asked::of("PUT", "/registry/@acme%2fone")), one.clone()),
        Asked::get("/registry/@acme%2fone"),
        Asked::get("/registry/@acme%2Fone").header("accept", abbreviated),
        Asked::get("/registry/@acme/one").header("accept", abbreviated).header("accept-encoding", "gzip"),
        Asked::get("/registry/@acme%2fone").header("if-none-match", etag),
        Asked::get("/registry/@acme/one/-/one-1.0.0.tgz"),
        Asked::get("/registry/@acme%2fone/-/one-1.0.0.tgz").header("range", "bytes=3-9"),
        Asked::of("HEAD", "/registry/@acme/one/-/one-1.0.0.tgz"),
        json(ana(Asked::of("PUT", "/registry/@acme%2fone")), one).in_base64(),
        json(ana(Asked::of("PUT", "/registry/@acme%2fone")), two.build().to_string()).in_base64(),
        json(ana(Asked::of("PUT", "/registry/-/package/@acme%2fone/dist-tags/beta")), "\"1.0.0\"".into()),
        Asked::get("/registry/-/package/@acme%2fone/dist-tags"),
        ana(Asked::of("DELETE", "/registry/-/package/@acme%2fone/dist-tags/beta")),
        Asked::get("/registry/@acme%2fone/1.1.0"),
        ana(Asked::get("/registry/-/whoami")),
        Asked::get("/registry/-/whoami"),
        Asked::get("/registry/-/whoami").header("authorization", "Bearer npm_unknown"),
        Asked::get("/registry/@acme%2fmissing"),
        Asked::get("/registry/@acme%2fone/-/one-9.9.9.tgz"),
        Asked::get("/registry/..%2f..%2fetc"),
        Asked::of("PATCH", "/registry/@acme%2fone"),
        json(ana(Asked::of("PUT", "/registry/@acme%2fbad")), "{".into()),
        json(ana(Asked::of("PUT", "/registry/-/user/org.couchdb.user:ana")), "{\"name\":\"ana\"}".into()),
        Asked::get("/registry/-/v1/search?text=one%20%22two%22&size=1"),
        Asked::get("/registry/-/_view/starredByUser?key=%22ana%22"),
        ana(Asked::get("/-/ping?write=true")),
        Asked::get("/registry/").header("accept", browser),
        Asked::get("/registry/@acme/one").header("accept", browser).header("accept-encoding", "gzip"),
        Asked::get("/registry/package/@acme/one/versions?range=%5E1").header("accept", browser),
        Asked::get("/registry/package/@acme/one/v/1.0.0/files/data").header("accept", browser),
        Asked::get("/registry/package/@acme/missing").header("accept", browser),
        Asked::get("/registry/package/@acme/one/badge.svg"),
    ]
}

#[tokio::test]
async fn every_event_is_answered_as_over_http() {
    for sender in Sender::ALL {
        for mode in [ResponseMode::Buffered, ResponseMode::Streaming] {
            let (http, lambda) = (start().await, start().await);
            let frontend = Frontend::new(lambda.registry().clone(), mode);
            let token = http.ana().token().unwrap().to_owned();
            let mut etag = String::new();
            let mut statuses = Vec::new();
            for step in 0..requests(&token, "").len() {
                let asked = &requests(&token, &etag)[step];
                let expected = over_http(&http, asked).await;
                let event = serde_json::from_value(asked.event(sender)).unwrap();
                let answer = frontend.answer(event).await;
                let streams = matches!(answer, registry_lambda::Answer::Streaming(_));
                assert_eq!(streams, sender.streams() && mode == ResponseMode::Streaming, "{sender:?}");
                let given = Given::of(&answer.into_json().await.unwrap());
                assert_eq!(given, expected, "{sender:?} {mode:?} {asked:?}");
                if step == 1 {
                    expected.header("etag").unwrap().clone_into(&mut etag);
                }
                statuses.push(expected.status);
            }
            // What is compared is worth it: no route of the matrix is missing for another reason than that it should be.
            assert_eq!(
                statuses,
                [
                    201, 200, 200, 200, 304, 200, 206, 200, 403, 201, 200, 200, 200, 200, 200, 401, 401, 404,
                    404, 400, 405, 400, 400, 200, 200, 200, 200, 200, 200, 200, 404, 200
                ]
            );
            assert_eq!(lambda.keys().await, http.keys().await);
        }
    }
}
