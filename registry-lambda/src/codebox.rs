//! Converts the variables of codebox-npm to a `registry.toml`, so that one of its deployments migrates by replacing the
//! code.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// Each variable by its name in the functions, and by its name in the deployment.
const BUCKET: [&str; 2] = ["bucket", "CODEBOX_BUCKET"];
const REGION: [&str; 2] = ["region", "CODEBOX_REGION"];
const REGISTRY: [&str; 2] = ["registry", "CODEBOX_REGISTRY"];
const ADMINS: [&str; 2] = ["admins", "CODEBOX_ADMINS"];
const RESTRICTED_ORGS: [&str; 2] = ["restrictedOrgs", "CODEBOX_RESTRICTED_ORGS"];
const GITHUB_URL: [&str; 2] = ["githubUrl", "CODEBOX_GITHUB_URL"];
const GITHUB_CLIENT_ID: [&str; 2] = ["githubClientId", "CODEBOX_GITHUB_CLIENT_ID"];
const GITHUB_SECRET: [&str; 2] = ["githubSecret", "CODEBOX_GITHUB_SECRET"];
const API_ENDPOINT: [&str; 2] = ["apiEndpoint", "CODEBOX_API_ENDPOINT"];

const CLIENT_ID: [&str; 2] = ["clientId", "CODEBOX_INSIGHTS_CLIENT_ID"];
const SECRET: [&str; 2] = ["secret", "CODEBOX_INSIGHTS_SECRET"];
const LOG_TOPIC: [&str; 2] = ["logTopic", "CODEBOX_LOG_TOPIC"];
/// Where its events go, unless the variable names another place.
const LOG_URL: [&str; 2] = ["logUrl", "CODEBOX_LOG_URL"];
const USUAL_LOG_URL: &str = "https://log.codebox.sh/v1/send";

/// The path of all its routes, below the stage.
const PATH_PREFIX: &str = "/registry";

/// The settings from codebox-npm's variables.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Codebox {
    /// The equivalent `registry.toml`. It contains no secret, only the name of the variable with it.
    pub(crate) toml: String,
}

