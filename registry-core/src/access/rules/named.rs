use super::{AccessRules, Subject};
use crate::domain::{GroupName, PackageName};
use crate::vocabulary::{PackagePattern, Principal};

/// Queries about principals and organizations that rules name explicitly.
impl AccessRules {
    /// Returns whether the rule for this package names `principal`, or a group of theirs, in any of its lists, or
    /// lets them administer it.
    pub fn names(&self, principal: &Principal, package: &PackageName) -> bool {
        self.rule_of(package).is_some_and(|rule| {
            let subject = Subject::of(Some(principal), rule.groups);
            let mut named = rule.read.iter().chain(&rule.publish).filter(|entry| entry.names_principals());
            rule.administer.iter().any(|entry| entry.holds(&subject))
                || named.any(|entry| entry.holds(&subject))
        })
    }

    /// Returns whether the rules refer to an organization of this name: a group of this registry or of a provider
    /// (`group:local:acme`, `group:github:acme/platform`), or the scope, by its name (`@acme/*`, `@acme/pear`) or by
    /// a pattern of scopes (`@acme-*/*`) other than of all (`@*/*`, `**`). Ignores case.
    pub(crate) fn mention_organization(&self, name: &GroupName) -> bool {
        self.0.rules.iter().any(|rule| {
            let mut entries = rule.read.iter().chain(&rule.publish).chain(&rule.administer);
            rule.pattern.means_scope(name)
                || entries.any(|entry| {
                    entry.group_organization().is_some_and(|group| group.eq_ignore_ascii_case(name.as_str()))
                })
        })
    }

    /// Returns whether `principal` may administer the scope of this name, by the first rule that covers all of it.
    /// Rules for some of its packages do not count.
    pub(crate) fn administers_scope(&self, principal: &Principal, scope: &GroupName) -> bool {
        let Ok(all) = PackagePattern::parse(&format!("@{scope}/*")) else { return false };
        let rule = self.0.rules.iter().find(|rule| rule.pattern.covers(&all));
        rule.is_some_and(|rule| {
            let subject = Subject::of(Some(principal), rule.groups);
            rule.administer.iter().any(|entry| entry.holds(&subject))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::RuleSettings;

    #[test]
    fn organizations_in_rules_are_recognized() {
        let rules = r#"[
            { "match": "@Fruit/*", "publish": ["group:local:growers", "user:eve"] },
            { "match": "@tools/hammer", "read": ["group:github:Acme/platform"] },
            { "match": "@Nut-*/*", "publish": ["user:eve"] },
            { "match": "@*-seed/config", "read": ["@all"] },
            { "match": "@*/secret", "publish": ["user:eve"] },
            { "match": "*-internal", "publish": ["user:eve"] },
            { "match": "@fruit-*/pear", "administer": ["group:openid:cn=admins", "group:operators"] },
            { "match": "**", "read": ["@all"], "publish": ["group:local:acme-web/build"] }
        ]"#;
        let rules: Vec<RuleSettings> = serde_json::from_str(rules).unwrap();
        let rules = AccessRules::compile(&rules).unwrap();
        for (name, mentioned) in [
            ("fruit", true),
            ("growers", true),
            ("tools", true),
            ("acme", true),
            ("acme-web", true),
            ("operators", true),
            ("nut-brown", true),
            ("nut-", true),
            ("apple-seed", true),
            ("fruit-fly", true),
            ("nut", false),
            ("apple-seeds", false),
            ("secret", false),
            ("hr-internal", false),
            ("eve", false),
            ("platform", false),
            ("hammer", false),
            ("local", false),
            ("github", false),
            ("build", false),
            ("acme-we", false),
        ] {
            assert_eq!(rules.mention_organization(&GroupName::parse(name).unwrap()), mentioned, "{name}");
        }
    }
}
