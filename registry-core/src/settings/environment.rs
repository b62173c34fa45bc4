use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use super::{Overrides, Settings};
use crate::nearest::nearest;

/// What every variable of the registry begins with.
const PREFIX: &str = "REGISTRY_";

/// Variables that hold secrets of providers, unless the settings name others.
const SECRETS: [&str; 2] = ["REGISTRY_GITHUB_CLIENT_SECRET", "REGISTRY_OPENID_CLIENT_SECRET"];

/// What a frontend reads of the environment besides the variables of [`Overrides`].
#[derive(Debug, Clone, Copy)]
pub struct FrontendVariables<'a> {
    /// The variables that it reads.
    pub own: &'a [&'a str],
    /// Variables that another frontend reads, and what to do about them here.
    pub elsewhere: &'a [(&'a str, &'a str)],
}

/// A variable begins like those of the registry, and nothing reads it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment sets {name}, which has no effect: {advice}")]
pub struct UnknownVariable {
    name: String,
    advice: String,
}

impl Settings {
    /// Refuses `REGISTRY_…` variables that nothing reads, such as a misspelled one: what they were to protect would be open.
    ///
    /// Variables that Kubernetes sets for its services, such as `REGISTRY_SERVICE_HOST`, are ignored.
    ///
    /// ```
    /// use registry_core::settings::{FrontendVariables, Settings};
    /// let frontend = FrontendVariables { own: &["REGISTRY_LISTEN"], elsewhere: &[] };
    /// let check = |name: &str| Settings::default().refuse_unknown_variables([(name.into(), "x".into())], frontend);
    /// assert!(check("REGISTRY_LISTEN").is_ok() && check("REGISTRY_STORAGE").is_ok() && check("HOME").is_ok());
    /// let refusal = check("REGISTRY_LISTN").unwrap_err().to_string();
    /// assert!(refusal.contains("did you mean REGISTRY_LISTEN?"), "{refusal}");
    /// ```
    pub fn refuse_unknown_variables(
        &self,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        frontend: FrontendVariables<'_>,
    ) -> Result<(), UnknownVariable> {
        let known: BTreeSet<&str> =
            [&Overrides::VARIABLES[..], frontend.own, &SECRETS].into_iter().flatten().copied().collect();
        let named = self.named_variables();
        let text = |text: OsString| text.to_string_lossy().into_owned();
        let set: BTreeMap<String, String> =
            variables.into_iter().map(|(name, value)| (text(name), text(value))).collect();
        let is_unknown = |name: &str, value: &str| {
            name.strip_prefix(PREFIX).is_some_and(|rest| !is_of_a_service(rest, value))
                && !known.contains(name)
                && !named.contains(&name)
        };
        let Some((name, _)) = set.iter().find(|(name, value)| is_unknown(name, value)) else { return Ok(()) };
        let elsewhere = frontend.elsewhere.iter().find(|(variable, _)| variable == name);
        let advice = elsewhere.map_or_else(|| advice(name, &known), |(_, advice)| (*advice).to_owned());
        Err(UnknownVariable { name: name.clone(), advice })
    }

    /// The variables that the settings themselves name.
    fn named_variables(&self) -> Vec<&str> {
        let tokens = self.upstreams.values().filter_map(|upstream| upstream.token_env.as_deref());
        let github = self.github.as_ref().map(|github| github.client_secret_env.as_str());
        let openid = self.openid.as_ref().and_then(|openid| openid.client_secret_env.as_deref());
        tokens.chain(github).chain(openid).collect()
    }
}

fn advice(name: &str, known: &BTreeSet<&str>) -> String {
    let bare = |name| str::strip_prefix(name, PREFIX);
    match nearest(bare(name).unwrap_or(name), known.iter().filter_map(|known| bare(known))) {
        Some(nearest) => format!("did you mean {PREFIX}{nearest}? Rename it, or remove it"),
        None => format!(
            "remove it. What has no variable of its own is set in the file that REGISTRY_CONFIG names; the variables are {}",
            known.iter().copied().collect::<Vec<_>>().join(", ")
        ),
    }
}

