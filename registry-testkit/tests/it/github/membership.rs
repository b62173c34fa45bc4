//! What is known of a user without a credential of GitHub's, for tokens that the registry made.

use std::time::Duration;

use registry_core::auth::{AuthProvider as _, Identified};
use registry_core::storage::{BlobPath, BlobStore as _};

use super::{Ground, identify, principal};

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn another_process_knows_who_was_let_in() {
    let ground = Ground::new().await.restricted_to(&["acme"]);
    let ana = principal(&ground.provider(), &ground.fake.personal_token("ana")).await;
    ground.fake.take_asked();
    let profile = ground.provider().look_up("ana").await.unwrap().unwrap();
    assert_eq!((&profile.principal, &profile.email), (&ana, &ana.email));
    assert!(ground.fake.take_asked().is_empty());
    assert_eq!(ground.provider().look_up("ben").await.unwrap(), None);

    let path = BlobPath::parse("_accounts/github/ana.json").unwrap();
    let record = ground.store.get(&path).await.unwrap().unwrap().bytes;
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let expected = serde_json::json!({
        "id": 1000,
        "login": "ana",
        "email": "ana@mail.example",
        "organizations": ["acme"],
        "teams": ["acme/platform"],
        "checked": "2026-01-02T03:04:05Z",
        "left": false,
        "needs_claim": true,
    });
    assert_eq!(record, expected);
}

#[tokio::test]
async fn who_is_not_vouched_for_again_is_out_after_the_configured_time() {
    let mut ground = Ground::new().await;
    ground.settings.membership = 8 * HOUR;
    let (github, token) = (ground.provider(), ground.fake.personal_token("ana"));
    principal(&github, &token).await;
    ground.clock.advance(Duration::from_secs(8 * 60 * 60 - 1));
    assert!(github.look_up("ana").await.unwrap().is_some());
    ground.clock.advance(Duration::from_secs(1));
    assert_eq!(github.look_up("ana").await.unwrap(), None);

    principal(&github, &token).await;
    assert!(github.look_up("ana").await.unwrap().is_some(), "GitHub vouched again");
}

#[tokio::test]
async fn who_is_seen_to_have_left_is_out_at_once() {
    let ground = Ground::new().await.restricted_to(&["acme"]);
    let (github, token) = (ground.provider(), ground.fake.personal_token("ana"));
    principal(&github, &token).await;
    ground.fake.leave("ana", "Acme");
    ground.clock.advance(ground.settings.cache);
    assert_eq!(identify(&github, &token).await, Identified::Rejected);
    assert_eq!(github.look_up("ana").await.unwrap(), None);

    ground.fake.join("ana", "Acme");
    ground.clock.advance(ground.settings.cache);
    principal(&github, &token).await;
    assert!(github.look_up("ana").await.unwrap().is_some(), "and in again when they come back");
}

#[tokio::test]
async fn settings_of_today_decide_over_records_of_yesterday() {
    let mut ground = Ground::new().await;
    principal(&ground.provider(), &ground.fake.personal_token("ana")).await;
    ground.settings.admins = vec!["ana".into()];
    let profile = ground.provider().look_up("ANA").await.unwrap().unwrap();
    assert_eq!(profile.principal.name, "ana");
    assert!(profile.principal.groups.contains(&"github-admins".to_owned()));
    let ground = ground.restricted_to(&["other"]);
    assert_eq!(ground.provider().look_up("ana").await.unwrap(), None);
}

#[tokio::test]
async fn a_login_that_changed_hands_is_not_let_in() {
    let ground = Ground::new().await;
    let github = ground.provider();
    principal(&github, &ground.fake.personal_token("ana")).await;
    ground.fake.give_login_to_another("ana");
    let stranger = ground.fake.personal_token("ana");
    assert_eq!(identify(&github, &stranger).await, Identified::Rejected);
    assert!(github.look_up("ana").await.unwrap().is_some(), "nothing changes for who was there first");

    let path = BlobPath::parse("_accounts/github/ana.json").unwrap();
    ground.store.delete(&path).await.unwrap();
    ground.clock.advance(ground.settings.cache);
    assert_eq!(principal(&github, &stranger).await.name, "ana", "the operator has freed the name");
}

#[tokio::test]
async fn a_record_is_written_when_it_says_something_new() {
    let ground = Ground::new().await;
    let (github, token) = (ground.provider(), ground.fake.personal_token("ana"));
    let path = BlobPath::parse("_accounts/github/ana.json").unwrap();
    let etag = async || ground.store.get(&path).await.unwrap().unwrap().etag;
    principal(&github, &token).await;
    let first = etag().await;
    ground.clock.advance(2 * HOUR);
    principal(&github, &token).await;
    assert_eq!(etag().await, first, "a young record that says the same costs no write");
    ground.clock.advance(2 * HOUR);
    principal(&github, &token).await;
    let second = etag().await;
    assert_ne!(second, first, "an old one is made young");
    ground.fake.leave("ana", "Acme");
    ground.clock.advance(ground.settings.cache);
    principal(&github, &token).await;
    assert_ne!(etag().await, second, "one that says something else is replaced");
    assert!(github.look_up("ana").await.unwrap().unwrap().principal.groups.is_empty());
}
