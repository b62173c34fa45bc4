use registry_core::policy::{SimilarNameSettings, SimilarNamesAction};

use super::administrators::signed_in;
use super::*;

fn checking(action: SimilarNamesAction) -> impl FnOnce(RegistryBuilder) -> RegistryBuilder {
    let mut settings = SimilarNameSettings::new(action);
    settings.popular = vec![PackageName::parse("express").unwrap()];
    move |builder| builder.similar_names(Some(settings))
}

fn serve_all(world: &World) {
    for name in ["express", "expres", "plum", "0urs-apple"] {
        serve(&world.upstream, name, &[("1.0.0", None, json!({}))]);
    }
}

async fn told(world: &World) -> Vec<Value> {
    world.registry.flush_events().await;
    let events = world.events.take();
    let events = events.iter().map(|event| serde_json::to_value(event).unwrap());
    events.filter(|event| event["kind"] == "similar-name").collect()
}

#[tokio::test]
async fn a_new_name_that_looks_like_another_is_refused() {
    let open = World::new(&json!([]));
    serve_all(&open);
    open.publish("@ours/apple", "1.0.0", &json!({})).await;
    let closed = open.replica(&json!([]), checking(SimilarNamesAction::Refuse));
    for (name, like) in [("expres", "express"), ("0urs-apple", "@ours/apple")] {
        for path in [format!("/{name}"), tarball(name, "1.0.0"), format!("/{name}/latest")] {
            let refused = closed.get(&path).await.assert_status(403);
            let expected =
                format!("this registry refuses {name}, which looks like {like}: if you mean {like}, correct");
            assert!(refused.error().starts_with(&expected), "{}", refused.error());
        }
    }
    for name in ["express", "plum", "@ours/apple"] {
        let _ = closed.get(&format!("/{name}")).await.assert_status(200);
    }
    let told = told(&closed).await;
    assert_eq!(told.len(), 2, "each name once: {told:?}");
    assert_eq!(
        (&told[0]["package"], &told[0]["like"], &told[0]["refused"]),
        (&json!("expres"), &json!("express"), &json!(true))
    );
    assert!(
        !closed.upstream.take_asked().iter().any(|asked| asked.contains("expres ")),
        "nothing is asked for"
    );

    // What is used already goes on working.
    let _ = open.abbreviated("/expres").await.assert_status(200);
    let _ = closed
        .replica(&json!([]), checking(SimilarNamesAction::Refuse))
        .get("/expres")
        .await
        .assert_status(200);
}

#[tokio::test]
async fn a_publish_under_a_name_that_looks_like_another_is_refused() {
    let rules = json!([{ "match": "**", "read": ["@all"], "publish": ["@authenticated"] }]);
    let rules: Vec<RuleSettings> = serde_json::from_value(rules).unwrap();
    let rules = AccessRules::compile_with_upstreams(&rules, &["npm"]).unwrap();
    let world =
        World::with(&json!([]), |builder| checking(SimilarNamesAction::Refuse)(builder).access(rules));
    world.publish("@ours/apple", "1.0.0", &json!({})).await;
    world.publish("@ours/apples", "1.0.0", &json!({})).await;
    world.clock.advance(Duration::from_mins(1));
    let publication = |name: &str| {
        let tarball = Tarball::of_manifest(json!({ "name": name, "version": "1.0.0" }));
        Publication::from_tarball(tarball.pack().into(), DistTag::latest(), &Limits::default()).unwrap()
    };
    let ana = Principal::user("ana").into();
    let error = world.registry.publish(&ana, publication("@0urs/apple")).await.unwrap_err().to_string();
    assert!(error.starts_with("this registry refuses @0urs/apple, which looks like @ours/apple"), "{error}");
    let left: Vec<_> =
        world.store.take_calls().into_iter().filter(|(_, path)| path.contains("0urs")).collect();
    assert!(!left.iter().any(|(operation, _)| format!("{operation:?}").starts_with("Put")), "{left:?}");
    let _ = world.registry.publish(&ana, publication("plum")).await.unwrap();
    let told = told(&world).await;
    assert_eq!((told.len(), &told[0]["principal"]), (1, &json!("ana")));
}

#[tokio::test]
async fn a_warning_is_a_notice_and_an_event() {
    let world = World::with(&json!([]), checking(SimilarNamesAction::Warn));
    serve_all(&world);
    let request = Request::get("/expres").header("user-agent", "npm/11.0.0").body(Body::empty()).unwrap();
    let answer = world.client().send(request).await.assert_status(200);
    let notice = answer.header("npm-notice").unwrap_or_default().to_owned();
    assert_eq!(notice, "expres looks like express. If you mean express, correct the name");
    let _ = world.get("/expres").await.assert_status(200);
    let told = told(&world).await;
    assert_eq!((told.len(), &told[0]["refused"]), (1, &json!(false)));
    assert!(world.get("/plum").await.header("npm-notice").is_none());
}

/// The answer would tell a stranger what the packages of others are called.
#[tokio::test]
async fn a_name_is_not_compared_with_packages_that_the_caller_may_not_read() {
    let rules = json!([
        { "match": "@ours/*", "read": ["@authenticated"], "publish": ["@authenticated"], "origin": ["hosted"] },
        { "match": "**", "read": ["@all"], "publish": ["@authenticated"], "origin": ["hosted", "npm"] },
    ]);
    let rules: Vec<RuleSettings> = serde_json::from_value(rules).unwrap();
    let rules = AccessRules::compile_with_upstreams(&rules, &["npm"]).unwrap();
    let world =
        World::with(&json!([]), |builder| checking(SimilarNamesAction::Refuse)(builder).access(rules));
    serve_all(&world);
    world.publish("@ours/apple", "1.0.0", &json!({})).await;
    world.clock.advance(Duration::from_mins(1));
    let _ = world.get("/0urs-apple").await.assert_status(200);
    let refused = world.get("/expres").await.assert_status(403);
    assert!(refused.error().contains("looks like express"), "{}", refused.error());
}

/// Operators are told, since the new name may be meant to be taken for the hidden one. A refusal would tell everyone.
#[tokio::test]
async fn a_name_that_looks_like_a_hidden_one_is_told_to_operators_alone() {
    let world = World::with(&json!([]), checking(SimilarNamesAction::Refuse));
    serve_all(&world);
    world.publish("@ours/apple", "1.0.0", &json!({})).await;
    let ana = signed_in(&world, "ana").await;
    let restrict = json!({ "access": "restricted" });
    let _ = ana.post("/-/package/@ours%2fapple/access", &restrict).await.assert_status(200);
    world.clock.advance(Duration::from_mins(1));
    let request = Request::get("/0urs-apple").header("user-agent", "npm/11.0.0").body(Body::empty()).unwrap();
    let answer = world.client().send(request).await.assert_status(200);
    assert!(answer.header("npm-notice").is_none(), "{answer:?}");
    let told = told(&world).await;
    assert_eq!(
        (told.len(), &told[0]["like"], &told[0]["refused"]),
        (1, &json!("@ours/apple"), &json!(false))
    );
}
