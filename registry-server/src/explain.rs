//! `access explain`: evaluates the access rules for one question, and names the rule that decides.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::Context as _;
use registry_core::Registry;
use registry_core::access::{AccessRules, Action, Decision, Verdict};
use registry_core::auth::{Memberships, Principal};
use registry_core::domain::PackageName;
use registry_core::domain::packument::Packument;
use registry_core::settings::{Settings as RegistrySettings, Trial, add_providers, open_existing_store};
use registry_core::storage::{BlobStore, BlobStoreExt as _, Key};
use serde::Serialize;

use crate::command_line::{AccessQuestion, AskedAction, Overrides};
use crate::report::Report;
use crate::settings::Settings;

/// The name of an anonymous caller on the command line.
const ANONYMOUS: &str = "anonymous";

/// The answer to `access explain` is no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the access rules do not allow it")]
pub struct AccessDenied;

impl AccessDenied {
    /// The exit code, which scripts can distinguish from an error (1) and a wrong command line (2).
    pub const EXIT_CODE: u8 = 3;
}

/// What is printed, and whether the action is permitted.
pub(crate) struct Answer {
    pub(crate) report: Report,
    pub(crate) result: anyhow::Result<()>,
}

/// The answer in JSON.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct ExplainedAccess<'a> {
    /// `None` for a caller who is not signed in.
    user: Option<&'a str>,
    action: String,
    package: &'a str,
    allowed: bool,
    /// What decides, in words.
    reason: String,
    /// The number of the rule, counted from 1; `None` if no rule matches.
    rule: Option<usize>,
    pattern: Option<String>,
    /// What of the rule gives the right, such as `@authenticated in publish`.
    entry: Option<String>,
    /// Whether the rule allows it for packages of the user alone.
    owners_only: bool,
    /// `None` if the package does not exist.
    owners: Option<&'a [String]>,
    /// What a team of the user was granted.
    team: Option<String>,
    private: bool,
    /// Whether packages of this name may be published here.
    published_here: bool,
    /// The provider that knows the account.
    known_to: Option<&'a str>,
    groups: &'a [String],
    /// What a publish needs besides the right; `None` if it needs nothing.
    provenance: Option<&'a str>,
}

/// The stored facts about the user and the package.
struct Found {
    principal: Option<Principal>,
    /// The grants of the user's teams.
    memberships: Memberships,
    /// The provider that knows the account.
    known_to: Option<String>,
    /// Whether a team grant may exceed the access rules.
    grants_beyond_rules: bool,
    /// The owners; `None` if the package does not exist here.
    owners: Option<Vec<String>>,
    /// Whether the owners made it private.
    restricted: bool,
    /// The provenance that the settings require of a publish.
    provenance: Option<String>,
}

pub(crate) fn explain(overrides: &Overrides, question: &AccessQuestion) -> anyhow::Result<Answer> {
    let package = PackageName::parse(&question.package)?;
    let Settings { registry: settings, .. } = Settings::load_for_process(overrides)?;
    let rules = settings.packages.compile(&settings.upstreams)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the threads of the command")?;
    let found = runtime.block_on(look_up(&settings, question, &package))?;
    let action = match question.action {
        AskedAction::Read => Action::Read,
        AskedAction::Publish => Action::Publish,
        AskedAction::Administer => Action::Administer,
    };
    answer(action, question, &package, &rules, &found)
}

async fn look_up(
    settings: &RegistrySettings,
    question: &AccessQuestion,
    package: &PackageName,
) -> anyhow::Result<Found> {
    let store = open_existing_store(&settings.storage, Trial::Always).await?;
    let registry = add_providers(settings, Registry::builder(Arc::clone(&store)))?.build();
    let (principal, known_to, memberships) = if question.user == ANONYMOUS {
        (None, None, Memberships::default())
    } else {
        let (mut principal, known_to) = account(&registry, &question.user).await?;
        let memberships = Memberships::read(store.as_ref(), &principal.name).await?;
        principal.groups.extend(memberships.groups().iter().chain(&question.groups).cloned());
        (Some(principal), known_to, memberships)
    };
    let found = owners(store.as_ref(), package).await.with_context(|| format!("cannot read {package}"))?;
    let (owners, restricted) = found.map_or((None, false), |(owners, restricted)| (Some(owners), restricted));
    let grants_beyond_rules = settings.organizations.grants_beyond_rules;
    let provenance = required_provenance(settings, package)?;
    Ok(Found { principal, memberships, known_to, grants_beyond_rules, owners, restricted, provenance })
}

/// Returns the provenance that a publish of the package needs.
#[cfg(feature = "provenance")]
fn required_provenance(settings: &RegistrySettings, package: &PackageName) -> anyhow::Result<Option<String>> {
    let rules = settings.provenance.compile()?;
    Ok(rules.of(package).map(|rule| match rule.to_string() {
        any if any.is_empty() => "of any build".to_owned(),
        rule => format!("of a build of {rule}"),
    }))
}

/// Returns nothing: this build verifies no provenance, and rejects settings that require it.
#[cfg(not(feature = "provenance"))]
fn required_provenance(_: &RegistrySettings, _: &PackageName) -> anyhow::Result<Option<String>> {
    Ok(None)
}

