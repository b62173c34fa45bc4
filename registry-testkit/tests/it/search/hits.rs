//! What one search answers.

use registry_core::access::AccessRules;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::{found, names, publish, search};

#[tokio::test]
async fn a_hit_has_everything_that_npm_shows() {
    let registry = TestRegistry::new().await;
    let document = PublishDocument::new("@acme/pear", "1.0.0")
        .field("description", json!("A green fruit"))
        .field("keywords", json!(["fruit", "green"]))
        .field("license", json!("MIT"))
        .field("author", json!({ "name": "Ana" }))
        .field("homepage", json!("https://acme.example"))
        .field("repository", json!({ "type": "git", "url": "git+https://git.example/acme/pear.git" }))
        .field("bugs", json!({ "url": "https://git.example/acme/pear/issues" }));
    let _ = registry.ana().publish(&document).await.assert_status(201);
    let answer = registry.anonymous().get("/-/v1/search?text=pear&size=20").await;
    insta::assert_snapshot!(registry.snapshot_of(&answer).await);
}

#[tokio::test]
async fn packages_are_found_by_name_scope_keywords_description_and_maintainers() {
    let registry = TestRegistry::new().await;
    let ben = registry.user("ben").await;
    for document in [
        PublishDocument::new("pear", "1.0.0"),
        PublishDocument::new("@fruit/pear", "1.0.0"),
        PublishDocument::new("tree", "1.0.0").field("keywords", json!(["Pear", "wood"])),
        PublishDocument::new("basket", "0.1.0").field("description", json!("Holds a pear or two")),
        PublishDocument::new("JSONStream", "1.0.0"),
    ] {
        let _ = ben.publish(&document).await.assert_status(201);
    }
    publish(&registry, "apple", "1.0.0").await;
    let anonymous = registry.anonymous();
    for (query, expected) in [
        ("text=pear", &["pear", "@fruit/pear", "tree", "basket"][..]),
        ("text=PEAR", &["pear", "@fruit/pear", "tree", "basket"]),
        ("text=jsonstream", &["JSONStream"]),
        ("text=@fruit", &["@fruit/pear"]),
        ("text=scope:fruit", &["@fruit/pear"]),
        ("text=scope:@fruit%20pear", &["@fruit/pear"]),
        ("text=%40fruit%2Fpear", &["@fruit/pear"]),
        ("text=keywords:wood,steel", &["tree"]),
        ("text=pear%20keywords:-wood%20not:unstable", &["pear", "@fruit/pear"]),
        ("text=pear+is:unstable", &["basket"]),
        ("text=maintainer:ana", &["apple"]),
        ("text=author:ana", &["apple"]),
        ("text=ana", &["apple"]),
        ("text=pear+two", &["basket"]),
        ("text=nothing", &[]),
    ] {
        assert_eq!(found(&anonymous, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn without_a_text_there_is_nothing_to_search_for() {
    let registry = TestRegistry::new().await;
    for query in ["", "?", "?text=", "?text=%20", "?size=3"] {
        let answer = registry.anonymous().get(&format!("/-/v1/search{query}")).await.assert_status(400);
        assert_eq!(answer.json()["code"], "ERR_TEXT_MISSING", "{query}");
        assert!(answer.error().starts_with("there is nothing to search for"), "{query}");
    }
    let long = format!("/-/v1/search?text={}", "x".repeat(1_001));
    for path in [long.as_str(), "/-/v1/search?text=a&size=-1", "/-/v1/search?text=a&from=x"] {
        let _ = registry.anonymous().get(path).await.assert_status(400).error();
    }
    let put = registry.ana().put("/-/v1/search?text=a", &json!({})).await.assert_status(405);
    assert_eq!(put.header("allow"), Some("GET, HEAD"));
}

#[tokio::test]
async fn pages_divide_the_hits() {
    let registry = TestRegistry::new().await;
    for number in 0..25 {
        publish(&registry, &format!("pear-{number:02}"), "1.0.0").await;
    }
    let ana = registry.ana();
    let all = found(&ana, "text=pear&size=1000").await;
    assert_eq!(all.len(), 25);
    assert!(all.is_sorted());
    assert_eq!(found(&ana, "text=pear").await, all[..20]);
    let mut paged = Vec::new();
    for from in (0..28).step_by(7) {
        let answer = search(&ana, &format!("text=pear&size=7&from={from}")).await;
        assert_eq!(answer["total"], 25);
        paged.extend(names(&answer));
    }
    assert_eq!(paged, all);
    for beyond in ["size=0", "from=25", "from=18446744073709551615"] {
        let answer = search(&ana, &format!("text=pear&{beyond}")).await;
        assert_eq!((names(&answer).len(), &answer["total"]), (0, &json!(25)), "{beyond}");
    }
}

#[tokio::test]
async fn no_page_is_larger_than_250() {
    let registry = TestRegistry::new().await;
    for number in 0..251 {
        publish(&registry, &format!("pear-{number}"), "1.0.0").await;
    }
    let answer = search(&registry.ana(), "text=pear&size=251").await;
    assert_eq!((names(&answer).len(), &answer["total"]), (250, &json!(251)));
}

#[tokio::test]
async fn what_a_caller_may_not_read_is_neither_shown_nor_counted() {
    let rules = json!([
        { "match": "@acme/*", "read": ["user:carol"], "publish": ["user:ana"] },
        { "match": "**", "read": ["@all"], "publish": ["@authenticated"] },
    ]);
    let rules = AccessRules::compile(&serde_json::from_value::<Vec<_>>(rules).unwrap()).unwrap();
    let registry = TestRegistry::builder().access(rules).start().await;
    for name in ["@acme/pear", "pear"] {
        publish(&registry, name, "1.0.0").await;
    }
    for (client, expected) in [
        (registry.anonymous(), &["pear"][..]),
        (registry.user("ben").await, &["pear"]),
        (registry.user("carol").await, &["pear", "@acme/pear"]),
    ] {
        for query in ["text=pear", "text=pear&size=1", "text=maintainer:ana"] {
            let answer = search(&client, query).await;
            assert_eq!(answer["total"], expected.len(), "{query}");
        }
        assert_eq!(found(&client, "text=pear").await, expected);
    }
    assert_eq!(search(&registry.anonymous(), "text=scope:acme").await["total"], 0);
}
