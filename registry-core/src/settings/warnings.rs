use url::{Host, Url};

use super::groups::groups_of;
use super::{ProviderName, Settings};

impl Settings {
    /// What the settings protect less than they seem to, for the operator to read at the start.
    pub fn warnings(&self) -> Vec<String> {
        let names = self.warn_of_names_for_anyone();
        names.into_iter().chain(self.warn_of_plaintext()).chain(self.warn_of_empty_groups()).collect()
    }

    /// Secrets that travel unencrypted. URLs of issuers must be https anyway.
    fn warn_of_plaintext(&self) -> impl Iterator<Item = String> {
        let github = self.github.iter().flat_map(|table| {
            [Some(("url", &table.url)), table.api_url.as_ref().map(|url| ("api_url", url))]
        });
        let github = github.flatten().map(|(key, url)| {
            (format!("[github]: {key}"), url, "the tokens of users, and so sign in as any of them")
        });
        let upstreams = self
            .upstreams
            .iter()
            .filter(|(_, upstream)| upstream.token_env.is_some() || upstream.token_file.is_some());
        let upstreams = upstreams.map(|(name, upstream)| {
            (format!("[upstreams.{name}]: url"), &upstream.url, "the token of the upstream")
        });
        github.chain(upstreams).filter(|(_, url, _)| is_plaintext(url.as_url())).map(|(key, url, what)| {
            format!(
                "{key} = \"{url}\" is not encrypted, so any machine on the way there can read {what}: write an \
                 https:// URL"
            )
        })
    }

    /// Each name has one owner over all providers: the first who comes with it.
    fn warn_of_names_for_anyone(&self) -> Option<String> {
        let listed = self.provider_order();
        let both = [ProviderName::Openid, ProviderName::Github].iter().all(|name| listed.contains(name));
        let is_open = self.github.as_ref().is_some_and(|github| github.organizations.is_empty());
        (both && is_open).then(|| {
            "[github]: organizations is empty, so every GitHub user may take the name of a colleague who \
             signs in with [openid] later: list your organizations"
                .to_owned()
        })
    }

    /// Groups in the rules whose provider puts no account in them.
    fn warn_of_empty_groups(&self) -> impl Iterator<Item = String> {
        self.packages.written().zip(1..).flat_map(move |((_, rule), number)| {
            groups_of(rule).filter_map(move |(list, group)| {
                let why = self.why_empty(group)?;
                Some(format!(
                    "access rule {number} (match = {:?}): {list} lists \"group:{group}\", and no account is in that group, \
                     because {why}, or remove the entry",
                    rule.pattern
                ))
            })
        })
    }

    fn why_empty(&self, group: &str) -> Option<&'static str> {
        let begins_with =
            |prefix: &str| group.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        let is_of_admins = group.eq_ignore_ascii_case("github-admins");
        match (&self.github, &self.openid) {
            // With another prefix, or with none, groups of the issuer can be spelled like these.
            (_, Some(openid)) if begins_with(&openid.group_prefix) => None,
            (None, _) if is_of_admins || begins_with("github:") => {
                Some("signing in with GitHub is not configured: write a table [github]")
            }
            (Some(github), _) if is_of_admins && github.admins.is_empty() => {
                Some("[github] lists no admins: list them")
            }
            (_, None) if begins_with("openid:") => {
                Some("signing in with OpenID Connect is not configured: write a table [openid]")
            }
            _ => None,
        }
    }
}

/// Whether requests to this URL leave the machine unencrypted.
fn is_plaintext(url: &Url) -> bool {
    let is_this_machine = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    };
    url.scheme() == "http" && !is_this_machine
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_that_travel_in_plaintext_are_warned_of() {
        let upstream = "[upstreams.npm]\nurl = \"http://registry.example\"\n";
        for (text, told) in [
            ("[github]\nurl = \"http://github.example\"".to_owned(), Some("[github]: url = ")),
            ("[github]\napi_url = \"http://api.github.example\"".to_owned(), Some("[github]: api_url = ")),
            ("[github]\nurl = \"http://127.0.0.1:8080\"".to_owned(), None),
            ("[github]\nurl = \"https://github.example\"".to_owned(), None),
            (upstream.to_owned(), None),
            (format!("{upstream}token_env = \"X\""), Some("[upstreams.npm]: url = ")),
            (format!("{upstream}token_file = \"x\""), Some("[upstreams.npm]: url = ")),
        ] {
            let warnings = Settings::from_toml(&text).unwrap().warnings();
            match (&warnings[..], told) {
                ([], None) => {}
                ([warning], Some(told)) => assert!(warning.starts_with(told), "{warning}"),
                _ => panic!("{text}: {warnings:?}"),
            }
        }
    }

    #[test]
    fn groups_that_no_account_is_in_are_warned_of() {
        let github = "[github]\nadmins = [\"ana\"]\n";
        let openid = "[openid]\nissuer = \"https://login.example\"\nclient_id = \"x\"\n";
        let plain = format!("{openid}group_prefix = \"\"\n");
        for (tables, group, why) in [
            ("", "github:acme", Some("a table [github]")),
            ("", "GitHub:acme", Some("a table [github]")),
            ("", "github-admins", Some("a table [github]")),
            ("", "openid:staff", Some("a table [openid]")),
            ("", "local:acme", None),
            ("[github]\n", "github-admins", Some("lists no admins")),
            (github, "github-admins", None),
            (github, "github:acme", None),
            (github, "openid:staff", Some("a table [openid]")),
            (openid, "openid:staff", None),
            (openid, "github:acme", Some("a table [github]")),
            (&plain, "github:acme", None),
        ] {
            let rules = "[[packages]]\nmatch = \"@a/*\"\n[[packages]]\nmatch = \"**\"\n";
            let text = format!("{tables}{rules}read = [\"@all\"]\npublish = [\"group:{group}\"]");
            let warnings = Settings::from_toml(&text).unwrap().warnings();
            let Some(why) = why else {
                assert_eq!(warnings, [""; 0], "{text}");
                continue;
            };
            let [warning] = &warnings[..] else { panic!("{text}: {warnings:?}") };
            let begins = format!("access rule 2 (match = \"**\"): publish lists \"group:{group}\"");
            assert!(warning.starts_with(&begins) && warning.contains(why), "{warning}");
        }
    }
}
