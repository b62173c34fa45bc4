use std::path::PathBuf;

use serde::Deserialize;
use url::Host;

use crate::domain::trust::TrustKind;

use super::UpstreamUrl;

/// `[trusted_publishing]`: builds that publish without a stored token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrustedPublishingSettings {
    /// Whether builds may publish where a package's owners permit it.
    pub enabled: bool,
    /// The lifetime in minutes of a build's token; 60 at most.
    pub token_minutes: TokenMinutes,
    /// The accepted audiences of build tokens, besides `npm:` and the host of the public URL.
    pub audiences: Vec<String>,
    /// The trusted issuers.
    pub issuers: Vec<IssuerTable>,
}

/// Minutes between 1 and 60.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct TokenMinutes(u8);

/// One `[[trusted_publishing.issuers]]` table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerTable {
    /// Its name in `npm trust`.
    pub name: String,
    /// Returns the `iss` of its tokens, byte for byte.
    pub url: IssuerUrl,
    /// Which claims identify its builds.
    pub kind: TrustKind,
    /// Whether builds of pull requests may publish.
    #[serde(default)]
    pub pull_requests: bool,
    /// PEM files with certificates to trust in addition to the system's.
    #[serde(default)]
    pub certificate_files: Vec<PathBuf>,
}

/// The URL of an issuer, verbatim: its tokens repeat it byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct IssuerUrl(String);

impl IssuerUrl {
    /// Returns the URL verbatim.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for IssuerUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let Ok(url) = text.parse::<UpstreamUrl>() else {
            return Err(
                "the URL of an issuer must begin with https:// and a host, without a user name, a ? or a #"
                    .to_owned(),
            );
        };
        let is_this_machine = match url.as_url().host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
            None => false,
        };
        if url.as_url().scheme() == "https" || is_this_machine {
            return Ok(Self(text));
        }
        Err("the URL of an issuer must begin with https://, because any machine on the way to it could sign in as any user; \
             http:// is for one on this machine, such as http://localhost:8080"
            .to_owned())
    }
}

impl TokenMinutes {
    /// Returns the number of minutes.
    pub fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<i64> for TokenMinutes {
    type Error = &'static str;

    fn try_from(minutes: i64) -> Result<Self, &'static str> {
        let minutes = u8::try_from(minutes).ok().filter(|minutes| (1..=60).contains(minutes));
        minutes.map(Self).ok_or("a token of a build lasts 1 to 60 minutes")
    }
}

impl Default for TrustedPublishingSettings {
    fn default() -> Self {
        let issuer = |name: &str, url: &str, kind| IssuerTable {
            name: name.into(),
            url: IssuerUrl(url.into()),
            kind,
            pull_requests: false,
            certificate_files: Vec::new(),
        };
        Self {
            enabled: true,
            token_minutes: TokenMinutes(10),
            audiences: Vec::new(),
            issuers: vec![
                issuer("github", "https://token.actions.githubusercontent.com", TrustKind::Github),
                issuer("gitlab", "https://gitlab.com", TrustKind::Gitlab),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    #[test]
    fn implausible_values_are_rejected() {
        let table = |rest: &str| format!("[trusted_publishing]\n{rest}");
        let issuer = |rest: &str| format!("[[trusted_publishing.issuers]]\n{rest}");
        for (text, word) in [
            (table("token_minutes = 0"), "1 to 60"),
            (table("token_minutes = 61"), "1 to 60"),
            (table("token_minutes = 300"), "1 to 60"),
            (table("token_minutes = -1"), "1 to 60"),
            (issuer("name = \"a\"\nurl = \"ftp://x\"\nkind = \"github\""), "https://"),
            (issuer("name = \"a\"\nurl = \"http://login.example\"\nkind = \"github\""), "https://, because"),
            (issuer("name = \"a\"\nurl = \"http://10.0.0.7\"\nkind = \"github\""), "https://, because"),
            (issuer("name = \"a\"\nurl = \"https://x\"\nkind = \"forge\""), "gitlab"),
            (issuer("name = \"a\"\nkind = \"github\""), "url"),
        ] {
            let refusal = format!("{:#}", Settings::from_toml(&text).unwrap_err());
            assert!(refusal.contains(word), "{text}: {refusal}");
        }
    }

    #[test]
    fn an_issuer_on_this_machine_needs_no_tls() {
        for url in
            ["http://localhost:8080", "http://127.0.0.1", "http://[::1]:8080/realms/a", "https://10.0.0.7"]
        {
            let text = format!("[openid]\nissuer = \"{url}\"\nclient_id = \"x\"");
            assert_eq!(Settings::from_toml(&text).unwrap().openid.unwrap().issuer.as_str(), url);
        }
        let refused = Settings::from_toml("[openid]\nissuer = \"http://login.example\"\nclient_id = \"x\"");
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("line 2") && refused.contains("`[openid] issuer`"), "{refused}");
    }
}
