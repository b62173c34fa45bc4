use serde_json::json;

use super::{BULK, Front, advisory};

#[tokio::test]
async fn an_audit_is_passed_on_and_its_answer_passed_back() {
    let front = Front::start();
    let pear = json!({ "pear": [advisory(1, "<1.0.1")] });
    front.npm.tell("advisories", &pear.to_string());
    let (status, body) = front.post(BULK, &json!({ "pear": ["1.0.0", "0.9.0"], "apple": ["1.0.0"] })).await;
    assert_eq!((status.as_u16(), body), (200, pear));
    let question = r#"advisories {"pear":["1.0.0","0.9.0"],"apple":["1.0.0"]}"#;
    assert_eq!(front.take_asked(), [vec![question.to_owned()], vec![]]);
}

#[tokio::test]
async fn each_upstream_is_asked_of_its_own_packages_and_the_answers_are_merged() {
    let front = Front::start();
    // Installed through this registry, so it is known who has it.
    assert_eq!(front.get("/@both/kiwi").await.0, 200);
    front.take_asked();
    front.npm.tell("advisories", &json!({ "pear": [advisory(1, "*")] }).to_string());
    let others =
        json!({ "@both/kiwi": [advisory(2, "*")], "@other/fig": [advisory(3, "*"), advisory(4, "*")] });
    front.other.tell("advisories", &others.to_string());
    let asked = json!({
        "pear": ["1.0.0"], "@both/kiwi": ["1.0.0"], "@both/unknown": ["1.0.0"], "@other/fig": ["1.0.0"]
    });
    let (status, body) = front.post(BULK, &asked).await;
    assert_eq!(status, 200);
    assert_eq!(
        body,
        json!({
            "pear": [advisory(1, "*")],
            "@both/kiwi": [advisory(2, "*")],
            "@other/fig": [advisory(3, "*"), advisory(4, "*")],
        })
    );
    assert_eq!(
        front.take_asked(),
        [
            vec![r#"advisories {"pear":["1.0.0"],"@both/unknown":["1.0.0"]}"#.to_owned()],
            vec![r#"advisories {"@both/kiwi":["1.0.0"],"@other/fig":["1.0.0"]}"#.to_owned()],
        ]
    );
}

#[tokio::test]
async fn advisories_of_other_packages_are_not_passed_back() {
    let front = Front::start();
    let answer =
        json!({ "pear": [advisory(1, "*")], "plum": [advisory(2, "*")], "../etc": [advisory(3, "*")] });
    front.npm.tell("advisories", &answer.to_string());
    let (_, body) = front.post(BULK, &json!({ "pear": ["1.0.0"] })).await;
    assert_eq!(body, json!({ "pear": [advisory(1, "*")] }));
}

#[tokio::test]
async fn without_a_package_to_ask_about_no_upstream_is_asked() {
    let front = Front::start();
    let (status, body) = front.post(BULK, &json!({})).await;
    assert_eq!((status.as_u16(), body), (200, json!({})));
    assert_eq!(front.take_asked(), [vec![], Vec::<String>::new()]);
}

#[tokio::test]
async fn without_an_upstream_nothing_is_known() {
    let registry = registry_testkit::TestRegistry::new().await;
    let asked = json!({ "pear": ["1.0.0"] }).to_string();
    let answer = registry.ana().ask(http::Method::POST, BULK, asked.clone()).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({})));
    let report = registry.ana().ask(http::Method::POST, "/-/npm/v1/security/audits/quick", asked).await;
    assert_eq!((report.status.as_u16(), &report.json()["advisories"]), (200, &json!({})));
    assert_eq!(registry.ana().get("/-/npm/v1/keys").await.status, 404);
    assert_eq!(registry.ana().get("/-/npm/v1/attestations/pear@1.0.0").await.status, 404);
}
