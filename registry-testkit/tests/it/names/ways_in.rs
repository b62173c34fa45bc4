use std::sync::Arc;

use http::Method;
use registry_core::auth::{AuthProvider, Htpasswd};
use registry_testkit::http_client::TestResponse;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;
use registry_testkit::{Browser, FixedClock, SeededRandomness, TestRegistry};
use serde_json::json;

use super::{People, client_of, log_in};

pub(super) async fn begin(client: &TestClient) -> (String, String) {
    let begun = client.post("/-/v1/login", &json!({})).await.assert_status(200).json();
    let url = |name: &str| begun[name].as_str().unwrap().to_owned();
    (url("loginUrl"), url("doneUrl").replace("http://registry.example", ""))
}

/// Leaves for the page of a provider and comes back as `name`. Answers what the browser and the client are told.
pub(super) async fn log_in_at(
    registry: &TestRegistry,
    provider: &str,
    name: &str,
) -> (u16, String, TestResponse) {
    let client = registry.anonymous();
    let (page, done) = begin(&client).await;
    let browser = Browser::in_process(registry.anonymous());
    let opened = browser.open(&page).await;
    let fields = opened.hidden_fields("provider");
    let form = &fields.iter().find(|(name, _)| name == "form").unwrap().1;
    let form = format!("form={form}&step=provider&provider={provider}");
    let left = browser.ask(Method::POST, &page, form).await.assert_status(303);
    let url = url::Url::parse(left.location()).unwrap();
    let value = |name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    let back = format!("{}?state={}&code={name}", value("redirect_uri"), value("state"));
    let returned = browser.open(&back).await;
    let (status, text) = (returned.response.status, returned.text());
    (status.as_u16(), text, client.get(&done).await)
}

#[tokio::test]
async fn the_sign_up_form_makes_no_local_account_of_a_name_in_an_htpasswd_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("htpasswd");
    std::fs::write(&file, "ben:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n").unwrap();
    let htpasswd = Htpasswd::open(&file, Arc::new(FixedClock::new()), &SeededRandomness::new(7)).unwrap();
    let htpasswd: Arc<dyn AuthProvider> = Arc::new(htpasswd);
    for builder in [
        TestRegistry::builder().provider(Arc::clone(&htpasswd)),
        TestRegistry::builder().last_provider(Arc::clone(&htpasswd)),
    ] {
        for has_come_before in [true, false] {
            let registry = builder.clone().start().await;
            if has_come_before {
                let ben = log_in(&registry, "ben", "secret").await.assert_status(201);
                let ben = client_of(&registry, &ben);
                let _ = ben.publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
            }
            registry.put("_two_factor/ben.json", "hers").await;
            let (page, done) = begin(&registry.anonymous()).await;
            let browser = Browser::in_process(registry.anonymous());
            let opened = browser.open(&page).await;
            let eve = [("name", "ben"), ("password", "a long password of eve"), ("email", "eve@x.example")];
            let refused = browser.press(&opened, "sign-up", &eve).await;
            assert_eq!(refused.response.status, 400, "{}", refused.text());
            let _ = registry.anonymous().get(&done).await.assert_status(202);
            let stored = registry.stored().await;
            assert!(!stored.contains_key("_accounts/ben.json"));
            assert_eq!(stored["_two_factor/ben.json"], "hers");
        }
    }
}

#[tokio::test]
async fn a_user_of_a_provider_does_not_become_the_local_account_of_that_name() {
    let people = People::new("elsewhere", &["ana", "ben"]);
    for builder in [
        TestRegistry::builder().provider(people.as_provider()),
        TestRegistry::builder().last_provider(people.as_provider()),
    ] {
        let registry = builder.start().await;
        let _ = registry.ana().publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);

        let (status, text, polled) = log_in_at(&registry, "elsewhere", "ana").await;
        assert!(status == 403 || status == 422, "{status}: {text}");
        assert!(text.contains("local"), "it says who owns the name: {text}");
        let _ = polled.assert_status(202);

        let bearer = registry.anonymous().with_token(&people.bearer("ana"));
        let refused = bearer.get("/-/whoami").await.assert_status(403).error();
        assert!(refused.contains("local"), "{refused}");
        let _ = bearer.publish(&PublishDocument::new("pear", "1.0.1")).await.assert_status(403);
        let profile = json!({ "email": "eve@x.example" });
        let _ = bearer.post("/-/npm/v1/user", &profile).await.assert_status(403);

        let refused = log_in(&registry, "ana", &people.password("ana")).await.assert_status(422).error();
        assert!(refused.contains("local"), "{refused}");
        // At a terminal, with a code.
        let challenge = log_in(&registry, "ana", "device").await;
        let code = challenge.header("npm-notice").and_then(|notice| notice.rsplit_once(" enter "));
        if let Some((_, digits)) = code {
            let digits = digits.strip_suffix(" here.").unwrap();
            people.enter("ana");
            let document = json!({ "name": "ana", "password": "device" });
            let terminal = registry.anonymous().with_one_time_password(digits);
            let _ = terminal.put("/-/user/org.couchdb.user:ana", &document).await.assert_status(422);
        }
        // Ana goes on, and so does who has a name of their own.
        let ana = registry.ana().post("/-/npm/v1/user", &json!({ "fullname": "Ana" })).await;
        assert_eq!(ana.assert_status(200).json()["email"], "ana@registry.example");
        let _ = registry.ana().publish(&PublishDocument::new("pear", "1.0.1")).await.assert_status(201);
        let (_, _, polled) = log_in_at(&registry, "elsewhere", "ben").await;
        let ben = client_of(&registry, &polled.assert_status(200));
        assert_eq!(ben.get("/-/whoami").await.json()["username"], "ben");
        assert_eq!(people.changes(), 0);
    }
}

