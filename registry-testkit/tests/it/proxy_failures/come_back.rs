use registry_testkit::fake_upstream::FakeAnswer;

use super::in_front::InFront;

/// What the upstream asked for, no shorter, and never so long that a build seems to hang.
#[tokio::test]
async fn clients_are_told_when_to_come_back() {
    let front = InFront::start().await;
    let _ = front.get("/left-pad").await.assert_status(200);
    for (asked, told) in [(Some("7"), "7"), (Some("3600"), "60"), (Some("0"), "1"), (None, "1")] {
        for status in [429, 503] {
            let answer = FakeAnswer::status(status);
            let answer = match asked {
                Some(seconds) => answer.header("retry-after", seconds),
                None => answer,
            };
            front.fake.answer_everything(answer);
            for path in ["/@acme%2fweb", "/@acme/web/latest", "/left-pad/-/left-pad-1.1.0.tgz"] {
                let answer = front.get(path).await.assert_status(503);
                assert_eq!(answer.header("retry-after"), Some(told), "{status}, {path}, {asked:?}");
            }
            let audit = front.client().request(http::Method::POST, "/-/npm/v1/security/advisories/bulk");
            let audit = audit.json(&serde_json::json!({ "left-pad": ["1.0.0"] })).send().await;
            let audit = audit.assert_status(503);
            assert_eq!(audit.header("retry-after"), Some(told), "{status}, audit, {asked:?}");
        }
    }
}
