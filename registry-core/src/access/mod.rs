//! Who may do what to which package.
//!
//! Rules are asked from the first to the last, and the first whose pattern matches the package's name decides.
//! Where none matches, everything is denied.
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
//! // Whoever may publish may read too.
//! assert_eq!(verdict(Action::Read, Some(&ana), &ours), Verdict::Allowed);
//! // `@authenticated` names nobody: it is for new packages, and for those that the principal owns.
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
//! Capitals do not count: `@acme/*` is for `@ACME/web` too.
//!
//! # Entries
//!
//! | entry | names |
//! |---|---|
//! | `@all` | everybody, signed in or not |
//! | `@authenticated` | whoever is signed in |
//! | `user:ana` | the user of that name; capitals count |
//! | `group:github:acme/platform` | whoever the provider puts in that group; capitals do not count |
//! | `group:local:acme/platform` | that team of an organisation that is kept here; `group:local:acme` is all of it |
//!
//! # What follows from what
//!
//! - `administer` gives everything on every package that the pattern matches.
//! - `publish` gives reading. Where the entry names a user or a group, it also gives publishing to every
//!   package that the pattern matches ([`Verdict::Allowed`]). Where it is `@all` or `@authenticated`, it gives
//!   new packages, and those that the principal owns ([`Verdict::AllowedToOwners`]).
//! - Whoever may publish may administer the packages that they own.
//! - To change anything one must be signed in: in `publish` and `administer`, `@all` means `@authenticated`.

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
    /// Which packages the rule is for.
    #[serde(rename = "match")]
    pub pattern: String,
    /// Who may read them.
    #[serde(default)]
    pub read: Vec<String>,
    /// Who may publish to them.
    #[serde(default)]
    pub publish: Vec<String>,
    /// Who may do everything to them.
    #[serde(default)]
    pub administer: Vec<String>,
    /// Where they come from: `["hosted"]`, this registry alone.
    #[serde(default = "hosted")]
    pub origin: Vec<String>,
    /// Whether a name that an upstream has may be published here all the same. The hosted package then wins whole.
    #[serde(default)]
    pub shadow: bool,
}

fn hosted() -> Vec<String> {
    vec!["hosted".into()]
}

/// What the rules say, and which of them said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision<'rules> {
    /// Whether it may be done.
    pub verdict: Verdict,
    /// The pattern of the rule that decided; `None` where no rule matches.
    pub rule: Option<&'rules str>,
    /// Which rule that is, counted from 1.
    pub number: Option<usize>,
    /// What in the rule allowed it; `None` where it is denied.
    pub grant: Option<Grant<'rules>>,
}

/// The entry of a rule that allowed something. Displays itself as `user:ana in publish`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant<'rules> {
    /// The list that the entry is in. One for more than was asked gives what was asked too.
    pub list: Action,
    entry: &'rules entry::Entry,
}

impl Grant<'_> {
    /// The entry as rules spell it, such as `user:ana`.
    pub fn entry(&self) -> String {
        self.entry.to_string()
    }
}

impl fmt::Display for Grant<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} in {}", self.entry, self.list)
    }
}
