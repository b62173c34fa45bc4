//! The twelve scenarios of codebox-npm's authorizer, for the same settings.
//!
//! Its rules, as access rules: every user who is let in reads, and admins write. codebox-npm let an admin write who was in
//! none of the organizations; that was wrong and does not hold here.

use registry_core::access::{AccessRules, Action, RuleSettings, Verdict};
use registry_core::auth::{AuthProvider as _, Credential, Identified};
use registry_testkit::fake_github::CLIENT_ID;

use super::Ground;

/// Who may `GET`, `PUT` and `DELETE`.
type Allowed = [bool; 3];

struct Scenario {
    names: &'static [&'static str],
    admins: &'static [&'static str],
    restricted_organizations: &'static [&'static str],
    organizations: &'static [&'static str],
    /// `None` shows a token that GitHub does not know.
    user: Option<&'static str>,
    scheme: &'static str,
    allowed: Allowed,
    /// Whether GitHub is asked for memberships.
    asks_for_memberships: bool,
}

const USUAL: Scenario = Scenario {
    names: &[],
    admins: &[],
    restricted_organizations: &[],
    organizations: &[],
    user: Some("foo-user"),
    scheme: "Bearer ",
    allowed: [false; 3],
    asks_for_memberships: true,
};

const SCENARIOS: [Scenario; 7] = [
    Scenario {
        names: &["invalid token: denies GET, PUT and DELETE"],
        user: None,
        asks_for_memberships: false,
        ..USUAL
    },
    Scenario { names: &["no Bearer: denies all"], scheme: "", asks_for_memberships: false, ..USUAL },
    Scenario {
        names: &[
            "restricted organizations, member: memberships are asked for, active ones alone",
            "restricted organizations, member: allows GET only",
        ],
        restricted_organizations: &["craft-ship"],
        organizations: &["craft-ship"],
        allowed: [true, false, false],
        ..USUAL
    },
    Scenario {
        names: &[
            "restricted organizations, no member: memberships are asked for",
            "restricted organizations, no member: denies all",
        ],
        restricted_organizations: &["craft-ship"],
        organizations: &["elsewhere"],
        ..USUAL
    },
    Scenario {
        names: &[
            "no admin: GitHub is asked as the app",
            "no admin: the token is checked with client id and access token",
            "no admin: allows GET only",
        ],
        admins: &["bar-user"],
        allowed: [true, false, false],
        ..USUAL
    },
    Scenario {
        names: &[
            "admin: GitHub is asked as the app",
            "admin: the token is checked with client id and access token",
            "admin: allows GET, PUT and DELETE",
        ],
        admins: &["bar-user", "foo-user"],
        allowed: [true, true, true],
        ..USUAL
    },
    Scenario {
        names: &["not codebox-npm's: an admin outside the restricted organizations gets nothing"],
        admins: &["foo-user"],
        restricted_organizations: &["craft-ship"],
        organizations: &["elsewhere"],
        ..USUAL
    },
];

fn rules() -> AccessRules {
    let rule = r#"{
        "match": "**",
        "read": ["@authenticated"],
        "publish": ["group:github-admins"],
        "administer": ["group:github-admins"]
    }"#;
    let rules: Vec<RuleSettings> = vec![serde_json::from_str(rule).unwrap()];
    AccessRules::compile(&rules).unwrap()
}

#[tokio::test]
async fn codebox_npms_decisions_hold() {
    assert_eq!(SCENARIOS.iter().map(|scenario| scenario.names.len()).sum::<usize>(), 12 + 1);
    for scenario in SCENARIOS {
        let mut ground = Ground::new().await.restricted_to(scenario.restricted_organizations);
        ground.settings.admins = scenario.admins.iter().copied().map(Into::into).collect();
        ground.fake.add_user("foo-user");
        for organization in scenario.organizations {
            ground.fake.join("foo-user", organization);
        }
        let token = match scenario.user {
            Some(user) => ground.fake.app_token(user),
            None => "gho_0123456789abcdefghijklmnopqrstuvwxyz".into(),
        };
        let github = ground.provider();
        let principal = match Credential::from_authorization(&format!("{}{token}", scenario.scheme)) {
            None => None,
            Some(credential) => match github.identify(&credential).await.unwrap() {
                Identified::Principal(principal) => Some(principal),
                Identified::Rejected | Identified::NotMine => None,
            },
        };
        let rules = rules();
        let package = "foo-package".parse().unwrap();
        let allowed = [Action::Read, Action::Publish, Action::Administer]
            .map(|action| rules.decide(action, principal.as_ref(), &package).verdict == Verdict::Allowed);
        assert_eq!(allowed, scenario.allowed, "{:?}", scenario.names);

        // The fake answers no check but one with client id, client secret and the access token in the body.
        let asked = ground.fake.take_asked();
        let check = format!("POST /applications/{CLIENT_ID}/token");
        assert_eq!(asked.contains(&check), !scenario.scheme.is_empty(), "{:?}: {asked:?}", scenario.names);
        let memberships = asked.iter().any(|asked| asked == "GET /user/memberships/orgs");
        assert_eq!(memberships, scenario.asks_for_memberships, "{:?}: {asked:?}", scenario.names);
        if scenario.allowed[0] {
            assert_eq!(principal.unwrap().name, "foo-user");
        }
    }
}
