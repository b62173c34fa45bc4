//! Organizations, teams and admins.

use std::sync::Arc;

use registry_core::access::{AccessRules, Action, RuleSettings, Verdict};
use registry_core::auth::Identified;
use registry_core::auth::github::{GithubError, GithubSettings};
use registry_core::organizations::{OrganizationCreation, OrganizationSettings};
use registry_testkit::TestRegistry;
use registry_testkit::fake_upstream::FakeAnswer;
use serde_json::json;

use super::{Ground, identify, principal};

#[tokio::test]
async fn organizations_and_teams_are_groups() {
    let ground = Ground::new().await;
    ground.fake.invite("ana", "Elsewhere");
    ground.fake.join("ana", "second");
    let ana = principal(&ground.provider(), &ground.fake.personal_token("ana")).await;
    assert_eq!(ana.groups, ["github:acme", "github:second", "github:acme/platform"]);

    let rule =
        r#"{ "match": "**", "read": ["group:github:ACME"], "publish": ["group:github:acme/Platform"] }"#;
    let rules: Vec<RuleSettings> = vec![serde_json::from_str(rule).unwrap()];
    let rules = AccessRules::compile(&rules).unwrap();
    let verdict = rules.decide(Action::Publish, Some(&ana), &"pear".parse().unwrap()).verdict;
    assert_eq!(verdict, Verdict::Allowed, "capitals do not count");
}

#[tokio::test]
async fn all_pages_are_read() {
    let ground = Ground::new().await.restricted_to(&["last"]);
    for number in 0..4 {
        ground.fake.join("ana", &format!("filler-{number}"));
        ground.fake.join_team("ana", "Acme", &format!("team-{number}"));
    }
    ground.fake.join("ana", "Last");
    ground.fake.set_page_size(2);
    let ana = principal(&ground.provider(), &ground.fake.personal_token("ana")).await;
    let asked = ground.fake.take_asked();
    let pages = |path: &str| asked.iter().filter(|asked| asked.ends_with(path)).count();
    assert_eq!((pages("/orgs"), pages("/teams")), (3, 3), "{asked:?}");
    assert_eq!(ana.groups.len(), 6 + 5);
    assert!(ana.groups.contains(&"github:last".to_owned()));
}

#[tokio::test]
async fn only_active_members_of_restricted_organizations_are_let_in() {
    let ground = Ground::new().await.restricted_to(&["other", "aCME"]);
    let github = ground.provider();
    assert_eq!(principal(&github, &ground.fake.personal_token("ana")).await.name, "ana");
    for (login, organization) in [("ben", "elsewhere"), ("cleo", "acme-2")] {
        ground.fake.add_user(login);
        ground.fake.join(login, organization);
        assert_eq!(identify(&github, &ground.fake.personal_token(login)).await, Identified::Rejected);
    }
    ground.fake.invite("ben", "Acme");
    assert_eq!(identify(&github, &ground.fake.personal_token("ben")).await, Identified::Rejected);
    // A token that may not read organizations shows none.
    assert_eq!(identify(&github, &ground.fake.token_without_scopes("ana")).await, Identified::Rejected);
}

#[tokio::test]
async fn a_token_that_may_not_read_organizations_is_in_no_group() {
    let ground = Ground::new().await;
    let ana = principal(&ground.provider(), &ground.fake.token_without_scopes("ana")).await;
    assert_eq!((ana.name.as_str(), ana.groups.len()), ("ana", 0));
}

#[tokio::test]
async fn admins_are_in_a_group_that_no_organization_has() {
    let mut ground = Ground::new().await;
    ground.settings.admins = vec!["ANA".into()];
    ground.fake.add_user("eve");
    ground.fake.join("eve", "admins");
    ground.fake.join("eve", "github-admins");
    let github = ground.provider();
    let ana = principal(&github, &ground.fake.personal_token("ana")).await;
    assert!(ana.groups.contains(&"github-admins".to_owned()), "{:?}", ana.groups);
    let eve = principal(&github, &ground.fake.personal_token("eve")).await;
    assert_eq!(eve.groups, ["github:admins", "github:github-admins"]);
}

#[tokio::test]
async fn an_answer_without_a_user_is_no_answer() {
    let ground = Ground::new().await;
    let token = ground.fake.personal_token("ana");
    for body in [
        "",
        "[]",
        "<html>",
        r#"{"login":"ana"}"#,
        r#"{"login":"../ana","id":1}"#,
        r#"{"login":"","id":1}"#,
        r#"{"login":"a\nb","id":1}"#,
    ] {
        ground.fake.answer_next("GET /user", FakeAnswer::status(200).body(body));
        let answer =
            registry_core::auth::AuthProvider::identify(&ground.provider(), &super::bearer(&token)).await;
        assert!(answer.is_err(), "{body}: {answer:?}");
    }
}

#[tokio::test]
async fn settings_that_cannot_be_meant_are_refused() {
    let ground = Ground::new().await;
    let refusal = |change: &dyn Fn(&mut GithubSettings)| {
        let mut settings = ground.settings.clone();
        change(&mut settings);
        ground.provider_with(settings).unwrap_err()
    };
    for name in ["", " acme", "acme,other", "acme/platform", "@acme"] {
        let error = refusal(&|settings| settings.restricted_organizations = vec![name.into()]);
        assert!(matches!(error, GithubError::Name { .. }), "{error}");
        let error = refusal(&|settings| settings.admins = vec!["ana".into(), name.into()]);
        assert!(matches!(error, GithubError::Name { .. }), "{error}");
    }
    for url in ["ftp://github.example", "https://ana:pw@github.example", "https://github.example/?a=b"] {
        let error = refusal(&|settings| settings.api_url = url.parse().unwrap());
        assert!(matches!(error, GithubError::Url { which: "URL of the API", .. }), "{error}");
        assert!(!error.to_string().contains("pw"));
    }
    for client_id in ["", "a/b", "../x", "a b"] {
        let error = refusal(&|settings| settings.app.as_mut().unwrap().client_id = client_id.into());
        assert!(matches!(error, GithubError::App { which: "client id" }), "{error}");
    }
    let error = refusal(&|settings| settings.app.as_mut().unwrap().client_secret = "sec\nret".into());
    assert!(
        matches!(error, GithubError::App { which: "client secret" }) && !error.to_string().contains("sec\n")
    );
    let error = refusal(&|settings| settings.extra_root_certificates = vec!["no PEM".into()]);
    assert!(matches!(error, GithubError::Certificates(_)), "{error}");
}

/// The rules would take them for the organizations of that name at GitHub.
#[tokio::test]
async fn what_is_called_like_an_organization_there_is_made_by_administrators_only() {
    let mut ground = Ground::new().await.restricted_to(&["Acme", "Second"]);
    ground.settings.app = None;
    ground.fake.add_user("eve");
    ground.fake.join("eve", "Acme");
    ground.fake.join("eve", "Pears");
    let mut organizations = OrganizationSettings::default();
    organizations.create = OrganizationCreation::Anyone;
    let registry = TestRegistry::builder()
        .accounts(false)
        .provider(Arc::new(ground.provider()))
        .organizations(organizations)
        .start()
        .await;
    let eve = registry.anonymous().with_token(&ground.fake.personal_token("eve"));
    // The settings name the first two, and eve is in the last two there.
    for (name, status) in
        [("second", 404), ("github-admins", 404), ("acme", 404), ("pears", 404), ("plums", 200)]
    {
        let made = eve.put(&format!("/-/org/{name}/user"), &json!({ "user": "eve" })).await;
        assert_eq!(made.status, status, "{name}: {}", made.text());
    }
}
