//! What an upstream is asked, and what of its answers is shown.

use std::sync::Arc;

use http::Request;
use http_body_util::BodyExt as _;
use registry_core::access::{AccessRules, RuleSettings};
use registry_core::auth::{Caller, Principal};
use registry_core::domain::DistTag;
use registry_core::domain::publication::Publication;
use registry_core::limits::Limits;
use registry_core::search::{SearchHit, SearchQuery, SearchSettings};
use registry_core::storage::ObjectStoreBlobs;
use registry_core::{Body, Registry};
use registry_testkit::faulty::{Fault, FaultPlan, Faulty, Operation};
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::{FixedClock, ScriptedUpstream};
use serde_json::{Value, json};

struct Ground {
    registry: Registry,
    upstream: ScriptedUpstream,
    store: Arc<Faulty<ObjectStoreBlobs>>,
}

impl Ground {
    /// In front of an upstream with fruit; `@acme/*` is hosted only, and has `@acme/secret-pear`.
    async fn start() -> Self {
        Self::with_settings(SearchSettings::default()).await
    }

    async fn with_settings(settings: SearchSettings) -> Self {
        Self::with(
            settings,
            &json!([
                { "match": "@acme/*", "read": ["user:ana"], "publish": ["user:ana"] },
                { "match": "hidden-*", "read": ["user:ben"], "origin": ["hosted", "npm"] },
                { "match": "other-*", "read": ["@all"], "origin": ["other"] },
                { "match": "**", "read": ["@all"], "publish": ["user:ana"], "origin": ["hosted", "npm"] },
            ]),
        )
        .await
    }

    async fn with(settings: SearchSettings, rules: &Value) -> Self {
        let upstream = ScriptedUpstream::default();
        for number in 0..5 {
            upstream.publish(["fig-a", "fig-b", "fig-c", "fig-d", "fig-e"][number], "1.0.0", b"tarball");
        }
        for name in ["hidden-fig", "other-fig", "@acme/fig"] {
            upstream.publish(name, "1.0.0", b"tarball");
        }
        let store = Arc::new(Faulty::new(ObjectStoreBlobs::in_memory(), FaultPlan::NONE));
        let rules: Vec<RuleSettings> = serde_json::from_value(rules.clone()).unwrap();
        let registry = Registry::builder(Arc::clone(&store) as _)
            .upstream("npm", Arc::new(upstream.clone()))
            .upstream("other", Arc::new(ScriptedUpstream::default()))
            .access(AccessRules::compile_with_upstreams(&rules, &["npm", "other"]).unwrap())
            .search(settings)
            .clock(Arc::new(FixedClock::new()))
            .build();
        let ground = Self { registry, upstream, store };
        ground.publish("@acme/secret-pear").await;
        ground
    }

    async fn publish(&self, name: &str) {
        let tarball = PublishDocument::new(name, "1.0.0").tarball();
        let tag = DistTag::parse("latest").unwrap();
        let publication = Publication::from_tarball(tarball.into(), tag, &Limits::default()).unwrap();
        let _ = self.registry.publish(&ana(), publication).await.unwrap();
        self.upstream.take_asked();
    }

