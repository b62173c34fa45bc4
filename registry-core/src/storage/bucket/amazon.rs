use object_store::aws::AmazonS3ConfigKey as Key;

use super::BucketError;
use super::options::Options;

const KIND: &str = "aws_server_side_encryption";
const KMS_KEY: &str = "aws_sse_kms_key_id";

/// Returns the settings of an S3 bucket, including its encryption.
pub(super) fn settings(options: &Options<'_>) -> Result<Vec<(Key, String)>, BucketError> {
    let mut settings = options.settings("aws_", shadows)?;
    encrypt(&mut settings)?;
    Ok(settings)
}

/// Returns the encryption that is requested for each object; `None` for none.
pub(super) fn encryption(options: &Options<'_>) -> Result<Option<String>, BucketError> {
    let settings = settings(options)?;
    Ok(settings.into_iter().find(|(key, _)| key.as_ref() == KIND).map(|(_, kind)| kind))
}

/// Whether an option overrides the environment's value of another key: a token belongs to its access key, and an S3
/// endpoint would take precedence over the one that the option names.
fn shadows(option: Key, variable: Key) -> bool {
    let is_of_a_key = |key| matches!(key, Key::AccessKeyId | Key::SecretAccessKey | Key::Token);
    match option {
        Key::AccessKeyId | Key::SecretAccessKey | Key::WebIdentityTokenFile | Key::MetadataEndpoint => {
            is_of_a_key(variable)
        }
        Key::Endpoint => variable == Key::S3Endpoint,
        Key::DefaultRegion => variable == Key::Region,
        _ => false,
    }
}

/// Defaults to encryption with keys of S3, because buckets may reject unencrypted objects.
fn encrypt(settings: &mut Vec<(Key, String)>) -> Result<(), BucketError> {
    let is_set = |wanted| settings.iter().any(|(key, _)| key.as_ref() == wanted);
    let (has_key, has_own_key) = (is_set(KMS_KEY), is_set("aws_sse_customer_key_base64"));
    let kind = settings.iter().rfind(|(key, _)| key.as_ref() == KIND).map(|(_, kind)| kind.clone());
    let kind = kind.unwrap_or_else(|| {
        let kind = match (has_key, has_own_key) {
            (true, _) => "aws:kms",
            (false, true) => "sse-c",
            (false, false) => "AES256",
        };
        kind.to_owned()
    });
    settings.retain(|(key, _)| key.as_ref() != KIND);
    match kind.as_str() {
        "AES256" | "none" | "sse-c" if has_key => Err(BucketError::KeyIsNotUsed(kind)),
        "none" => Ok(()),
        "AES256" | "aws:kms" | "aws:kms:dsse" | "sse-c" => {
            settings.push((KIND.parse()?, kind));
            Ok(())
        }
        _ => Err(BucketError::Encryption(kind)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn of(
        given: &[(&str, &str)],
        environment: &[(&str, &str)],
    ) -> Result<BTreeMap<String, String>, BucketError> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let given = given.iter().map(owned).collect();
        let environment: Vec<_> = environment.iter().map(owned).collect();
        let options = Options { scheme: "s3", given: &given, environment: &environment };
        let settings = settings(&options)?;
        Ok(settings.into_iter().map(|(key, value)| (key.as_ref().to_owned(), value)).collect())
    }

    #[test]
    fn objects_are_encrypted_by_default() {
        assert_eq!(of(&[], &[]).unwrap()[KIND], "AES256");
        assert_eq!(of(&[(KMS_KEY, "k")], &[]).unwrap()[KIND], "aws:kms");
        assert_eq!(of(&[], &[("AWS_SSE_KMS_KEY_ID", "k")]).unwrap()[KIND], "aws:kms");
        assert_eq!(of(&[(KIND, "aws:kms")], &[]).unwrap()[KIND], "aws:kms");
        assert!(!of(&[(KIND, "none")], &[]).unwrap().contains_key(KIND));
        assert!(!of(&[], &[("AWS_SERVER_SIDE_ENCRYPTION", "none")]).unwrap().contains_key(KIND));
        let both = of(&[(KIND, "AES256")], &[("AWS_SERVER_SIDE_ENCRYPTION", "none")]);
        assert_eq!(both.unwrap()[KIND], "AES256");
    }

    #[test]
    fn conflicting_options_are_rejected() {
        let said = |given: &[(&str, &str)]| of(given, &[]).unwrap_err().to_string();
        assert_eq!(
            said(&[(KIND, "aes256")]),
            "`aes256` is not an encryption of S3; set aws_server_side_encryption to AES256 (the default), \
             aws:kms, aws:kms:dsse, sse-c, or none"
        );
        assert_eq!(
            said(&[(KIND, "none"), (KMS_KEY, "k")]),
            "`none` encrypts without a key of KMS; take aws_sse_kms_key_id away, or set \
             aws_server_side_encryption to aws:kms"
        );
    }

    #[test]
    fn an_option_shadows_related_environment_variables() {
        let environment = [
            ("AWS_ACCESS_KEY_ID", "of-the-function"),
            ("AWS_SECRET_ACCESS_KEY", "of-the-function"),
            ("AWS_SESSION_TOKEN", "of-the-function"),
            ("AWS_ENDPOINT_URL_S3", "http://registry.example"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_LAMBDA_FUNCTION_NAME", "registry"),
            ("HOME", "/root"),
        ];
        let given = [
            ("aws_access_key_id", "mine"),
            ("aws_secret_access_key", "mine"),
            ("aws_endpoint", "http://127.0.0.1:9"),
        ];
        let settings: Vec<String> = of(&given, &environment)
            .unwrap()
            .into_iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        assert_eq!(
            settings,
            [
                "aws_access_key_id=mine",
                "aws_endpoint=http://127.0.0.1:9",
                "aws_region=eu-west-1",
                "aws_secret_access_key=mine",
                "aws_server_side_encryption=AES256",
            ]
        );
    }
}
