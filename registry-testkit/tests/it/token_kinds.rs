//! Each kind of token against each operation that decides something: which may do what, in one table.

use std::fmt::Write as _;
use std::time::Duration;

use http::Method;
use insta::assert_snapshot;
use registry_core::access::AccessRules;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;
use serde_json::{Value, json};

use crate::tokens::with_token;
use crate::trusted_publishing::{Ground, TRUST, trust};

const PACKAGE: &str = "/@acme%2fpear";
const OF_PACKAGE: &str = "/-/package/@acme%2fpear";

/// What is asked of every token.
const OPERATIONS: [&str; 20] = [
    "whoami",
    "read",
    "publish",
    "tag",
    "deprecate",
    "unpublish",
    "owner",
    "access",
    "stage",
    "view",
    "approve",
    "reject",
    "trust",
    "tokens",
    "token",
    "profile",
    "org",
    "star",
    "account",
    "user",
];

/// ana's package `@acme/pear`, which no other user sees, trusts a build, and each operation has something to be done to.
struct Place {
    ground: Ground,
    /// The next number of a version.
    next: u32,
}

impl Place {
    async fn new() -> Self {
        let rules = json!([
            { "match": "@acme/*", "read": ["user:ana"], "publish": ["user:ana"], "administer": ["user:ana"] },
        ]);
        let rules = AccessRules::compile(&serde_json::from_value::<Vec<_>>(rules).unwrap()).unwrap();
        let ground = Ground::with(|builder| builder.access(rules)).await;
        ground.registry.user("ben").await;
        ground.trusting().await;
        Self { ground, next: 1 }
    }

    fn ana(&self) -> TestClient {
        self.ground.registry.ana()
    }

    fn document(&mut self) -> (String, PublishDocument) {
        let version = format!("1.{}.0", self.next);
        self.next += 1;
        let document = PublishDocument::new("@acme/pear", &version);
        (version, document)
    }

    /// The id of a version that ana has staged.
    async fn staged(&mut self) -> String {
        let staged = self.ana().stage(&self.document().1).await.assert_status(201).json();
        staged["stageId"].as_str().unwrap().to_owned()
    }

    async fn packument(&self) -> Value {
        self.ana().get(&format!("{PACKAGE}?write=true")).await.assert_status(200).json()
    }

    /// What `client` is answered.
    async fn ask(&mut self, operation: &str, client: &TestClient) -> u16 {
        let answer = match operation {
            "whoami" => client.get("/-/whoami").await,
            "read" => client.get(PACKAGE).await,
            "publish" => client.publish(&self.document().1).await,
            "tag" => client.put(&format!("{OF_PACKAGE}/dist-tags/next"), &json!("1.0.0")).await,
            "deprecate" => {
                let mut packument = self.packument().await;
                packument["versions"]["1.0.0"]["deprecated"] = self.next.to_string().into();
                self.next += 1;
                client.put(PACKAGE, &packument).await
            }
            "unpublish" => {
                let (version, document) = self.document();
                let _ = self.ana().publish(&document).await.assert_status(201);
                let mut packument = self.packument().await;
                packument["versions"].as_object_mut().unwrap().remove(&version);
                packument["dist-tags"] = json!({ "latest": "1.0.0" });
                let revision = packument["_rev"].as_str().unwrap().to_owned();
                client.put(&format!("{PACKAGE}/-rev/{revision}"), &packument).await
            }
            "owner" => client.put(&format!("{OF_PACKAGE}/owners"), &json!({ "user": "ben" })).await,
            "access" => {
                client.post(&format!("{OF_PACKAGE}/access"), &json!({ "access": "restricted" })).await
            }
            "stage" => client.stage(&self.document().1).await,
            "view" => client.get(&format!("/-/stage/{}", self.staged().await)).await,
            "approve" => {
                let path = format!("/-/stage/{}/approve", self.staged().await);
                client.ask(Method::POST, &path, "").await
            }
            "reject" => client.delete(&format!("/-/stage/{}", self.staged().await)).await,
            "trust" => client.post(TRUST, &trust()).await,
            "tokens" => client.get("/-/npm/v1/tokens").await,
            "token" => {
                let wanted = json!({ "password": registry_testkit::test_registry::PASSWORD });
                client.post("/-/npm/v1/tokens", &wanted).await
            }
            "profile" => client.post("/-/npm/v1/user", &json!({ "fullname": "Ana Pear" })).await,
            "org" => client.put("/-/org/acme/team", &json!({ "name": "crew" })).await,
            "star" => {
                // There and back, so that there is something to do for the next one.
                let starred = client.put("/-/user/package/@acme%2fpear/star", &json!({})).await;
                let _ = self.ana().delete("/-/user/package/@acme%2fpear/star").await.assert_status(200);
                starred
            }
            "account" => client.get("/-/npm/v1/user").await,
            "user" => client.get("/-/user/org.couchdb.user:ben").await,
            other => panic!("what is {other}?"),
        };
        answer.status.as_u16()
    }

    async fn row(&mut self, kind: &str, client: &TestClient) -> String {
        let mut row = String::new();
        for operation in OPERATIONS {
            let width = operation.len().max(3) + 1;
            write!(row, "{:>width$}", self.ask(operation, client).await).unwrap();
        }
        format!("{row}  {kind}\n")
    }
}