/// Whether Kubernetes sets this variable for a service whose name begins with `registry`.
/// `rest` is the name without [`PREFIX`].
fn is_of_a_service(rest: &str, value: &str) -> bool {
    let ends_with = |end: &str| rest == end || rest.strip_suffix(end).is_some_and(|name| name.ends_with('_'));
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // `PORT_4873_TCP`, `PORT_4873_TCP_ADDR`
    let is_port_part = |after: &str| {
        let mut parts = after.split('_');
        parts.next().is_some_and(number)
            && matches!(parts.next(), Some("TCP" | "UDP" | "SCTP"))
            && matches!(parts.next(), None | Some("PROTO" | "PORT" | "ADDR"))
            && parts.next().is_none()
    };
    let behind = |mark: &str| match rest.strip_prefix(mark) {
        Some(after) => Some(after),
        None => rest.split_once(&format!("_{mark}")).map(|(_, after)| after),
    };
    ends_with("SERVICE_HOST")
        || ends_with("SERVICE_PORT")
        || behind("SERVICE_PORT_").is_some()
        || behind("PORT_").is_some_and(is_port_part)
        // A plain number was meant as the port to listen on.
        || (ends_with("PORT") && value.contains("://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(settings: &Settings, name: &str, value: &str) -> Result<(), String> {
        let frontend = FrontendVariables {
            own: &["REGISTRY_LISTEN"],
            elsewhere: &[("REGISTRY_LAMBDA_RESPONSE", "it is the function's; remove it")],
        };
        let refused = settings.refuse_unknown_variables([(name.into(), value.into())], frontend);
        refused.map_err(|error| error.to_string())
    }

    #[test]
    fn what_kubernetes_sets_for_services_is_ignored() {
        for (name, value) in [
            ("REGISTRY_SERVICE_HOST", "10.0.0.7"),
            ("REGISTRY_SERVICE_PORT", "4873"),
            ("REGISTRY_SERVICE_PORT_HTTP", "4873"),
            ("REGISTRY_PORT", "tcp://10.0.0.7:4873"),
            ("REGISTRY_PORT_4873_TCP", "tcp://10.0.0.7:4873"),
            ("REGISTRY_PORT_4873_TCP_PROTO", "tcp"),
            ("REGISTRY_PORT_4873_TCP_PORT", "4873"),
            ("REGISTRY_PORT_4873_TCP_ADDR", "10.0.0.7"),
            ("REGISTRY_SERVER_SERVICE_HOST", "10.0.0.7"),
            ("REGISTRY_SERVER_SERVICE_PORT_HTTP", "4873"),
            ("REGISTRY_SERVER_PORT", "udp://10.0.0.7:53"),
            ("REGISTRY_SERVER_PORT_53_UDP_ADDR", "10.0.0.7"),
        ] {
            assert_eq!(check(&Settings::default(), name, value), Ok(()), "{name}");
        }
    }

    #[test]
    fn what_nothing_reads_is_refused_without_its_value() {
        for (name, told) in [
            ("REGISTRY_ACCES", "the variables are REGISTRY_CONFIG, REGISTRY_GITHUB_ADMINS,"),
            ("REGISTRY_STORGAE", "did you mean REGISTRY_STORAGE?"),
            ("REGISTRY_LGO", "did you mean REGISTRY_LOG?"),
            ("REGISTRY_GITHUB_CLIENT_SECERT", "did you mean REGISTRY_GITHUB_CLIENT_SECRET?"),
            ("REGISTRY_LAMBDA_RESPONSE", "it is the function's"),
            ("REGISTRY_PORT", "the file that REGISTRY_CONFIG names"),
            ("REGISTRY_PORT_TCP", "remove it"),
            ("REGISTRY_", "remove it"),
        ] {
            let refused = check(&Settings::default(), name, "4873").unwrap_err();
            assert!(refused.contains(name) && refused.contains(told), "{refused}");
            assert!(!refused.contains("4873"), "{refused}");
        }
    }

    #[test]
    fn the_settings_may_name_variables_of_their_own() {
        let settings = "[upstreams.npm]\nurl = \"https://registry.example\"\ntoken_env = \"REGISTRY_NPM_TOKEN\"\n\
                        [github]\nclient_secret_env = \"REGISTRY_APP\"\n\
                        [openid]\nissuer = \"https://login.example\"\nclient_id = \"x\"\nclient_secret_env = \"REGISTRY_SSO\"";
        let settings = Settings::from_toml(settings).unwrap();
        for name in ["REGISTRY_NPM_TOKEN", "REGISTRY_APP", "REGISTRY_SSO"] {
            assert_eq!(check(&settings, name, "x"), Ok(()), "{name}");
            check(&Settings::default(), name, "x").unwrap_err();
        }
    }
}
