use insta::assert_snapshot;
use registry_core::access::{AccessRules, RuleSettings};
use registry_core::organizations::OrganizationCreation;
use registry_testkit::TestRegistry;
use serde_json::json;

use super::{builder, created_by, delete, forget_events, keys, with_acme};

#[tokio::test]
async fn an_administrator_of_the_scope_makes_an_organization_and_owns_it() {
    let registry = builder().start().await;
    registry.user("ben").await;
    let ana = registry.ana();
    let answer = ana.put("/-/org/@acme/user", &json!({ "user": "ben" })).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "org": {
        "name": "acme",
        "size": 2
      },
      "user": "ben",
      "role": "developer",
      "ok": true,
      "success": true
    }

    store:
      _accounts/ana.json
      _accounts/ben.json
      _names/ana.json
      _names/ben.json
      _orgs/acme.json
      _orgs_of/ana/acme
      _orgs_of/ben/acme
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _tokens/cb60941395268724ae079ad177cde211a5b5cf922de9e430ec353ea77685947b.json

    events:
      {"principal":"ana","kind":"organization-created","organization":"acme"}
      {"principal":"ana","kind":"organization-member-set","organization":"acme","member":"ben","role":"developer"}
    "#);
    let answer = ana.put("/-/org/acme/user", &json!({ "user": "ben", "role": "owner" })).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "org": {
        "name": "acme",
        "size": 2
      },
      "user": "ben",
      "role": "owner",
      "ok": true,
      "success": true
    }

    store:
      _accounts/ana.json
      _accounts/ben.json
      _names/ana.json
      _names/ben.json
      _orgs/acme.json
      _orgs_of/ana/acme
      _orgs_of/ben/acme
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _tokens/cb60941395268724ae079ad177cde211a5b5cf922de9e430ec353ea77685947b.json

    events:
      {"principal":"ana","kind":"organization-member-set","organization":"acme","member":"ben","role":"owner"}
    "#);
    let answer = delete(&ana, "/-/org/acme/user", json!({ "user": "ana" })).await;
    assert_snapshot!(registry.snapshot_of(&answer).await, @r#"
    200 OK
    cache-control: no-cache
    content-type: application/json

    {
      "ok": true,
      "success": true
    }

    store:
      _accounts/ana.json
      _accounts/ben.json
      _names/ana.json
      _names/ben.json
      _orgs/acme.json
      _orgs_of/ana/acme
      _orgs_of/ben/acme
      _tokens/7534333bed1d99f80117a2d5bb4647e848e24723389c2249fc5bd4311d4676c7.json
      _tokens/cb60941395268724ae079ad177cde211a5b5cf922de9e430ec353ea77685947b.json

    events:
      {"principal":"ana","kind":"organization-member-removed","organization":"acme","member":"ana"}
    "#);
    // Who went out of it administers the scope still.
    let members = ana.get("/-/org/acme/user").await.assert_status(200);
    assert_eq!(members.json(), json!({ "ben": "owner" }));
}

#[tokio::test]
async fn others_make_one_only_where_the_settings_say_so() {
    let set = json!({ "user": "ben", "role": "developer" });
    for (create, status) in [
        (OrganizationCreation::Administrators, 404),
        (OrganizationCreation::Anyone, 200),
        (OrganizationCreation::Nobody, 404),
    ] {
        let registry = builder().organizations(created_by(create)).start().await;
        let ben = registry.user("ben").await;
        let before = registry.stored().await;
        let answer = ben.put("/-/org/pears/user", &set).await.assert_status(status);
        if status == 200 {
            assert_eq!(answer.json()["role"], "owner", "its creator owns it, whatever role they ask for");
        } else {
            assert!(answer.error().contains("`create` under [organizations]"), "{}", answer.error());
            assert_eq!(registry.stored().await, before);
        }
    }
    let registry = builder().organizations(created_by(OrganizationCreation::Nobody)).start().await;
    let _ = registry.ana().put("/-/org/acme/team", &json!({ "name": "a" })).await.assert_status(404);
}

