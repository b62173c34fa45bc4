//! The owners of an imported package have names of another registry. No user becomes one of them by choosing the name.

use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::{PASSWORD, TestClient};
use serde_json::json;

use super::Source;
use crate::names::{client_of, log_in};

/// Signs the owner of an imported package in, whom an operator let in.
pub(super) async fn owner(registry: &TestRegistry, name: &str) -> TestClient {
    registry.registry().admit_name(name, "local", None).await.unwrap();
    registry.user(name).await
}

async fn sign_up(registry: &TestRegistry, name: &str) -> u16 {
    let login = json!({ "name": name, "password": PASSWORD });
    let path = format!("/-/user/org.couchdb.user:{name}");
    registry.anonymous().put(&path, &login).await.status.as_u16()
}

#[tokio::test]
async fn no_stranger_signs_up_under_the_name_of_an_imported_owner() {
    let (source, registry) = (Source::with_pear(), TestRegistry::new().await);
    let imported = source.imported(&registry, "@acme/pear").await;
    assert_eq!(imported.reserved_owners, ["eva"]);
    for name in ["eva", "Eva", "EVA"] {
        assert_ne!(sign_up(&registry, name).await, 201, "{name}");
    }
    assert!(!registry.keys().await.iter().any(|key| key.starts_with("_accounts/eva")));
    let listed = registry.registry().list_accounts().await.unwrap();
    let listed: Vec<_> =
        listed.iter().map(|it| format!("{} {} {}", it.name, it.provider, it.exists)).collect();
    assert_eq!(listed, ["ana local true", "eva (reserved) false"]);
    // Other names are as free as before.
    assert_eq!(sign_up(&registry, "fay").await, 201);
}

#[tokio::test]
async fn the_operator_adds_the_account_and_the_owner_publishes() {
    let (source, registry) = (Source::with_pear(), TestRegistry::new().await);
    source.imported(&registry, "@acme/pear").await;
    let password = registry.registry().add_account("eva", None).await.unwrap();
    let password = secrecy::ExposeSecret::expose_secret(&password);
    let eva = log_in(&registry, "eva", password).await.assert_status(201);
    let eva = client_of(&registry, &eva);
    let _ = eva.publish(&PublishDocument::new("@acme/pear", "2.0.0")).await.assert_status(201);
    // The next import finds her account.
    let again = source.imported(&registry, "@acme/pear").await;
    assert_eq!(again.reserved_owners, [""; 0]);
}

#[tokio::test]
async fn a_name_of_an_account_is_not_reserved() {
    let (source, registry) = (Source::with_pear(), TestRegistry::new().await);
    let eva = registry.user("eva").await;
    let imported = source.imported(&registry, "@acme/pear").await;
    assert_eq!(imported.reserved_owners, [""; 0]);
    let _ = eva.publish(&PublishDocument::new("@acme/pear", "2.0.0")).await.assert_status(201);
}

#[tokio::test]
async fn a_dry_run_names_the_owners_and_reserves_nothing() {
    let (source, registry) = (Source::with_pear(), TestRegistry::new().await);
    let (imported, failures) = source
        .import_as(&registry, |options| {
            options.names = vec!["@acme/pear".parse().unwrap()];
            options.mode = registry_core::bulk::BulkMode::DryRun;
        })
        .await;
    assert_eq!(
        (imported[0].reserved_owners.as_slice(), failures),
        (["eva".to_owned()].as_slice(), Vec::new())
    );
    assert_eq!(sign_up(&registry, "eva").await, 201);
}

#[tokio::test]
async fn the_operator_gives_a_reserved_name_to_a_provider_or_a_token() {
    let (source, registry) = (Source::with_pear(), TestRegistry::new().await);
    source.imported(&registry, "@acme/pear").await;
    let refused = registry.registry().admit_name("eva", "nowhere", None).await.unwrap_err();
    assert_eq!(refused.to_string(), "there is no provider nowhere: name one of local");
    registry.registry().admit_name("eva", "local", None).await.unwrap();
    // It is the provider's from now on, so a sign-up that was interrupted may go on for some minutes.
    assert_eq!(sign_up(&registry, "eva").await, 201);
    let taken = registry.registry().add_account("eva", None).await.unwrap_err();
    assert!(taken.to_string().starts_with("no account can be created with this name"), "{taken}");
}

/// No user could ever act as such an owner.
#[tokio::test]
async fn owners_whose_names_no_account_can_have_are_left_out_and_told() {
    let long = "x".repeat(101);
    let odd = ["Ana Bell", "ана", "../ana", "ana\u{202e}", "=ana", "ana-", &long];
    let (source, registry) = (Source::with_pear(), TestRegistry::new().await);
    let owners: Vec<_> =
        ["eva"].iter().chain(&odd).map(|name| json!({ "name": name, "email": "" })).collect();
    source.change("@acme/pear", |packument| packument["maintainers"] = json!(owners));
    let imported = source.imported(&registry, "@acme/pear").await;
    assert_eq!(imported.reserved_owners, ["eva"]);
    let told = super::notes(&imported);
    assert_eq!(told.lines().count(), odd.len(), "{told}");
    assert!(
        told.starts_with("the owner \"Ana Bell\" is left out, because no account here can have that name\n"),
        "{told}"
    );
    let stored = super::stored(&registry, "@acme/pear").await;
    assert_eq!(stored["maintainers"], json!([{ "name": "eva", "email": "" }]));
    let names: Vec<_> = registry.keys().await.into_iter().filter(|key| key.starts_with("_names/")).collect();
    assert_eq!(names, ["_names/ana.json", "_names/eva.json"]);
    // Nothing of it is new to the next import.
    let before = registry.stored().await;
    let _ = source.imported(&registry, "@acme/pear").await;
    assert_eq!(registry.stored().await, before);
}

/// Without owners, a package belongs to every account that may publish.
#[tokio::test]
async fn a_package_never_loses_its_last_owner_because_of_a_name() {
    let registry = TestRegistry::new().await;
    let source = Source::with_pear();
    source.change("@acme/pear", |packument| packument["maintainers"] = json!([{ "name": "Ana Bell" }]));
    let before = registry.stored().await;
    for mode in [registry_core::bulk::BulkMode::DryRun, registry_core::bulk::BulkMode::Apply] {
        let (packages, failures) = source
            .import_as(&registry, |options| {
                options.names = vec!["@acme/pear".parse().unwrap()];
                options.mode = mode;
            })
            .await;
        assert_eq!(packages, []);
        insta::allow_duplicates! {
            insta::assert_snapshot!(failures.join("\n"), @r#"@acme/pear is not imported: no account here can have the name of one of its owners at the source ("Ana Bell"), and without owners it would belong to every account that may publish: add an owner there"#);
        }
        assert_eq!(registry.stored().await, before);
    }
}