/// Returns the owners, and whether they made the package private. Also for an unpublished package: its owners keep the
/// name.
async fn owners(store: &dyn BlobStore, package: &PackageName) -> anyhow::Result<Option<(Vec<String>, bool)>> {
    let paths = [Key::Packument(package).path()?, Key::PlainPackument(package).path()?];
    let Some((_, blob)) = store.get_first(&paths).await? else { return Ok(None) };
    let packument = Packument::parse(package, &blob.bytes)?;
    let owners = packument.maintainers.into_iter().map(|owner| owner.name).collect();
    Ok(Some((owners, packument.protection.restricted)))
}

async fn account(registry: &Registry, name: &str) -> anyhow::Result<(Principal, Option<String>)> {
    Ok(match registry.find_account(name).await? {
        Some((id, profile)) => {
            let known_to = registry.auth_providers().iter().find(|provider| provider.id() == id);
            (profile.principal, known_to.map(ToString::to_string))
        }
        None => (Principal::user(name), None),
    })
}

fn answer(
    action: Action,
    question: &AccessQuestion,
    package: &PackageName,
    rules: &AccessRules,
    found: &Found,
) -> anyhow::Result<Answer> {
    let decision = rules.decide(action, found.principal.as_ref(), package);
    let is_owner = || match (&found.owners, &found.principal) {
        // The first publisher becomes the owner; a package that does not exist has none.
        (None, _) => action == Action::Publish,
        (Some(owners), Some(principal)) => owners.is_empty() || owners.contains(&principal.name),
        (Some(_), None) => false,
    };
    let is_hosted = action != Action::Publish || rules.origin(package).hosted;
    let granted = found.memberships.permission(package);
    let widens = found.grants_beyond_rules || decision.verdict > Verdict::Denied;
    let by_team = widens && granted.is_some_and(|permission| permission.gives(action));
    let is_named = || found.principal.as_ref().is_some_and(|principal| rules.names(principal, package));
    let is_hidden = found.restricted && !is_owner() && granted.is_none() && !is_named();
    let allowed = is_hosted
        && !is_hidden
        && match decision.verdict {
            Verdict::Denied => by_team,
            Verdict::AllowedToOwners => by_team || is_owner(),
            Verdict::Allowed => true,
        };
    let may = if allowed { "may" } else { "may not" };
    let user = if found.principal.is_some() { &question.user } else { "a caller who is not signed in" };
    let reason = rule_text(action, &decision, package, found.principal.is_some());
    let mut text = format!("{user} {may} {action} {package}\n");
    // Writing to a string cannot fail.
    let _ = writeln!(text, "rule: {reason}");
    if decision.verdict == Verdict::AllowedToOwners {
        let _ = writeln!(text, "owners: {}", owners_text(found.owners.as_deref()));
    }
    if let Some(permission) = granted {
        let _ = writeln!(text, "team: one of the user's teams was granted {permission}");
    }
    if found.restricted {
        let _ = writeln!(text, "private: only its owners see it, and users whom the rule or a team names");
    }
    if !is_hosted {
        let _ = writeln!(
            text,
            "origin: packages of this name come from an upstream and are never published here"
        );
    }
    let provenance = found.provenance.as_deref().filter(|_| action == Action::Publish);
    if let Some(required) = provenance {
        let _ = writeln!(text, "provenance: only with `npm publish --provenance`, {required}");
    }
    if let Some(principal) = &found.principal {
        let account = match &found.known_to {
            Some(provider) => format!("known to {provider}"),
            None => "unknown; treated as a signed-in user with this name".to_owned(),
        };
        let groups =
            if principal.groups.is_empty() { "none".to_owned() } else { principal.groups.join(", ") };
        let _ = writeln!(text, "account: {account}\ngroups: {groups}");
    }
    let explained = ExplainedAccess {
        user: found.principal.as_ref().map(|principal| principal.name.as_str()),
        action: action.to_string(),
        package: package.as_str(),
        allowed,
        reason,
        rule: decision.number,
        pattern: decision.rule.map(ToString::to_string),
        entry: decision.grant.as_ref().map(ToString::to_string),
        owners_only: decision.verdict == Verdict::AllowedToOwners,
        owners: found.owners.as_deref(),
        team: granted.map(|permission| permission.to_string()),
        private: found.restricted,
        published_here: rules.origin(package).hosted,
        known_to: found.known_to.as_deref(),
        groups: found.principal.as_ref().map_or(&[], |principal| &principal.groups),
        provenance,
    };
    let report = Report::new(text, &explained)?;
    Ok(Answer { report, result: if allowed { Ok(()) } else { Err(AccessDenied.into()) } })
}

fn rule_text(action: Action, decision: &Decision<'_>, package: &PackageName, is_signed_in: bool) -> String {
    let (Some(number), Some(pattern)) = (decision.number, decision.rule) else {
        return format!("none matches {package}, and what no rule allows is denied");
    };
    let rule = format!("number {number}, match = {pattern:?}");
    match (&decision.grant, decision.verdict) {
        (None, _) if is_signed_in => format!("{rule}, which does not list this user"),
        (None, _) if action == Action::Read => format!("{rule}, which does not list @all in read"),
        (None, _) => format!("{rule}; whatever a rule lists, only signed-in users change packages"),
        (Some(grant), Verdict::AllowedToOwners) => {
            format!("{rule}, which has {grant}, for packages they own")
        }
        (Some(grant), _) => format!("{rule}, which has {grant}"),
    }
}

fn owners_text(owners: Option<&[String]>) -> String {
    match owners {
        None => "none yet: the package does not exist, and its first publisher will own it".to_owned(),
        Some([]) => "none are recorded, so every user counts as one".to_owned(),
        Some(owners) => owners.join(", "),
    }
}
