use http::{Response, StatusCode};
use maud::{Markup, html};

use crate::access::{Action, Verdict};
use crate::domain::PackageName;
use crate::http::body::Body;
use crate::http::status::Failure;

use super::package::Tab;
use super::viewer::Viewer;

const ACTIONS: [(Action, &str); 3] = [
    (Action::Read, "see and install it"),
    (Action::Publish, "publish versions, deprecate them, move tags"),
    (Action::Administer, "change its owners, and remove it or versions of it"),
];

impl Viewer<'_> {
    /// What the viewer may do with a package, and which rule decides.
    pub(super) async fn access(&self, name: &PackageName) -> Result<Response<Body>, Failure> {
        let package = self.package(name).await?;
        let listed = package.select(None)?;
        let manifest = package.view.manifest(listed);
        let rules = self.registry.access();
        let who = self.frame.account.as_deref();
        let row = |action: Action, what: &str| {
            let verdict = self.registry.authorization().verdict(action, &self.caller, name);
            let decision = rules.decide(action, self.caller.principal.as_deref(), name);
            html! {
                tr {
                    th scope="row" { (action) div.muted { (what) } }
                    td { (in_words(verdict)) }
                    td {
                        @match decision.number.zip(decision.rule) {
                            Some((number, rule)) => { "rule " (number) ", " code { (rule) } },
                            None => "no rule matches, which allows nothing",
                        }
                        @if let Some(grant) = decision.grant { ": " code { (grant) } }
                        @if verdict != decision.verdict { div.muted { (other_reason(verdict, decision.verdict)) } }
                    }
                }
            }
        };
        let body = html! {
            (self.package_head(&package, listed, &manifest, Tab::Access))
            h2 { "What you may do" }
            p.lead { @match who {
                Some(account) => { "You are signed in as " strong { (account) } "." },
                None => "You look at this page without an account. With yours, more may be allowed: ask with npm access.",
            } }
            div.scroll tabindex="0" role="region" aria-label="Your rights" {
                table {
                    caption { "The first rule whose pattern matches the name decides" }
                    thead { tr { th scope="col" { "action" } th scope="col" { "you" } th scope="col" { "because of" } } }
                    tbody { @for (action, what) in ACTIONS { (row(action, what)) } }
                }
            }
            @if package.is_restricted {
                p.lead { "Its owners restricted the package: of those whom the rules let read it, only owners, teams with access and callers whom a rule names see it." }
            }
        };
        Ok(self.frame.page(StatusCode::OK, &format!("{name} — access"), Some(""), &body))
    }

    /// The rights of the viewer in a few words.
    pub(super) fn rights_in_short(&self, name: &PackageName) -> Markup {
        let verdict = |action| self.registry.authorization().verdict(action, &self.caller, name);
        let may: Vec<_> = ACTIONS.iter().filter(|(action, _)| verdict(*action) == Verdict::Allowed).collect();
        let if_owner = ACTIONS.iter().any(|(action, _)| verdict(*action) == Verdict::AllowedToOwners);
        html! {
            @for (at, (action, _)) in may.iter().enumerate() { @if at > 0 { ", " } (action) }
            @if if_owner { "; more if you own it" }
        }
    }
}

fn in_words(verdict: Verdict) -> Markup {
    html! {
        @match verdict {
            Verdict::Allowed => span.mark.good { "allowed" },
            Verdict::AllowedToOwners => span.mark.info { "allowed if you own it" },
            Verdict::Denied => span.mark.bad { "not allowed" },
        }
    }
}

fn other_reason(verdict: Verdict, by_rules: Verdict) -> &'static str {
    if verdict > by_rules {
        "and a team that you are in has the package"
    } else {
        "but the limits of your token do not allow it"
    }
}