impl Codebox {
    /// Returns `None` if no bucket is named, which means that there was no codebox-npm.
    pub(crate) fn of(variables: &BTreeMap<String, String>) -> Option<Self> {
        // An omitted optional variable is an empty text.
        let set = |name: &str| variables.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
        let found = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, set(name)?)));
        let text = |names| found(names).map(|(_, text)| text);
        let list = |names| {
            let entries = text(names).unwrap_or_default().split(',').map(str::trim);
            entries.filter(|entry| !entry.is_empty()).map(Value::from).collect::<Vec<_>>()
        };

        let bucket = text(BUCKET)?;
        let mut options = Table::new();
        // Its bucket rejects objects without this encryption.
        options.insert("aws_server_side_encryption".into(), "AES256".into());
        if let Some(region) = text(REGION) {
            options.insert("aws_region".into(), region.into());
        }
        let mut storage = Table::new();
        storage.insert("url".into(), format!("s3://{bucket}").into());
        storage.insert("options".into(), options.into());

        let mut github = Table::new();
        let api = text(GITHUB_URL).unwrap_or("https://api.github.com/");
        if api.trim_end_matches('/') != "https://api.github.com" {
            let server = api.find("://").and_then(|at| Some(at + 3 + api[at + 3..].find('/')?));
            github.insert("url".into(), api[..server.unwrap_or(api.len())].into());
            github.insert("api_url".into(), api.into());
        }
        if let Some(client_id) = text(GITHUB_CLIENT_ID) {
            github.insert("client_id".into(), client_id.into());
        }
        if let Some((variable, _)) = found(GITHUB_SECRET) {
            github.insert("client_secret_env".into(), variable.into());
        }
        github.insert("admins".into(), list(ADMINS).into());
        github.insert("organizations".into(), list(RESTRICTED_ORGS).into());

        let admins = || vec![Value::from("group:github-admins")];
        let mut rule = Table::new();
        rule.insert("match".into(), "**".into());
        rule.insert("read".into(), vec![Value::from("@authenticated")].into());
        rule.insert("publish".into(), admins().into());
        rule.insert("administer".into(), admins().into());

        let mut settings = Table::new();
        if let Some(url) = text(REGISTRY) {
            let mut upstream = Table::new();
            upstream.insert("url".into(), url.into());
            let upstreams = Table::from_iter([("npm".to_owned(), Value::from(upstream))]);
            settings.insert("upstreams".into(), upstreams.into());
            rule.insert("origin".into(), vec![Value::from("hosted"), Value::from("npm")].into());
        }
        settings.insert("path_prefix".into(), PATH_PREFIX.into());
        if let Some(url) = text(API_ENDPOINT) {
            settings.insert("public_url".into(), url.into());
        }
        settings.insert("storage".into(), storage.into());
        settings.insert("github".into(), github.into());
        let accounts = Table::from_iter([("sign_up".to_owned(), Value::from(false))]);
        settings.insert("accounts".into(), accounts.into());
        settings.insert("packages".into(), vec![Value::from(rule)].into());
        // As codebox-npm, which logs only if both are set.
        if let (Some(client_id), Some((variable, _))) = (text(CLIENT_ID), found(SECRET)) {
            let mut log = Table::new();
            log.insert("url".into(), text(LOG_URL).unwrap_or(USUAL_LOG_URL).into());
            log.insert("client_id".into(), client_id.into());
            log.insert("secret_env".into(), variable.into());
            if let Some(topic) = text(LOG_TOPIC) {
                log.insert("log_topic".into(), topic.into());
            }
            settings.insert("codebox_log".into(), log.into());
        }
        Some(Self { toml: settings.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use registry_core::settings::Settings;

    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn function_variables_become_a_configuration() {
        let codebox = Codebox::of(&variables(&[
            ("bucket", "acme-npm-prod"),
            ("region", "eu-west-1"),
            ("registry", "https://registry.example/"),
            ("admins", "ana, ben"),
            ("restrictedOrgs", ""),
            ("githubUrl", "https://api.github.com/"),
            ("githubClientId", "Iv1.client"),
            ("githubSecret", "do not tell"),
            ("clientId", "insights"),
            ("secret", "do not tell either"),
            ("logTopic", "arn:aws:sns:eu-west-1:1:npm"),
            ("apiEndpoint", "https://abc.execute-api.eu-west-1.amazonaws.com/prod/registry"),
        ]))
        .unwrap();
        insta::assert_snapshot!(codebox.toml, @r#"
path_prefix = "/registry"
public_url = "https://abc.execute-api.eu-west-1.amazonaws.com/prod/registry"

[accounts]
sign_up = false

[codebox_log]
client_id = "insights"
log_topic = "arn:aws:sns:eu-west-1:1:npm"
secret_env = "secret"
url = "https://log.codebox.sh/v1/send"

[github]
admins = ["ana", "ben"]
client_id = "Iv1.client"
client_secret_env = "githubSecret"
organizations = []

[[packages]]
administer = ["group:github-admins"]
match = "**"
origin = ["hosted", "npm"]
publish = ["group:github-admins"]
read = ["@authenticated"]

[storage]
url = "s3://acme-npm-prod"

[storage.options]
aws_region = "eu-west-1"
aws_server_side_encryption = "AES256"

[upstreams.npm]
url = "https://registry.example/"
"#);
        let settings = Settings::from_toml(&codebox.toml).unwrap();
        settings.refuse_two_sources_of_names().unwrap();
        settings.check_providers().unwrap();
        settings.packages.compile(&settings.upstreams).unwrap();
    }

    #[test]
    fn deployment_variables_become_a_configuration() {
        let codebox = Codebox::of(&variables(&[
            ("CODEBOX_BUCKET", "acme-npm"),
            ("CODEBOX_RESTRICTED_ORGS", "acme,acme-labs"),
            ("CODEBOX_GITHUB_URL", "https://github.example/api/v3/"),
            ("CODEBOX_GITHUB_CLIENT_ID", "Iv1.client"),
            ("CODEBOX_GITHUB_SECRET", "do not tell"),
        ]))
        .unwrap();
        insta::assert_snapshot!(codebox.toml, @r#"
path_prefix = "/registry"

[accounts]
sign_up = false

[github]
admins = []
api_url = "https://github.example/api/v3/"
client_id = "Iv1.client"
client_secret_env = "CODEBOX_GITHUB_SECRET"
organizations = ["acme", "acme-labs"]
url = "https://github.example"

[[packages]]
administer = ["group:github-admins"]
match = "**"
publish = ["group:github-admins"]
read = ["@authenticated"]

[storage]
url = "s3://acme-npm"

[storage.options]
aws_server_side_encryption = "AES256"
"#);
        let settings = Settings::from_toml(&codebox.toml).unwrap();
        settings.packages.compile(&settings.upstreams).unwrap();
    }

    #[test]
    fn without_a_bucket_there_is_none() {
        assert_eq!(
            Codebox::of(&variables(&[("registry", "https://registry.example/"), ("bucket", " ")])),
            None
        );
    }
}
