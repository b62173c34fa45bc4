mod upstream_search;

use std::sync::Arc;

use super::entry::Entry;
use super::pattern::Pattern;
use super::{AccessRuleError, Action, Decision, Origin, RuleSettings, Verdict};
use crate::auth::Principal;
use crate::domain::PackageName;

/// The rules, ready to decide. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AccessRules(Arc<[Rule]>);

#[derive(Debug)]
struct Rule {
    pattern: Pattern,
    read: Vec<Entry>,
    publish: Vec<Entry>,
    administer: Vec<Entry>,
    origin: Origin,
}

impl AccessRules {
    /// Checks rules and makes them ready, where there is no upstream. No rules deny everything.
    pub fn compile(settings: &[RuleSettings]) -> Result<Self, AccessRuleError> {
        Self::compile_with_upstreams(settings, &[])
    }

    /// Checks rules and makes them ready. `upstreams` are the names that `origin` may list beside `hosted`.
    pub fn compile_with_upstreams(
        settings: &[RuleSettings],
        upstreams: &[&str],
    ) -> Result<Self, AccessRuleError> {
        let mut rules: Vec<Rule> = Vec::with_capacity(settings.len());
        for (settings, number) in settings.iter().zip(1..) {
            let rule = Rule::compile(settings, number, upstreams)?;
            if let Some(earlier) = rules.iter().position(|earlier| earlier.pattern.covers(&rule.pattern)) {
                return Err(AccessRuleError::Unreachable {
                    rule: number,
                    pattern: settings.pattern.clone(),
                    earlier: earlier + 1,
                    earlier_pattern: rules[earlier].pattern.as_str().into(),
                });
            }
            rules.push(rule);
        }
        Ok(Self(rules.into()))
    }

    /// What holds where nothing is configured: everybody reads everything, and whoever is signed in publishes
    /// new packages and those that they own.
    pub fn open_to_all_publish_for_signed_in() -> Self {
        let rule = Rule {
            pattern: Pattern::everything(),
            read: vec![Entry::All],
            publish: vec![Entry::Authenticated],
            administer: Vec::new(),
            origin: Origin::HOSTED,
        };
        Self(Arc::new([rule]))
    }

    /// The same in front of an upstream, which is asked for names that were never hosted here.
    pub fn open_to_all_in_front_of(upstream: &str) -> Self {
        let rule = Rule {
            pattern: Pattern::everything(),
            read: vec![Entry::All],
            publish: vec![Entry::Authenticated],
            administer: Vec::new(),
            origin: Origin { upstreams: vec![upstream.into()], ..Origin::HOSTED },
        };
        Self(Arc::new([rule]))
    }

    /// Where packages of this name come from. A name that no rule matches comes from nowhere but here.
    pub fn origin(&self, package: &PackageName) -> &Origin {
        static NOWHERE_ELSE: Origin = Origin::HOSTED;
        self.rule_of(package).map_or(&NOWHERE_ELSE, |rule| &rule.origin)
    }

    fn rule_of(&self, package: &PackageName) -> Option<&Rule> {
        self.0.iter().find(|rule| rule.pattern.matches(package.as_str()))
    }

    /// Whether `principal`, or nobody in particular, may do `action` to `package`.
    pub fn decide(
        &self,
        action: Action,
        principal: Option<&Principal>,
        package: &PackageName,
    ) -> Decision<'_> {
        match self.rule_of(package) {
            None => Decision { verdict: Verdict::Denied, rule: None },
            Some(rule) => {
                Decision { verdict: rule.verdict(action, principal), rule: Some(rule.pattern.as_str()) }
            }
        }
    }
}

impl Rule {
    fn compile(settings: &RuleSettings, number: usize, upstreams: &[&str]) -> Result<Self, AccessRuleError> {
        let pattern = Pattern::parse(&settings.pattern).map_err(|problem| AccessRuleError::Pattern {
            rule: number,
            pattern: settings.pattern.clone(),
            problem,
        })?;
        let entries = |list: Action, entries: &[String]| -> Result<Vec<Entry>, AccessRuleError> {
            let parse = |entry: &String| {
                Entry::parse(entry).map_err(|instead| AccessRuleError::Entry {
                    rule: number,
                    pattern: settings.pattern.clone(),
                    list,
                    entry: entry.clone(),
                    instead,
                })
            };
            entries.iter().map(parse).collect()
        };
        Ok(Self {
            pattern,
            read: entries(Action::Read, &settings.read)?,
            publish: entries(Action::Publish, &settings.publish)?,
            administer: entries(Action::Administer, &settings.administer)?,
            origin: Origin::compile(settings, number, upstreams)?,
        })
    }

    fn verdict(&self, action: Action, principal: Option<&Principal>) -> Verdict {
        let change = principal.map_or(Verdict::Denied, |principal| self.change(principal));
        match action {
            Action::Publish => change,
            Action::Administer if self.administers(principal) => Verdict::Allowed,
            Action::Administer => change.min(Verdict::AllowedToOwners),
            Action::Read if change > Verdict::Denied => Verdict::Allowed,
            Action::Read if self.read.iter().any(|entry| entry.holds(principal)) => Verdict::Allowed,
            Action::Read => Verdict::Denied,
        }
    }

    fn administers(&self, principal: Option<&Principal>) -> bool {
        principal.is_some() && self.administer.iter().any(|entry| entry.holds(principal))
    }

    /// To which packages the principal may publish.
    fn change(&self, principal: &Principal) -> Verdict {
        if self.administers(Some(principal)) {
            return Verdict::Allowed;
        }
        let holding = self.publish.iter().filter(|entry| entry.holds(Some(principal)));
        let verdict = |entry: &Entry| {
            if entry.names_somebody() { Verdict::Allowed } else { Verdict::AllowedToOwners }
        };
        holding.map(verdict).max().unwrap_or(Verdict::Denied)
    }
}

#[cfg(test)]
mod tests;
