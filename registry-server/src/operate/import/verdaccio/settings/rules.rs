use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use registry_core::access::{AccessRuleError, AccessRules, RuleSettings};
use serde_json::{Map, Value};

use super::draft::Draft;
use super::pattern::{Patterns, patterns};
use super::{ConfigFile, list};

/// What a rule of Verdaccio may say.
const KEYS: [&str; 5] = ["access", "publish", "unpublish", "proxy", "storage"];

/// Converts `packages`. As there, the first rule that matches decides, and without one nothing is allowed.
pub(super) fn convert(
    config: &ConfigFile,
    users: &BTreeSet<String>,
    draft: &mut Draft,
) -> anyhow::Result<()> {
    let empty = Map::new();
    let packages = match config.settings.get("packages") {
        Some(Value::Object(packages)) => packages,
        None | Some(Value::Null) => &empty,
        Some(_) => bail!("`packages` of {} is no list of patterns", config.path.display()),
    };
    let mut converter = Converter { draft, users, unknown: BTreeSet::new(), owned: false };
    for (pattern, rule) in packages {
        let Value::Object(rule) = rule else {
            bail!("the rule {pattern:?} of {} has no keys, such as `access`", config.path.display());
        };
        converter.add(pattern, rule)?;
    }
    converter.finish()
}

struct Converter<'a> {
    draft: &'a mut Draft,
    users: &'a BTreeSet<String>,
    /// Names in rules that are no users.
    unknown: BTreeSet<String>,
    /// Whether signed-in users may publish.
    owned: bool,
}

/// A list of a rule.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Access,
    Publish,
}