#[tokio::test]
async fn a_name_whose_account_is_out_of_sight_is_not_free() {
    let registry = TestRegistry::builder().start().await;
    for (name, second_factor, minutes) in [("cleo", true, 0), ("dora", false, 11)] {
        let _ = log_in(&registry, name, "a long password of hers").await.assert_status(201);
        let factor = format!("_two_factor/{name}.json");
        if second_factor {
            registry.put(&factor, "hers").await;
        }
        registry.clock().advance(std::time::Duration::from_mins(minutes));
        registry.remove(&format!("_accounts/{name}.json")).await;
        let refused = log_in(&registry, name, "a long password of eve").await;
        let _ = refused.assert_status(401);
        let stored = registry.stored().await;
        assert!(!stored.contains_key(&format!("_accounts/{name}.json")), "{name}");
        assert_eq!(stored.contains_key(&factor), second_factor, "{name}");
        // An operator may free the name.
        registry.remove(&format!("_names/{name}.json")).await;
        let _ = log_in(&registry, name, "a long password of another").await.assert_status(201);
        assert!(!registry.stored().await.contains_key(&factor), "{name}");
    }
}

#[tokio::test]
async fn no_new_name_is_another_one_with_something_at_its_end() {
    let ends = ["ana.", "ana-", "ana_"];
    let people = People::new("elsewhere", &["cleo-", "dora_"]);
    let registry = TestRegistry::builder().last_provider(people.as_provider()).start().await;
    for name in ends {
        let refused = log_in(&registry, name, "a long password of eve").await.assert_status(400).error();
        assert!(refused.contains("ends with a letter or a digit"), "{refused}");
        let (page, _) = begin(&registry.anonymous()).await;
        let browser = Browser::in_process(registry.anonymous());
        let opened = browser.open(&page).await;
        let eve = [("name", name), ("password", "a long password of eve"), ("email", "eve@x.example")];
        let refused = browser.press(&opened, "sign-up", &eve).await.assert_status(400).text();
        assert!(refused.contains("ends with a letter or a digit"), "{refused}");
    }
    let bearer = registry.anonymous().with_token(&people.bearer("cleo-"));
    let refused = bearer.get("/-/whoami").await.assert_status(403).error();
    assert!(refused.contains("ends in a period, a hyphen or an underscore"), "{refused}");
    let (status, text, _) = log_in_at(&registry, "elsewhere", "cleo-").await;
    assert!(status == 403 || status == 422, "{status}: {text}");
    assert!(text.contains("ends in a period, a hyphen or an underscore"), "{text}");
    let refused = log_in(&registry, "cleo-", &people.password("cleo-")).await.assert_status(422).error();
    assert!(refused.contains("ends in a period, a hyphen or an underscore"), "{refused}");
    assert!(!registry.stored().await.contains_key("_names/cleo-.json"));

    // Who has such a name already goes on.
    registry.put("_names/dora=5f.json", r#"{ "name": "dora_", "provider": "elsewhere" }"#).await;
    let _ = log_in(&registry, "dora_", &people.password("dora_")).await.assert_status(201);
    let _ = log_in(&registry, "edna", "a long password of hers").await.assert_status(201);
    let stored = registry.stored().await;
    let account = String::from_utf8(stored["_accounts/edna.json"].to_vec()).unwrap();
    registry.put("_accounts/edna..json", account.replace("edna", "edna.")).await;
    let _ = log_in(&registry, "edna.", "a long password of hers").await.assert_status(201);
}