    async fn search(&self, query: &str) -> Value {
        let request = Request::get(format!("/-/v1/search?{query}")).header("host", "here.example");
        let response = self.registry.handle(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200, "{query}");
        serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    async fn found(&self, query: &str) -> (Vec<String>, u64) {
        let answer = self.search(query).await;
        (super::names(&answer), answer["total"].as_u64().unwrap())
    }
}

fn ana() -> Caller {
    Principal::user("ana").into()
}

#[tokio::test]
async fn hosted_packages_come_first_and_then_what_the_upstream_has_and_the_caller_may_get_from_it() {
    let ground = Ground::start().await;
    ground.publish("my-fig").await;
    let answer = ground.search("text=fig&size=6&quality=0.65&popularity=0.98&secret=x").await;
    assert_eq!(super::names(&answer), ["my-fig", "fig-a", "fig-b", "fig-c", "fig-d"]);
    let answer = ground.search("text=fig&size=3&quality=0.65&popularity=0.98&secret=x").await;
    insta::assert_snapshot!(format!("{:#}\n{:#?}", answer["objects"], ground.upstream.take_asked()));
}

#[tokio::test]
async fn pages_go_on_from_hosted_packages_to_the_upstream() {
    let ground = Ground::start().await;
    // Names that do not begin with the text, which would keep it here.
    for name in ["zfig", "yfig"] {
        ground.publish(name).await;
    }
    let (all, total) = ground.found("text=fig").await;
    assert_eq!(all, ["yfig", "zfig", "fig-a", "fig-b", "fig-c", "fig-d", "fig-e"]);
    // Eight of the upstream, three of which no rule allows from there.
    assert_eq!(total, 10);
    let mut paged = Vec::new();
    for from in 0..10 {
        let (page, total) = ground.found(&format!("text=fig&size=1&from={from}")).await;
        assert!(page.len() <= 1);
        assert_eq!(total, 10);
        paged.extend(page);
    }
    assert_eq!(paged, all);
    let (page, _) = ground.found("text=fig&size=5&from=1").await;
    assert_eq!(page, ["zfig", "fig-a", "fig-b", "fig-c"]);
}

#[tokio::test]
async fn what_is_hosted_here_is_shown_as_it_is_here() {
    let ground = Ground::start().await;
    ground.upstream.publish("react", "9.9.9", b"tarball");
    assert_eq!(ground.found("text=react").await.0, ["react"]);
    let document = json!({ "name": "react", "versions": {} });
    // Hosted long ago, and unpublished: it comes from nowhere.
    let path = registry_core::storage::BlobPath::parse("react/index.json").unwrap();
    let put = registry_core::storage::BlobStore::put(
        &*ground.store,
        &path,
        document.to_string().into(),
        registry_core::storage::When::Always,
    );
    let _ = put.await.unwrap();
    for shard in 0..16 {
        let path = registry_core::storage::BlobPath::parse(&format!("_search/{shard:02x}.json")).unwrap();
        registry_core::storage::BlobStore::delete(&*ground.store, &path).await.unwrap();
    }
    ground.upstream.take_asked();
    assert_eq!(ground.found("text=react").await.0, [""; 0]);
    assert!(ground.upstream.take_asked().is_empty(), "its name is private");
    // Found by another word, it is dropped.
    assert_eq!(ground.found("text=eact").await.0, [""; 0]);
    assert_eq!(ground.upstream.take_asked(), ["search text=eact&size=20&from=0"]);
}

#[tokio::test]
async fn no_text_that_may_name_a_private_package_is_sent() {
    let ground = Ground::start().await;
    for text in [
        "secret-pear",
        "secret",
        "sec",
        "%40acme",
        "acme",
        "scope:acme",
        "scope:acme+fig",
        "%40acme%2Ffig",
        "fig+secret",
        "fig+secret+pear",
        "SecretPear",
        "fig+author:secret",
        "%22secret-pear%22",
        "other-fig",
        "other",
        "%25%37%33ecret",
    ] {
        let _ = ground.found(&format!("text={text}")).await;
        let asked = ground.upstream.take_asked();
        assert!(asked.is_empty(), "{text}: {asked:?}");
    }
    let _ = ground.found("text=fig").await;
    assert_eq!(ground.upstream.take_asked(), ["search text=fig&size=20&from=0"]);
}

#[tokio::test]
async fn nothing_is_sent_while_the_private_names_are_unknown() {
    let ground = Ground::start().await;
    let of_index = |path: &str| path.starts_with("_search/");
    // The index cannot be read.
    ground.store.fail_next_at(Operation::GetIfChanged, of_index, Fault::BeforeEffect);
    ground.store.fail_next_at(Operation::Get, of_index, Fault::BeforeEffect);
    let query = SearchQuery { text: "fig".into(), size: 20, ..SearchQuery::default() };
    assert!(ground.registry.search(&ana(), &query).await.is_err());
    assert!(ground.upstream.take_asked().is_empty());
    // The index was never made, and cannot be.
    ground.store.fail_next(Operation::ListFolders, Fault::Refused);
    let query = SearchQuery { text: "fig".into(), size: 20, ..SearchQuery::default() };
    let page = ground.registry.search(&ana(), &query).await;
    assert!(page.is_err() || page.unwrap().hits.is_empty());
    assert!(ground.upstream.take_asked().is_empty());
}

#[tokio::test]
async fn a_caller_who_may_read_nothing_of_an_upstream_searches_none() {
    let rules = json!([{ "match": "**", "read": ["@authenticated"], "publish": ["user:ana"], "origin": ["hosted", "npm"] }]);
    let ground = Ground::with(SearchSettings::default(), &rules).await;
    assert_eq!(ground.found("text=fig").await, (vec![], 0));
    assert!(ground.upstream.take_asked().is_empty());
    let query = SearchQuery { text: "fig-a".into(), size: 20, ..SearchQuery::default() };
    let page = ground.registry.search(&ana(), &query).await.unwrap();
    assert!(matches!(&page.hits[..], [SearchHit::Upstream(hit)] if hit["package"]["name"] == "fig-a"));
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_is_down_or_hangs_adds_nothing() {
    let ground = Ground::start().await;
    ground.publish("zfig").await;
    ground.upstream.set_down(true);
    assert_eq!(ground.found("text=fig").await, (vec!["zfig".to_owned()], 1));
    ground.upstream.set_down(false);
    ground.upstream.set_searches_hang(true);
    let before = tokio::time::Instant::now();
    assert_eq!(ground.found("text=fig").await, (vec!["zfig".to_owned()], 1));
    assert_eq!(before.elapsed().as_secs(), 4);
}

#[tokio::test]
async fn upstreams_can_be_left_out() {
    let ground = Ground::with_settings(SearchSettings { upstream: false, ..SearchSettings::default() }).await;
    assert_eq!(ground.found("text=fig").await, (vec![], 0));
    assert!(ground.upstream.take_asked().is_empty());
}