impl Converter<'_> {
    fn add(&mut self, pattern: &str, rule: &Map<String, Value>) -> anyhow::Result<()> {
        let shown = |key: &str| format!("packages.{pattern:?}.{key}");
        for key in rule.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            self.draft.remark(shown(key), "it is not known, and does nothing here");
        }
        let Patterns { patterns, are_exact } = patterns(pattern);
        if patterns.is_empty() {
            self.draft.remark(format!("packages.{pattern:?}"), "it matches no name, and is left out");
        }
        let (mut read, mut publish, mut administer) = (Vec::new(), Vec::new(), Vec::new());
        let mut origin = vec!["hosted".to_owned()];
        if are_exact {
            read = self.entries(&shown("access"), list(rule.get("access")), List::Access);
            publish = self.entries(&shown("publish"), list(rule.get("publish")), List::Publish);
            administer = self.unpublish(&shown("unpublish"), rule);
            origin.extend(self.origins(&shown("proxy"), list(rule.get("proxy"))));
        } else {
            let names = patterns.join(", ");
            self.draft.remark(
                format!("packages.{pattern:?}"),
                format!("rules have no such pattern, so all of {names} is closed: write the rules that you mean in its place"),
            );
        }
        self.owned |= publish.iter().any(|entry| entry == "@authenticated");
        for written in patterns {
            let rule = RuleSettings {
                pattern: written,
                read: read.clone(),
                publish: publish.clone(),
                administer: administer.clone(),
                origin: origin.clone(),
                shadow: false,
            };
            self.push(pattern, rule)?;
        }
        Ok(())
    }

    /// Adds a rule, unless an earlier one always decides.
    fn push(&mut self, pattern: &str, rule: RuleSettings) -> anyhow::Result<()> {
        self.draft.rules.push(rule);
        let upstreams: Vec<&str> =
            self.draft.upstreams.iter().map(|upstream| upstream.name.as_str()).collect();
        match AccessRules::compile_with_upstreams(&self.draft.rules, &upstreams) {
            Ok(_) => Ok(()),
            Err(AccessRuleError::Unreachable { earlier_pattern, .. }) => {
                self.draft.rules.pop();
                let instead = format!(
                    "the rule for {earlier_pattern} before it decides, there and here, so it is left out"
                );
                self.draft.remark(format!("packages.{pattern:?}"), instead);
                Ok(())
            }
            Err(error) => {
                Err(error).with_context(|| format!("the rule {pattern:?} of Verdaccio cannot be taken over"))
            }
        }
    }

    fn entries(&mut self, setting: &str, groups: Vec<String>, of: List) -> Vec<String> {
        let mut entries = Vec::new();
        for group in groups {
            let entry = match (group.as_str(), of) {
                ("$all" | "@all", List::Access) => "@all".to_owned(),
                ("$anonymous" | "@anonymous", List::Access) => {
                    self.draft.remark(
                        setting,
                        format!("{group} is @all here, so signed-in users are allowed, too"),
                    );
                    "@all".to_owned()
                }
                ("$all" | "@all" | "$anonymous" | "@anonymous", List::Publish) => {
                    self.draft.remark(
                        setting,
                        format!("{group} is @authenticated here: a publish needs a sign-in"),
                    );
                    "@authenticated".to_owned()
                }
                ("$authenticated" | "@authenticated" | "all", _) => "@authenticated".to_owned(),
                (name, _) => self.user(name),
            };
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
        entries
    }

    fn user(&mut self, name: &str) -> String {
        if !self.users.contains(name) {
            self.unknown.insert(name.to_owned());
        }
        format!("user:{name}")
    }

    /// Users whom `unpublish` names administer the packages. All others unpublish their own.
    fn unpublish(&mut self, setting: &str, rule: &Map<String, Value>) -> Vec<String> {
        // Without a list, every user who may publish may do it.
        let groups = match rule.get("unpublish") {
            None | Some(Value::Null | Value::Bool(false)) => return Vec::new(),
            groups => list(groups),
        };
        let publish = list(rule.get("publish"));
        if groups == publish {
            return Vec::new();
        }
        let names: Vec<_> =
            groups.iter().filter(|group| !group.starts_with(['$', '@']) && *group != "all").collect();
        let entries: Vec<String> = names.into_iter().map(|name| self.user(name)).collect();
        let also = if entries.is_empty() {
            ""
        } else {
            "; the users that it names are in administer, and change owners, too"
        };
        self.draft.remark(
            setting,
            format!("here owners unpublish their packages, and no other list says who may{also}"),
        );
        entries
    }

    fn origins(&mut self, setting: &str, uplinks: Vec<String>) -> Vec<String> {
        let mut origins: Vec<String> = Vec::new();
        for uplink in uplinks {
            if !self.draft.upstreams.iter().any(|upstream| upstream.name == uplink) {
                self.draft.remark(
                    setting,
                    format!("the uplink {uplink:?} is not in this file as an upstream, and is left out"),
                );
            } else if !origins.contains(&uplink) {
                origins.push(uplink);
            }
        }
        origins
    }

    fn finish(mut self) -> anyhow::Result<()> {
        // Else there would be a file without rules, which lets every client read.
        if !self.draft.rules.iter().any(|rule| rule.pattern == "**") {
            let closed = RuleSettings {
                pattern: "**".to_owned(),
                read: Vec::new(),
                publish: Vec::new(),
                administer: Vec::new(),
                origin: vec!["hosted".to_owned()],
                shadow: false,
            };
            self.push("**", closed)?;
        }
        if self.owned {
            self.draft.remark(
                "packages: publish: $authenticated",
                "signed-in users publish new packages, their own ones, and those without owners, as all are that Verdaccio \
                 had; a user that a rule names (user:ana) publishes all that it matches",
            );
        }
        if !self.unknown.is_empty() {
            let names: Vec<_> = self.unknown.iter().map(String::as_str).collect();
            self.draft.remark(
                format!("packages: {}", names.join(" ")),
                "no such user is in the htpasswd file: if it is a group of an auth plugin, write group:PROVIDER:NAME",
            );
        }
        let used: BTreeSet<&String> = self.draft.rules.iter().flat_map(|rule| &rule.origin).collect();
        let unused = |name: &String| !used.contains(name);
        let unused: Vec<String> =
            self.draft.upstreams.iter().map(|upstream| upstream.name.clone()).filter(unused).collect();
        self.draft.upstreams.retain(|upstream| !unused.contains(&upstream.name));
        for name in unused {
            self.draft.remark(format!("uplinks.{name}"), "no rule names it in `proxy`, so it is left out");
        }
        Ok(())
    }
}
