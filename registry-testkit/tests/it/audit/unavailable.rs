use registry_core::audit::AuditFallback;
use serde_json::json;

use super::{BULK, Front, advisory, assert_refused};

const QUICK: &str = "/-/npm/v1/security/audits/quick";

#[tokio::test]
async fn an_upstream_that_cannot_answer_is_an_error() {
    let front = Front::start();
    front.other.tell("advisories", "{}");
    let asked = json!({ "pear": ["1.0.0"], "@other/fig": ["1.0.0"] });
    let tree = json!({ "dependencies": { "pear": { "version": "1.0.0" } } });
    let text = "the upstream registry npm did not return its security advisories";

    front.npm.set_down(true);
    assert_refused(front.post(BULK, &asked).await, 503, text);
    assert_refused(front.post(QUICK, &tree).await, 503, text);
    front.npm.set_down(false);
    // It has no such endpoint: what clients take as not offered, at once.
    let not_offered = "the upstream registry npm offers no security advisories";
    assert_refused(front.post(BULK, &asked).await, 404, not_offered);
    assert_refused(front.post(QUICK, &tree).await, 404, not_offered);
    for answer in ["[]", "{\"pear\":{}}", "<html>", ""] {
        front.npm.tell("advisories", answer);
        assert_refused(front.post(BULK, &asked).await, 502, text);
        assert_refused(front.post(QUICK, &tree).await, 502, text);
    }
    // Who is not concerned does not notice.
    assert_eq!(front.post(BULK, &json!({ "@other/fig": ["1.0.0"] })).await.0, 200);
}

#[tokio::test]
async fn or_nothing_is_known_where_the_operator_wants_that() {
    let front = Front::falling_back(AuditFallback::Empty);
    let fig = json!({ "@other/fig": [advisory(3, "*")] });
    front.other.tell("advisories", &fig.to_string());
    let asked = json!({ "pear": ["1.0.0"], "@other/fig": ["1.0.0"] });
    front.npm.set_down(true);
    let (status, body) = front.post(BULK, &asked).await;
    assert_eq!((status.as_u16(), body), (200, fig.clone()));
    front.npm.set_down(false);
    front.npm.tell("advisories", "<html>");
    let (status, body) = front.post(BULK, &asked).await;
    assert_eq!((status.as_u16(), body), (200, fig));
    let tree = json!({ "dependencies": { "pear": { "version": "1.0.0" } } });
    let (status, body) = front.post(QUICK, &tree).await;
    assert_eq!((status.as_u16(), &body["advisories"]), (200, &json!({})));
}