/// A registry with these rules, where any account may make an organization.
async fn with_rules(rules: &str) -> TestRegistry {
    let rules: Vec<RuleSettings> = serde_json::from_str(rules).unwrap();
    TestRegistry::builder()
        .access(AccessRules::compile(&rules).unwrap())
        .organizations(created_by(OrganizationCreation::Anyone))
        .start()
        .await
}

/// The creator of one of these would be whom the rules let in.
#[tokio::test]
async fn what_the_rules_or_a_provider_mean_by_a_name_is_made_by_administrators_only() {
    let rules = r#"[
        { "match": "@fruit/*", "read": ["@all"], "publish": ["group:local:growers"], "administer": ["user:ana"] },
        { "match": "@growers/*", "administer": ["user:ana"] },
        { "match": "@tools/hammer", "read": ["group:github:acme/platform"] },
        { "match": "**", "read": ["@all"], "publish": ["@authenticated"] }
    ]"#;
    let registry = with_rules(rules).await;
    let eve = registry.user("eve").await;
    let set = json!({ "user": "eve" });
    for name in ["fruit", "growers", "tools", "acme"] {
        let _ = eve.put(&format!("/-/org/{name}/user"), &set).await.assert_status(404);
        let team = eve.put(&format!("/-/org/{name}/team"), &json!({ "name": "platform" })).await;
        let _ = team.assert_status(404);
    }
    // Words that stand for callers and providers, whether these are asked here or not.
    for name in
        ["all", "anonymous", "authenticated", "everyone", "github", "htpasswd", "local", "openid", "public"]
    {
        let _ = eve.put(&format!("/-/org/{name}/user"), &set).await.assert_status(404);
    }
    let _ = eve.put("/-/org/pears/user", &set).await.assert_status(200);
    for (name, status) in [("growers", 200), ("fruit", 200), ("acme", 404)] {
        let _ = registry.ana().put(&format!("/-/org/{name}/user"), &set).await.assert_status(status);
    }
}

/// The operator gave a family of scopes away, or a part of each: who makes one of them is among those whom that means.
#[tokio::test]
async fn a_scope_that_a_pattern_of_the_rules_is_for_is_made_by_administrators_only() {
    let rules = r#"[
        { "match": "@Acme-*/*", "read": ["group:openid:staff"], "publish": ["group:openid:staff"], "administer": ["user:ana"] },
        { "match": "@*-labs/config", "read": ["group:openid:staff"] },
        { "match": "**-plum/**", "read": ["@all"] },
        { "match": "@*/secret", "read": ["user:ana"] },
        { "match": "@*/*", "read": ["@all"], "publish": ["@authenticated"] },
        { "match": "*-internal", "read": ["user:ana"] },
        { "match": "**", "read": ["@all"], "publish": ["@authenticated"] }
    ]"#;
    let registry = with_rules(rules).await;
    let eve = registry.user("eve").await;
    let set = json!({ "user": "eve" });
    for (name, status) in [
        ("acme-tools", 404),
        ("acme-", 404),
        ("my-labs", 404),
        ("my-plum", 404),
        ("acme", 200),
        ("acmetools", 200),
        ("labs", 200),
        ("secret", 200),
        ("team-internal", 200),
    ] {
        let answer = eve.put(&format!("/-/org/{name}/user"), &set).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
        if status == 404 {
            assert!(answer.error().contains("`create` under [organizations]"), "{}", answer.error());
        }
    }
    // The users that the pattern names create what it is for, and nothing else.
    for (name, status) in [("acme-tools", 200), ("my-labs", 404)] {
        let _ = registry.ana().put(&format!("/-/org/{name}/user"), &set).await.assert_status(status);
    }
}

