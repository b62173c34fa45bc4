//! What events tell of the rules that decided.

use insta::assert_snapshot;
use registry_core::access::AccessRules;
use registry_core::events::Event;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::{PASSWORD, TestRegistry};
use serde_json::{Value, json};

#[tokio::test]
async fn an_event_tells_which_rule_decided_and_no_secret() {
    let rules = json!([
        { "match": "@acme/*", "publish": ["user:ana"] },
        { "match": "p*", "read": ["@all"], "publish": ["@authenticated"] },
    ]);
    let rules = AccessRules::compile(&serde_json::from_value::<Vec<_>>(rules).unwrap()).unwrap();
    let registry = TestRegistry::builder().access(rules).start().await;
    let (ana, ben) = (registry.ana(), registry.user("ben").await);
    let pear = PublishDocument::new("pear", "1.0.0");
    let _ = ana.publish(&PublishDocument::new("@acme/web", "1.0.0")).await.assert_status(201);
    let _ = ana.publish(&pear).await.assert_status(201);
    let _ = ben.publish(&PublishDocument::new("pear", "1.1.0")).await.assert_status(403);
    let _ = ben.get("/@acme%2fweb").await.assert_status(404);
    let _ = registry.anonymous().publish(&pear).await.assert_status(401);
    let _ = registry.anonymous().publish(&PublishDocument::new("apple", "1.0.0")).await.assert_status(401);
    let login = json!({ "name": "ben", "password": PASSWORD });
    let _ = ben.put("/-/user/org.couchdb.user:ben", &login).await.assert_status(201);
    registry.registry().flush_events().await;
    let events = registry.events().take();
    let lines: Vec<String> = events.iter().map(|event| json!(event).to_string()).collect();
    let lines = lines.join("\n");
    assert!(!lines.contains(PASSWORD) && !lines.contains("npm_"), "{lines}");
    let shown: Vec<String> = events
        .iter()
        .map(|event| json!([event.principal, kind_of(event), event.access]).to_string())
        .collect();
    assert_snapshot!(shown.join("\n"), @r#"
    ["ana","published",{"action":"publish","verdict":"allowed","rule":1,"pattern":"@acme/*","entry":"user:ana in publish"}]
    ["ana","published",{"action":"publish","verdict":"allowed-to-owners","rule":2,"pattern":"p*","entry":"@authenticated in publish"}]
    ["ben","denied",{"action":"publish","verdict":"allowed-to-owners","rule":2,"pattern":"p*","entry":"@authenticated in publish"}]
    ["ben","denied",{"action":"read","verdict":"denied","rule":1,"pattern":"@acme/*"}]
    [null,"denied",{"action":"publish","verdict":"denied","rule":2,"pattern":"p*"}]
    [null,"denied",{"action":"publish","verdict":"denied"}]
    ["ben","logged-in",null]
    "#);
}

fn kind_of(event: &Event) -> Value {
    json!(event.kind)["kind"].take()
}
