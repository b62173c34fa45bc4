use std::collections::BTreeMap;

use registry_core::limits::Limits;
use registry_core::settings::{FrontendVariables, Overrides, Settings, StorageUrl, Trial};

use crate::answer::MOST_BYTES;
use crate::codebox::Codebox;
use crate::server_sections::ServerSections;

/// The variable with the response mode.
const RESPONSE: &str = "REGISTRY_LAMBDA_RESPONSE";

/// The variable with the authorizer's response to an HTTP API.
const AUTHORIZER_RESPONSE: &str = "REGISTRY_AUTHORIZER_RESPONSE";

/// The variable that decides whether a bucket without a registry is rejected.
const MUST_EXIST: &str = "REGISTRY_STORAGE_MUST_EXIST";

/// The variables that only the functions read, and what to do about those of the server alone.
const VARIABLES: FrontendVariables<'_> = FrontendVariables {
    own: &[RESPONSE, AUTHORIZER_RESPONSE, MUST_EXIST],
    elsewhere: &[
        ("REGISTRY_LISTEN", "only registry-server reads it; remove it"),
        ("REGISTRY_TOKEN", "only `registry-server publish` reads it; remove it"),
    ],
};

/// The default size in MiB above which a tarball is redirected: in base64 it must fit into 6 MB.
const REDIRECT_ABOVE_MIB: u32 = 4;

/// How answers are sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResponseMode {
    /// Buffered, up to 6 MB, for every sender.
    #[default]
    Buffered,
    /// Streamed, up to 200 MB, for senders that support it: a Function URL with `RESPONSE_STREAM` and a REST API with
    /// `responseTransferMode: STREAM`. HTTP APIs and load balancers get buffered answers.
    Streaming,
}

/// The authorizer's response to an HTTP API, which must match the API's own settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AuthorizerResponse {
    /// `{"isAuthorized": …}`
    #[default]
    Simple,
    /// A policy, as for a REST API.
    Iam,
}

/// The settings from the environment.
#[derive(Debug)]
pub struct LambdaSettings {
    /// The settings shared with the server.
    pub settings: Settings,
    /// How answers are sent.
    pub response: ResponseMode,
    /// The authorizer's response to an HTTP API.
    pub authorizer_response: AuthorizerResponse,
}

impl LambdaSettings {
    /// Reads the `REGISTRY_…` variables like the server, including `REGISTRY_CONFIG`, or else the variables of
    /// codebox-npm.
    pub fn from_environment() -> anyhow::Result<Self> {
        let text = |text: std::ffi::OsString| text.into_string().ok();
        let variables: BTreeMap<String, String> =
            std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect();
        let mut overrides = Overrides::from_environment()?;
        if overrides.config.is_none()
            && let Some(codebox) = Codebox::of(&variables)
        {
            overrides.config = Some(codebox.toml);
        }
        let (mut settings, sections) = Settings::load_with::<ServerSections>(&overrides)?;
        settings.refuse_unknown_variables(std::env::vars_os(), VARIABLES)?;
        settings.legacy_prefixes = sections.server.legacy_prefixes;
        if settings.storage.url == StorageUrl::default() {
            anyhow::bail!("no storage is configured: set REGISTRY_STORAGE, such as s3://bucket/prefix");
        }
        if settings.packages.is_empty() {
            anyhow::bail!(
                "there are no access rules: write them to REGISTRY_CONFIG, which takes the text of a \
                 registry.toml, for example:\n\
                 \n\
                 [[packages]]\n\
                 match = \"**\"\n\
                 read = [\"@authenticated\"]\n\
                 publish = [\"user:ana\"]"
            );
        }
        settings.storage.redirect_above_mib.get_or_insert(REDIRECT_ABOVE_MIB);
        let choice = |variable: &str| variables.get(variable).map(String::as_str);
        match choice(MUST_EXIST) {
            None | Some("") => {}
            Some("true") => settings.storage.must_exist = true,
            Some("false") => settings.storage.must_exist = false,
            Some(other) => anyhow::bail!("{MUST_EXIST} is {other:?}; write true or false"),
        }
        Ok(Self {
            settings,
            response: match choice(RESPONSE) {
                None | Some("" | "buffered") => ResponseMode::Buffered,
                Some("streaming") => ResponseMode::Streaming,
                Some(other) => anyhow::bail!("{RESPONSE} is {other:?}; write buffered or streaming"),
            },
            authorizer_response: match choice(AUTHORIZER_RESPONSE) {
                None | Some("" | "simple") => AuthorizerResponse::Simple,
                Some("iam") => AuthorizerResponse::Iam,
                Some(other) => anyhow::bail!("{AUTHORIZER_RESPONSE} is {other:?}; write simple or iam"),
            },
        })
    }

    /// The configured limits, as far as Lambda permits. A larger request gets the registry's own answer with advice if
    /// it reaches the function: Lambda accepts events of 6 MiB, and the gateway answers a larger one itself.
    pub(crate) fn limits(&self) -> Limits {
        let most = usize::try_from(MOST_BYTES).unwrap_or(usize::MAX);
        let mut limits = self.settings.limits.to_limits();
        limits.publish_body_bytes = limits.publish_body_bytes.min(most);
        limits.other_body_bytes = limits.other_body_bytes.min(most);
        limits
    }

    /// Amazon S3 honors conditions, and a probe would make every cold start write to it. Any other store is probed.
    pub(crate) fn trial(&self) -> Trial {
        let is_s3 = matches!(&self.settings.storage.url, StorageUrl::Bucket(url) if url.scheme() == "s3");
        let elsewhere = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"];
        let is_elsewhere = elsewhere.iter().any(|variable| std::env::var_os(variable).is_some())
            || self.settings.storage.options.keys().any(|option| option.contains("endpoint"));
        if is_s3 && !is_elsewhere { Trial::Never } else { Trial::Always }
    }
}