#[tokio::test]
async fn to_strangers_it_does_not_exist() {
    let registry = with_acme(builder()).await;
    let dora = registry.user("dora").await;
    let before = registry.stored().await;
    for organization in ["acme", "absent"] {
        let path = |rest: &str| format!("/-/{}", rest.replace("ORG", organization));
        let answers = [
            dora.get(&path("org/ORG/user")).await,
            dora.get(&path("org/ORG/team?format=cli")).await,
            dora.get(&path("org/ORG/package")).await,
            dora.get(&path("team/ORG/platform/user")).await,
            dora.get(&path("team/ORG/nothing/user")).await,
            dora.get(&path("team/ORG/platform/package")).await,
            dora.put(&path("org/ORG/user"), &json!({ "user": "dora" })).await,
            dora.put(&path("org/ORG/team"), &json!({ "name": "x" })).await,
            dora.put(&path("team/ORG/platform/user"), &json!({ "user": "dora" })).await,
            dora.put(
                &path("team/ORG/platform/package"),
                &json!({ "package": "pear", "permissions": "read-only" }),
            )
            .await,
            delete(&dora, &path("org/ORG/user"), json!({ "user": "ana" })).await,
            delete(&dora, &path("team/ORG/platform/user"), json!({ "user": "carol" })).await,
            delete(&dora, &path("team/ORG/platform/package"), json!({ "package": "pear" })).await,
            delete(&dora, &path("team/ORG/platform"), json!({})).await,
        ];
        for answer in answers {
            let expected = format!("the organization {organization} does not exist, or you are not in it");
            let error = answer.assert_status(404).error();
            assert!(error.starts_with(&expected), "{error}");
        }
    }
    assert_eq!(registry.stored().await, before);
    for path in ["/-/org/acme/user", "/-/org/absent/user", "/-/team/acme/platform/user"] {
        let _ = registry.anonymous().get(path).await.assert_status(401);
        let _ = registry.anonymous().put(path, &json!({ "user": "dora" })).await.assert_status(401);
    }
}

#[tokio::test]
async fn roles_bound_what_members_change() {
    let registry = with_acme(builder()).await;
    let (ben, carol) = (registry.user("ben").await, registry.user("carol").await);
    let set = |user: &str, role: &str| json!({ "user": user, "role": role });
    let before = registry.stored().await;
    for answer in [
        carol.put("/-/org/acme/user", &set("dora", "developer")).await,
        carol.put("/-/org/acme/team", &json!({ "name": "x" })).await,
        carol.put("/-/team/acme/platform/user", &json!({ "user": "ben" })).await,
        delete(&carol, "/-/org/acme/user", json!({ "user": "ben" })).await,
        delete(&carol, "/-/team/acme/platform", json!({})).await,
        // An admin makes no owners, and changes none.
        ben.put("/-/org/acme/user", &set("ben", "owner")).await,
        ben.put("/-/org/acme/user", &set("dora", "owner")).await,
        ben.put("/-/org/acme/user", &set("ana", "developer")).await,
        delete(&ben, "/-/org/acme/user", json!({ "user": "ana" })).await,
    ] {
        let error = answer.assert_status(403).error();
        assert!(error.contains("of acme you may not change"), "{error}");
    }
    assert_eq!(registry.stored().await, before);
    registry.registry().flush_events().await;
    assert_eq!(registry.events().kinds().lines().filter(|line| line.contains("denied")).count(), 9);

    let _ = ben.put("/-/org/acme/user", &set("dora", "admin")).await.assert_status(200);
    let _ = ben.put("/-/org/acme/user", &set("dora", "developer")).await.assert_status(200);
    // Everybody may go.
    let _ = delete(&carol, "/-/org/acme/user", json!({ "user": "carol" })).await.assert_status(200);
    let left = ben.get("/-/org/acme/user").await.json();
    assert_eq!(left, json!({ "ana": "owner", "ben": "admin", "dora": "developer" }));
    assert_eq!(ben.get("/-/team/acme/platform/user").await.json(), json!([]));
    let _ = carol.get("/-/org/acme/user").await.assert_status(404);
}

