use super::Settings;

/// An upstream is configured but never used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusedUpstream {
    /// No rule lists it.
    #[error(
        "[upstreams.{0}] (or --upstream) is configured but not used, because no rule lists it: write \
         origin = [\"hosted\", \"{0}\"] in a rule of [[packages]], or remove the upstream"
    )]
    NotListed(String),
    /// Without rules, only the first upstream is used.
    #[error(
        "[upstreams.{unused}] is configured but not used, because without rules only [upstreams.{first}] is: \
         list both in the origin of a rule in [[packages]], or remove one"
    )]
    NotFirst {
        /// The upstream that is used.
        first: String,
        /// The upstream that is not used.
        unused: String,
    },
}

impl Settings {
    /// Rejects upstreams that are never used.
    pub fn refuse_unused_upstreams(&self) -> Result<(), UnusedUpstream> {
        let mut names = self.upstreams.keys();
        if self.packages.is_empty() {
            return match (names.next(), names.next()) {
                (Some(first), Some(unused)) => {
                    Err(UnusedUpstream::NotFirst { first: first.clone(), unused: unused.clone() })
                }
                _ => Ok(()),
            };
        }
        match names.find(|name| !self.packages.written().any(|(_, rule)| rule.origin.contains(name))) {
            Some(unused) => Err(UnusedUpstream::NotListed(unused.clone())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(upstreams: &[&str], rules: &str) -> Result<(), UnusedUpstream> {
        let table = |name: &&str| format!("[upstreams.{name}]\nurl = \"https://{name}.example\"\n");
        let upstreams: String = upstreams.iter().map(table).collect();
        Settings::from_toml(&format!("{upstreams}{rules}")).unwrap().refuse_unused_upstreams()
    }

    #[test]
    fn an_upstream_that_is_never_asked_is_refused() {
        let hosted = "[[packages]]\nmatch = \"**\"";
        let first = "[[packages]]\nmatch = \"**\"\norigin = [\"hosted\", \"a\"]";
        let both = "[[packages]]\nmatch = \"**\"\norigin = [\"hosted\", \"b\", \"a\"]";
        assert_eq!(check(&["a"], ""), Ok(()));
        assert_eq!(check(&["a"], first), Ok(()));
        assert_eq!(check(&["a", "b"], both), Ok(()));
        for (upstreams, rules, unused) in
            [(&["a"][..], hosted, "a"), (&["a", "b"], first, "b"), (&["a", "b"], "", "b")]
        {
            let refused = check(upstreams, rules).unwrap_err().to_string();
            assert!(refused.starts_with(&format!("[upstreams.{unused}]")), "{refused}");
        }
    }
}