/// 409 under `trust` is what a permitted caller gets too: the package trusts a build already.
#[tokio::test]
async fn each_kind_of_token_does_what_it_is_for_and_nothing_else() {
    let mut place = Place::new().await;
    let ana = place.ana();
    let all =
        |permission: &str| json!({ "packages_all": true, "packages_and_scopes_permission": permission });
    let of = |name: &str| json!({ "packages": [name], "packages_and_scopes_permission": "read-write" });
    let short = with_token(&ana, json!({ "expires": 1 })).await;
    let mut table = String::new();
    for operation in OPERATIONS {
        write!(table, "{operation:>width$}", width = operation.len().max(3) + 1).unwrap();
    }
    table.push('\n');
    table.push_str(&place.row("of a login", &ana).await);
    // While it lives: a build has minutes.
    let build = place.ground.builder().await;
    table.push_str(&place.row("of a trusted build", &build).await);
    for (kind, limits) in [
        ("for everything", json!({})),
        ("for all packages", all("read-write")),
        ("reading everything", json!({ "readonly": true })),
        ("read-only", all("read-only")),
        ("stage-only", all("read-write-stage-only")),
        ("no access", all("no-access")),
        ("for this package", of("@acme/pear")),
        ("for another package", of("@acme/plum")),
        ("sparing the second factor", json!({ "bypass_2fa": true })),
        ("for the organization", json!({ "orgs": ["acme"], "orgs_permission": "read-write" })),
        ("of another network", json!({ "cidr_whitelist": ["192.0.2.0/24"] })),
    ] {
        let client = with_token(&ana, limits).await;
        table.push_str(&place.row(kind, &client).await);
    }
    place.ground.registry.clock().advance(Duration::from_hours(24));
    table.push_str(&place.row("expired", &short).await);
    table.push_str(&place.row("anonymous", &place.ground.registry.anonymous()).await);
    assert_snapshot!(table, @"
    whoami read publish tag deprecate unpublish owner access stage view approve reject trust tokens token profile org star account user
       200  200     201 200       200       200   200    200   201  200     201    204   409    200   201     200 200  200     200  200  of a login
       200  200     201 200       200       403   403    403   201  200     403    403   403    403   403     403 403  403     403  200  of a trusted build
       200  200     201 200       200       200   200    200   201  200     201    204   409    200   201     200 200  200     200  200  for everything
       200  200     201 200       200       200   200    200   201  200     403    403   403    403   403     403 403  200     403  200  for all packages
       200  200     403 403       403       403   403    403   403  403     403    403   403    200   403     403 403  403     200  200  reading everything
       200  200     403 403       403       403   403    403   403  403     403    403   403    403   403     403 403  403     403  200  read-only
       200  200     403 403       403       403   403    403   201  200     403    403   403    403   403     403 403  403     403  200  stage-only
       200  404     403 403       404       404   403    403   403  403     403    403   403    403   403     403 403  404     403  200  no access
       200  200     201 200       200       200   200    200   201  200     403    403   403    403   403     403 403  200     403  200  for this package
       200  404     403 403       404       404   403    403   403  404     404    404   403    403   403     403 403  404     403  200  for another package
       200  200     201 200       200       403   403    403   201  200     403    403   403    200   403     403 403  200     200  200  sparing the second factor
       200  404     403 403       404       404   403    403   403  404     404    404   403    403   403     403 200  404     403  200  for the organization
       401  401     401 401       401       401   401    401   401  401     401    401   401    401   401     401 401  401     401  401  of another network
       401  401     401 401       401       401   401    401   401  401     401    401   401    401   401     401 401  401     401  401  expired
       401  401     401 401       401       401   401    401   401  401     401    401   401    401   401     401 401  401     401  401  anonymous
    ");
}

/// A build may stage where its package trusts it with no more, and then it decides nothing of what it staged.
#[tokio::test]
async fn a_build_is_told_that_a_person_decides() {
    let mut place = Place::new().await;
    let build = place.ground.builder().await;
    let staged = build.stage(&place.document().1).await.assert_status(201).json();
    let id = staged["stageId"].as_str().unwrap();
    let before = place.ground.registry.stored().await;
    place.ground.forget().await;
    let approved = build.ask(Method::POST, &format!("/-/stage/{id}/approve"), "").await.assert_status(403);
    let rejected = build.delete(&format!("/-/stage/{id}")).await.assert_status(403);
    assert_snapshot!(format!("{}\n{}", approved.error(), rejected.error()), @"
    your token is for builds, and only a user may decide on a staged version: run `npm login` and try again with the token of that session
    your token is for builds, and only a user may decide on a staged version: run `npm login` and try again with the token of that session
    ");
    assert_eq!(place.ground.registry.stored().await, before);
    let told = place.ground.events().await;
    let told: Vec<_> =
        told.iter().map(|event| [&event["kind"], &event["principal"], &event["action"]]).collect();
    assert_snapshot!(serde_json::to_string(&told).unwrap(), @r#"[["denied","ana","publish"],["denied","ana","publish"]]"#);
    let _ = place.ana().ask(Method::POST, &format!("/-/stage/{id}/approve"), "").await.assert_status(201);
}
