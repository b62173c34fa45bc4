use std::collections::BTreeMap;
use std::str::FromStr;

use super::BucketError;
use crate::nearest::nearest;

/// Names that every store knows, for suggestions. Each has another spelling with the store's prefix.
const OF_ALL: [&str; 20] = [
    "allow_http",
    "allow_invalid_certificates",
    "connect_timeout",
    "default_content_type",
    "disable_system_certificates",
    "http1_only",
    "http2_keep_alive_interval",
    "http2_keep_alive_timeout",
    "http2_keep_alive_while_idle",
    "http2_max_frame_size",
    "http2_only",
    "pool_idle_timeout",
    "pool_max_idle_per_host",
    "proxy_ca_certificate",
    "proxy_excludes",
    "proxy_url",
    "randomize_addresses",
    "read_timeout",
    "retry_timeout",
    "timeout",
];

const OF_AMAZON: [&str; 24] = [
    "aws_access_key_id",
    "aws_checksum_algorithm",
    "aws_container_authorization_token_file",
    "aws_container_credentials_full_uri",
    "aws_container_credentials_relative_uri",
    "aws_default_region",
    "aws_disable_bulk_delete",
    "aws_endpoint",
    "aws_endpoint_url_s3",
    "aws_endpoint_url_sts",
    "aws_imdsv1_fallback",
    "aws_metadata_endpoint",
    "aws_region",
    "aws_request_payer",
    "aws_role_arn",
    "aws_role_session_name",
    "aws_secret_access_key",
    "aws_server_side_encryption",
    "aws_session_token",
    "aws_sse_bucket_key_enabled",
    "aws_sse_kms_key_id",
    "aws_unsigned_payload",
    "aws_virtual_hosted_style_request",
    "aws_web_identity_token_file",
];

const OF_GOOGLE: [&str; 6] = [
    "google_application_credentials",
    "google_base_url",
    "google_bearer_token",
    "google_service_account",
    "google_service_account_key",
    "google_skip_signature",
];

const OF_AZURE: [&str; 14] = [
    "azure_federated_token_file",
    "azure_msi_endpoint",
    "azure_msi_resource_id",
    "azure_object_id",
    "azure_storage_account_key",
    "azure_storage_account_name",
    "azure_storage_authority_host",
    "azure_storage_client_id",
    "azure_storage_client_secret",
    "azure_storage_endpoint",
    "azure_storage_sas_key",
    "azure_storage_tenant_id",
    "azure_storage_token",
    "azure_use_azure_cli",
];

/// The settings of a bucket from its options, which take precedence, and from the environment.
pub(super) struct Options<'a> {
    pub(super) scheme: &'a str,
    pub(super) given: &'a BTreeMap<String, String>,
    pub(super) environment: &'a [(String, String)],
}

impl Options<'_> {
    /// The one option of this library, rather than of the client.
    pub(super) const RETRY: &'static str = "retry_timeout";

    /// Returns the option `name`, spelled with or without the store's prefix, or its environment variable.
    pub(super) fn find(&self, prefix: &str, name: &str) -> Option<(&str, &str)> {
        let is_it = |key: &str| key.strip_prefix(prefix).unwrap_or(key) == name;
        let given = self.given.iter().find(|(key, _)| is_it(key));
        given.map(|(key, value)| (key.as_str(), value.as_str())).or_else(|| {
            let variable = format!("{prefix}{name}").to_ascii_uppercase();
            let found = self.environment.iter().find(|(key, _)| *key == variable);
            found.map(|(key, value)| (key.as_str(), value.as_str()))
        })
    }

    /// Returns all settings under the client's keys, the options last. Environment values are omitted where `shadows`
    /// says that an option covers the same; their names are not validated, since other programs use variables with that
    /// prefix too.
    pub(super) fn settings<Key: FromStr + Copy + PartialEq>(
        &self,
        prefix: &str,
        shadows: impl Fn(Key, Key) -> bool,
    ) -> Result<Vec<(Key, String)>, BucketError> {
        let is_own = |key: &str| key.strip_prefix(prefix).unwrap_or(key) == Self::RETRY;
        let mut given = Vec::new();
        for (name, value) in self.given.iter().filter(|(name, _)| !is_own(name)) {
            let key: Key = name.parse().map_err(|_| self.unknown(name))?;
            given.push((key, value.clone()));
        }
        let capitals = prefix.to_ascii_uppercase();
        let mut settings: Vec<(Key, String)> = self
            .environment
            .iter()
            .filter(|(name, _)| name.starts_with(&capitals))
            .filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value.clone())))
            .filter(|(key, _)| !given.iter().any(|(option, _)| option == key || shadows(*option, *key)))
            .collect();
        settings.append(&mut given);
        Ok(settings)
    }

    fn unknown(&self, name: &str) -> BucketError {
        let of_this: &[&str] = match self.scheme {
            "s3" => &OF_AMAZON,
            "gs" => &OF_GOOGLE,
            _ => &OF_AZURE,
        };
        let known = of_this.iter().chain(&OF_ALL).copied();
        BucketError::Option {
            name: name.to_owned(),
            scheme: self.scheme.to_owned(),
            nearest: nearest(name, known),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_are_keys<Key: FromStr>(names: &[&str]) {
        for name in names.iter().chain(&OF_ALL).filter(|name| **name != Options::RETRY) {
            assert!(name.parse::<Key>().is_ok(), "{name}");
        }
    }

    #[test]
    fn every_suggested_name_is_valid() {
        #[cfg(feature = "aws")]
        all_are_keys::<object_store::aws::AmazonS3ConfigKey>(&OF_AMAZON);
        #[cfg(feature = "gcp")]
        all_are_keys::<object_store::gcp::GoogleConfigKey>(&OF_GOOGLE);
        #[cfg(feature = "azure")]
        all_are_keys::<object_store::azure::AzureConfigKey>(&OF_AZURE);
    }
}
