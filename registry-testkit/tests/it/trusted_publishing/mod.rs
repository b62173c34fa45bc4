//! Builds that publish without a stored token: which of them, with what, for how long, and what each refusal tells.

mod configure;
mod delegation;
mod exchange;
mod forged;
mod issuers;
mod pinned;
mod replay;

use std::time::Duration;

use http::{Method, Request};
use registry_core::Body;
use registry_core::auth::openid::IssuerSettings;
use registry_core::clock::Clock as _;
use registry_core::domain::trust::TrustKind;
use registry_testkit::fake_issuer::{FakeIssuer, github_claims};
use registry_testkit::http_client::TestResponse;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::{TestClient, TestRegistryBuilder};
use registry_testkit::{TestRegistry, install_tls_provider};
use serde_json::{Value, json};

/// What the tokens of builds must be meant for here.
const AUDIENCE: &str = "npm:registry.example";

/// The trust of most tests.
pub(crate) const TRUST: &str = "/-/package/@acme%2fpear/trust";

/// A registry that knows an issuer under the name of GitHub's, and has ana's package `@acme/pear`.
pub(crate) struct Ground {
    issuer: FakeIssuer,
    pub(crate) registry: TestRegistry,
}

impl Ground {
    async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(set: impl FnOnce(TestRegistryBuilder) -> TestRegistryBuilder) -> Self {
        install_tls_provider();
        let issuer = FakeIssuer::start().await;
        let builder = TestRegistry::builder().public_url("https://registry.example").trusted_issuer(
            "github",
            TrustKind::Github,
            settings(&issuer),
        );
        let registry = set(builder).start().await;
        let _ = registry.ana().publish(&PublishDocument::new("@acme/pear", "1.0.0")).await.assert_status(201);
        Self { issuer, registry }
    }

    /// The same, and `@acme/pear` trusts builds of `publish.yml` in `acme/pear`. Answers the id of the trust.
    pub(crate) async fn trusting(&self) -> String {
        let made = self.registry.ana().post(TRUST, &trust()).await.assert_status(201).json();
        self.forget().await;
        made[0]["id"].as_str().unwrap().to_owned()
    }

    /// What GitHub says of the trusted build, now.
    fn build(&self) -> Value {
        let now = self.registry.clock().now();
        github_claims(self.issuer.url(), "acme/pear", "publish.yml", AUDIENCE, now)
    }

    /// The same with a claim that is otherwise.
    fn build_with(&self, claim: &str, value: Value) -> Value {
        let mut claims = self.build();
        claims[claim] = value;
        claims
    }

    /// The token for the trusted build.
    async fn token(&self) -> String {
        let answer = exchange(&self.registry, "@acme/pear", &self.issuer.sign(&self.build())).await;
        answer.assert_status(201).json()["token"].as_str().unwrap().to_owned()
    }

    /// The trusted build, with its token in hand.
    pub(crate) async fn builder(&self) -> TestClient {
        self.registry.anonymous().with_token(&self.token().await)
    }

    pub(crate) async fn forget(&self) {
        self.registry.registry().flush_events().await;
        self.registry.events().take();
    }

    /// What happened since, without what differs from run to run.
    pub(crate) async fn events(&self) -> Vec<Value> {
        self.registry.registry().flush_events().await;
        let events = self.registry.events().take();
        events.iter().map(|event| serde_json::to_value(event).unwrap()).collect()
    }

    /// Why the last build was refused, as the log has it.
    async fn reason(&self) -> String {
        let events = self.events().await;
        let refused = events.iter().rfind(|event| event["kind"] == "id-token-refused");
        refused.unwrap_or_else(|| panic!("{events:?}"))["reason"].as_str().unwrap().to_owned()
    }
}

fn settings(issuer: &FakeIssuer) -> IssuerSettings {
    let mut settings = IssuerSettings::new(issuer.url());
    settings.proxy_from_environment = false;
    settings.request_timeout = Duration::from_secs(2);
    settings
}

/// What `npm trust github --file publish.yml --repository acme/pear --allow-publish` sends.
pub(crate) fn trust() -> Value {
    json!([{
        "type": "github",
        "claims": { "repository": "acme/pear", "workflow_ref": { "file": "publish.yml" } },
        "permissions": ["createPackage"],
    }])
}

/// What a build sends to exchange its identity.
async fn exchange(registry: &TestRegistry, name: &str, token: &str) -> TestResponse {
    let path = format!("/-/npm/v1/oidc/token/exchange/package/{}", name.replace('/', "%2f"));
    let request = Request::builder().method(Method::POST).uri(path);
    let request = request.header("authorization", format!("Bearer {token}"));
    registry.anonymous().send(request.body(Body::empty()).unwrap()).await
}
