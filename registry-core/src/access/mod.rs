//! Access rules: which caller may do what to which package.
//!
//! The first rule whose pattern matches the package's name decides. If none matches, every action is denied.
//!
//! ```
//! use registry_core::access::{AccessRules, Action, RuleSettings, Verdict};
//! use registry_core::auth::Principal;
//! use registry_core::domain::PackageName;
//!
//! let settings: Vec<RuleSettings> = serde_json::from_str(r#"[
//!     { "match": "@acme/*", "read": ["group:github:acme"], "publish": ["user:ana"] },
//!     { "match": "**",      "read": ["@all"],              "publish": ["@authenticated"] }
//! ]"#)?;
//! let rules = AccessRules::compile(&settings)?;
//!
//! let (ana, ben) = (Principal::user("ana"), Principal::user("ben").in_group("github:acme"));
//! let (ours, open) = (PackageName::parse("@acme/web")?, PackageName::parse("left-pad")?);
//! let verdict = |action, principal, package| rules.decide(action, principal, package).verdict;
//!
//! assert_eq!(verdict(Action::Read, None, &ours), Verdict::Denied);
//! assert_eq!(verdict(Action::Read, Some(&ben), &ours), Verdict::Allowed);
//! assert_eq!(verdict(Action::Publish, Some(&ben), &ours), Verdict::Denied);
//! assert_eq!(verdict(Action::Publish, Some(&ana), &ours), Verdict::Allowed);
//! // A principal that may publish may read too.
//! assert_eq!(verdict(Action::Read, Some(&ana), &ours), Verdict::Allowed);
//! // `@authenticated` names no particular user: it allows new packages, and those that the principal owns.
//! assert_eq!(verdict(Action::Publish, Some(&ben), &open), Verdict::AllowedToOwners);
//! assert_eq!(rules.decide(Action::Publish, Some(&ben), &open).rule, Some("**"));
//! assert_eq!(verdict(Action::Publish, None, &open), Verdict::Denied);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Patterns
//!
//! | pattern | matches |
//! |---|---|
//! | `**` | every package |
//! | `*` | every package without a scope |
//! | `acme-*` | `acme-web`, not `@acme-x/web`: a `*` never crosses the `/` |
//! | `@acme/*`, `@acme/**` | every package in the scope |
//! | `@*/*` | every package with a scope |
//! | `left-pad` | that package alone |
//!
//! Patterns ignore case: `@acme/*` matches `@ACME/web` too.
//!
//! # Entries
//!
//! | entry | names |
//! |---|---|
//! | `@all` | every caller, signed in or not |
//! | `@authenticated` | every signed-in caller |
//! | `user:ana` | the user of that name, case-sensitive |
//! | `group:github:acme/platform` | members of that group at the provider, ignoring case |
//! | `group:local:acme/platform` | members of that local team; `group:local:acme` is the whole organization |
//!
//! # Implied rights
//!
//! - `administer` allows everything on every package that the pattern matches.
//! - `publish` implies `read`. If the entry names a user or a group, it allows publishing to every package that the
//!   pattern matches ([`Verdict::Allowed`]). If it is `@all` or `@authenticated`, it allows publishing new packages,
//!   and packages that the principal owns ([`Verdict::AllowedToOwners`]).
//! - A principal that may publish may administer the packages that it owns.
//! - Changes require sign-in: in `publish` and `administer`, `@all` means `@authenticated`.

mod entry;
mod error;
mod groups;
mod lookup;
mod origin;
mod rules;

use std::fmt;

use serde::Deserialize;

pub use crate::vocabulary::{Action, PackagePattern, PatternError, TeamPermission, Verdict};
pub use error::AccessRuleError;
pub use origin::Origin;
pub use rules::AccessRules;

/// One `[[packages]]` table of `registry.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSettings {
    /// The packages that the rule matches.
    #[serde(rename = "match")]
    pub pattern: String,
    /// Callers who may read them.
    #[serde(default)]
    pub read: Vec<String>,
    /// Callers who may publish to them.
    #[serde(default)]
    pub publish: Vec<String>,
    /// Callers who may do everything to them.
    #[serde(default)]
    pub administer: Vec<String>,
    /// The origins of the packages. Default: `["hosted"]`, this registry alone.
    #[serde(default = "hosted")]
    pub origin: Vec<String>,
    /// Whether a name that exists at an upstream may be published here. The hosted package then replaces the
    /// upstream's entirely.
    #[serde(default)]
    pub shadow: bool,
}

fn hosted() -> Vec<String> {
    vec!["hosted".into()]
}

/// The decision of the rules, and the rule that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision<'rules> {
    /// The verdict.
    pub verdict: Verdict,
    /// The pattern of the deciding rule; `None` if no rule matches.
    pub rule: Option<&'rules str>,
    /// The number of that rule, counted from 1.
    pub number: Option<usize>,
    /// The entry that allowed it; `None` if it is denied.
    pub grant: Option<Grant<'rules>>,
}

/// The entry of a rule that allowed an action. Displays as `user:ana in publish`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant<'rules> {
    /// The list that contains the entry. A list for a greater right implies the lesser ones.
    pub list: Action,
    entry: &'rules entry::Entry,
}

impl Grant<'_> {
    /// Returns the entry as rules spell it, such as `user:ana`.
    pub fn entry(&self) -> String {
        self.entry.to_string()
    }
}

impl fmt::Display for Grant<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} in {}", self.entry, self.list)
    }
}