#[tokio::test]
async fn the_last_owner_stays() {
    let registry = with_acme(builder()).await;
    let ana = registry.ana();
    let before = registry.stored().await;
    for answer in [
        ana.put("/-/org/acme/user", &json!({ "user": "ana", "role": "admin" })).await,
        delete(&ana, "/-/org/acme/user", json!({ "user": "ana" })).await,
    ] {
        let error = answer.assert_status(400).error();
        assert_eq!(error, "acme must keep at least one owner: make another member an owner first");
    }
    assert_eq!(registry.stored().await, before);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_leaves_nothing() {
    let registry = with_acme(builder()).await;
    let ana = registry.ana();
    let before = registry.stored().await;
    for (path, body, status, words) in [
        ("/-/org/acme/user", json!({ "user": "nobody" }), 404, "the user nobody does not exist"),
        ("/-/org/acme/user", json!({ "user": "dora", "role": "king" }), 400, "use developer, admin or owner"),
        ("/-/org/acme/user", json!({ "role": "admin" }), 400, "missing field `user`"),
        ("/-/org/ACME/user", json!({ "user": "dora" }), 400, "lowercase letters"),
        ("/-/org/acme/team", json!({ "name": "A b" }), 400, "lowercase letters"),
        ("/-/org/acme/team", json!({ "name": "x", "description": "y".repeat(201) }), 400, "200 bytes"),
        ("/-/team/acme/none/user", json!({ "user": "ben" }), 404, "acme has no team none"),
        ("/-/team/acme/platform/user", json!({ "user": "dora" }), 404, "dora is not in the organization"),
        (
            "/-/team/acme/platform/package",
            json!({ "package": "pear", "permissions": "all" }),
            400,
            "read-write",
        ),
        (
            "/-/team/acme/platform/package",
            json!({ "package": "a b", "permissions": "read-only" }),
            400,
            "name",
        ),
        (
            "/-/team/acme/platform/package",
            json!({ "package": "pear", "permissions": "read-only" }),
            404,
            "the package pear does not exist",
        ),
    ] {
        let error = ana.put(path, &body).await.assert_status(status).error();
        assert!(error.contains(words), "{path} {body}: {error}");
    }
    let gone = delete(&ana, "/-/org/acme/user", json!({ "user": "dora" })).await.assert_status(404);
    assert!(gone.error().contains("dora is not in the organization acme"), "{}", gone.error());
    assert_eq!(registry.stored().await, before);
}

#[tokio::test]
async fn a_token_for_packages_or_for_builds_changes_no_organization() {
    let registry = with_acme(builder()).await;
    let ana = registry.ana();
    let password = registry_testkit::test_registry::PASSWORD;
    let before = keys(&registry).await;
    for rights in [
        json!({ "packages": ["pear"], "packages_and_scopes_permission": "read-write" }),
        json!({ "readonly": true }),
        json!({ "bypass_2fa": true }),
    ] {
        let mut request = rights.clone();
        request["password"] = password.into();
        let made = ana.post("/-/npm/v1/tokens", &request).await.assert_status(201).json();
        let robot = ana.with_token(made["token"].as_str().unwrap());
        let answer = robot.put("/-/org/acme/team", &json!({ "name": "x" })).await.assert_status(403);
        assert!(
            answer.error().starts_with("your token does not permit operations on accounts"),
            "{}",
            answer.error()
        );
        let _ = robot.put("/-/org/acme/user", &json!({ "user": "dora" })).await.assert_status(403);
        let _ = delete(&robot, "/-/team/acme/platform", json!({})).await.assert_status(403);
        let narrow = rights.get("packages").is_some();
        let _ = robot.get("/-/org/acme/user").await.assert_status(if narrow { 403 } else { 200 });
    }
    assert_eq!(keys(&registry).await, before);
    forget_events(&registry).await;
}
