use std::sync::Arc;

use registry_core::auth::AuthProvider;
use registry_testkit::conformance::{self, KnownAccount};

use super::{Ground, bearer};

#[tokio::test]
async fn github_keeps_the_contract_with_a_pasted_token() {
    let ground = Ground::new().await;
    let known = KnownAccount::with_password("ana", ground.fake.personal_token("ana"));
    conformance::auth_provider(async || Arc::new(ground.provider()) as Arc<dyn AuthProvider>, &known).await;
}

#[tokio::test]
async fn github_keeps_the_contract_with_each_kind_of_token() {
    let ground = Ground::new().await;
    for token in [ground.fake.fine_grained_token("ana"), ground.fake.app_token("ana")] {
        let known = KnownAccount::with_credential("ana", bearer(&token));
        conformance::auth_provider(async || Arc::new(ground.provider()) as Arc<dyn AuthProvider>, &known)
            .await;
    }
}

#[tokio::test]
async fn github_keeps_the_contract_without_an_app() {
    let mut ground = Ground::new().await;
    ground.settings.app = None;
    let known = KnownAccount::with_credential("ana", bearer(&ground.fake.personal_token("ana")));
    conformance::auth_provider(async || Arc::new(ground.provider()) as Arc<dyn AuthProvider>, &known).await;
}
