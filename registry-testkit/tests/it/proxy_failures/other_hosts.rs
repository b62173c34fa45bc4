//! An upstream whose packuments name hosts that only this machine reaches.

use registry_core::domain::Integrity;
use registry_testkit::conformance::ServedPackages;
use registry_testkit::fake_upstream::{FakeAnswer, FakeUpstream};
use serde_json::json;

use super::in_front::InFront;

const TARBALL: &str = "/left-pad/-/left-pad-1.0.0.tgz";
const SECRET: &str = "aws_secret_access_key=hidden";

fn names(url: &str, integrity: &str) -> FakeAnswer {
    let manifest = json!({
        "name": "left-pad", "version": "1.0.0", "dist": { "tarball": url, "integrity": integrity },
    });
    let versions = json!({ "1.0.0": manifest });
    let tags = json!({ "latest": "1.0.0" });
    FakeAnswer::usual()
        .body(json!({ "name": "left-pad", "dist-tags": tags, "versions": versions }).to_string())
}

/// The right digest, a wrong one, another length, another status, no server: all look the same, and nothing is asked.
#[tokio::test]
async fn a_client_learns_nothing_of_an_internal_service() {
    let internal = FakeUpstream::start(ServedPackages::sample()).await;
    let mut told = Vec::new();
    for (path, answer) in [
        ("/secret", FakeAnswer::usual().body(SECRET)),
        ("/large", FakeAnswer::usual().body(vec![b'x'; 1 << 20])),
        ("/none", FakeAnswer::status(404)),
        ("/broken", FakeAnswer::status(500)),
        ("/hang", FakeAnswer::usual().stall_after(1)),
    ] {
        internal.answer(path, answer);
        for integrity in [Integrity::of(SECRET.as_bytes()), Integrity::of(b"else")] {
            let front = InFront::patient().await;
            let url = format!("{}{path}", internal.base_url());
            front.fake.answer("/left-pad", names(&url, &integrity.to_string()));
            for range in [false, true] {
                let request = front.client().get(TARBALL);
                let request = if range { request.header("range", "bytes=0-9") } else { request };
                told.push(request.send().await.assert_status(502).text());
            }
            assert_eq!(front.head(TARBALL).await.status, 502);
            front.fake.answer(
                "/left-pad",
                names(&format!("{}/moved", front.fake.base_url()), &integrity.to_string()),
            );
            front.fake.answer("/moved", FakeAnswer::redirect(302, &url));
            front.clock.advance(std::time::Duration::from_hours(1));
            told.push(front.get(TARBALL).await.assert_status(502).text());
            assert!(front.kept().await.keys().all(|key| !key.contains("/-/")));
        }
    }
    let front = InFront::patient().await;
    front.fake.answer("/left-pad", names("http://127.0.0.1:1/a", &Integrity::of(b"else").to_string()));
    told.push(front.get(TARBALL).await.assert_status(502).text());
    assert!(told.iter().all(|text| *text == told[0]), "{told:#?}");
    assert_eq!((internal.requests().len(), internal.connections()), (0, 0));
}
