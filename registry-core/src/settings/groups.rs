use crate::access::RuleSettings;

use super::Settings;

/// The group of `admins` in `[github]`.
const GITHUB_ADMINS: &str = "github-admins";

/// A rule lists a group that no provider assigns.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{list} lists \"group:{group}\", which names no group, because it lacks the provider: write {instead}"
)]
pub(crate) struct UnknownGroup {
    list: &'static str,
    group: String,
    instead: String,
}

impl Settings {
    /// Returns the rules that list such a group, each with its first one and its position in the text.
    pub(super) fn unknown_groups(&self) -> impl Iterator<Item = (usize, UnknownGroup)> {
        self.packages.written().filter_map(|(start, rule)| {
            let (list, group) = groups_of(rule).find(|(_, group)| !self.is_known_group(group))?;
            let instead = self.instead_of_group(group);
            Some((start, UnknownGroup { list, group: group.to_owned(), instead }))
        })
    }

    /// Whether an account can be in a group with this spelling.
    fn is_known_group(&self, group: &str) -> bool {
        let begins_with = |prefix: &str| {
            group.len() > prefix.len()
                && group.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        let openid = self.openid.as_ref().map_or("openid:", |table| table.group_prefix.as_str());
        group.eq_ignore_ascii_case(GITHUB_ADMINS)
            || ["local:", "github:", openid].into_iter().any(begins_with)
    }

    fn instead_of_group(&self, group: &str) -> String {
        let name = group.rsplit(':').next().filter(|name| !name.is_empty()).unwrap_or("NAME");
        let openid = self.openid.as_ref().map(|table| {
            format!(", \"group:{}{name}\" for one of the OpenID Connect issuer", table.group_prefix)
        });
        format!(
            "\"group:local:{name}\" for an organization that `npm org` made here{}, or \"group:github:{name}\" for one of \
             GitHub",
            openid.unwrap_or_default()
        )
    }
}

pub(super) fn groups_of(rule: &RuleSettings) -> impl Iterator<Item = (&'static str, &str)> {
    let lists = [("read", &rule.read), ("publish", &rule.publish), ("administer", &rule.administer)];
    lists.into_iter().flat_map(|(list, entries)| {
        entries.iter().filter_map(move |entry| Some((list, entry.strip_prefix("group:")?)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(entry: &str, more: &str) -> Result<Settings, String> {
        let rule = format!("\n[[packages]]\nmatch = \"**\"\npublish = [\"user:ana\", \"{entry}\"]\n{more}");
        Settings::from_toml(&rule).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_group_that_no_provider_assigns_is_rejected() {
        for (entry, name) in [("group:acme", "acme"), ("group:gitlab:acme", "acme"), ("group:local:", "NAME")]
        {
            let refused = check(entry, "").unwrap_err();
            for part in ["line 2", "publish", entry, &format!("\"group:local:{name}\""), "group:github:"] {
                assert!(refused.contains(part), "no {part} in {refused}");
            }
            assert!(!refused.contains("openid"), "{refused}");
        }
    }

    #[test]
    fn groups_of_every_provider_are_known() {
        for entry in [
            "group:local:acme/platform",
            "group:LOCAL:acme",
            "group:github:acme",
            "group:github-admins",
            "group:openid:staff",
        ] {
            check(entry, "").unwrap();
        }
        let issuer = "[openid]\nissuer = \"https://login.example\"\nclient_id = \"x\"\n";
        check("group:sso-staff", &format!("{issuer}group_prefix = \"sso-\"")).unwrap();
        check("group:staff", &format!("{issuer}group_prefix = \"\"")).unwrap();
        let refused = check("group:staff", issuer).unwrap_err();
        assert!(refused.contains("\"group:openid:staff\""), "{refused}");
    }
}
