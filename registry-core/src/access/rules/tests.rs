use proptest::prelude::*;

use super::*;

fn settings(rules: serde_json::Value) -> Vec<RuleSettings> {
    serde_json::from_value(rules).unwrap()
}

fn rules(rules: serde_json::Value) -> AccessRules {
    AccessRules::compile(&settings(rules)).unwrap()
}

fn verdicts(rules: &AccessRules, principal: Option<&Principal>, package: &str) -> [Verdict; 3] {
    let package = PackageName::parse(package).unwrap();
    [Action::Read, Action::Publish, Action::Administer]
        .map(|action| rules.decide(action, principal, &package).verdict)
}

#[test]
fn the_first_matching_rule_decides_alone() {
    let rules = rules(serde_json::json!([
        { "match": "@acme/secret", "read": ["user:ana"] },
        { "match": "@acme/*", "read": ["@all"], "administer": ["user:ben"] },
    ]));
    let (ana, ben) = (Principal::user("ana"), Principal::user("ben"));
    let none = [Verdict::Denied; 3];
    assert_eq!(
        verdicts(&rules, Some(&ana), "@acme/secret"),
        [Verdict::Allowed, Verdict::Denied, Verdict::Denied]
    );
    assert_eq!(verdicts(&rules, Some(&ben), "@acme/secret"), none);
    assert_eq!(verdicts(&rules, Some(&ben), "@acme/web"), [Verdict::Allowed; 3]);
    assert_eq!(verdicts(&rules, Some(&ben), "left-pad"), none);
    let open = PackageName::parse("left-pad").unwrap();
    assert_eq!(rules.decide(Action::Read, None, &open).rule, None);
    let secret = PackageName::parse("@acme/secret").unwrap();
    assert_eq!(rules.decide(Action::Read, None, &secret).rule, Some("@acme/secret"));
}

#[test]
fn an_entry_for_a_user_or_group_reaches_every_package() {
    use Verdict::{Allowed, AllowedToOwners, Denied};
    let ana = Principal::user("ana").in_group("crew");
    for (lists, for_ana, for_anonymous) in [
        (serde_json::json!({ "read": ["@authenticated"] }), [Allowed, Denied, Denied], [Denied; 3]),
        (serde_json::json!({ "read": ["@all"] }), [Allowed, Denied, Denied], [Allowed, Denied, Denied]),
        (
            serde_json::json!({ "publish": ["@all"] }),
            [Allowed, AllowedToOwners, AllowedToOwners],
            [Denied; 3],
        ),
        (
            serde_json::json!({ "publish": ["@authenticated"] }),
            [Allowed, AllowedToOwners, AllowedToOwners],
            [Denied; 3],
        ),
        (serde_json::json!({ "publish": ["user:ana"] }), [Allowed, Allowed, AllowedToOwners], [Denied; 3]),
        (
            serde_json::json!({ "publish": ["@all", "group:CREW"] }),
            [Allowed, Allowed, AllowedToOwners],
            [Denied; 3],
        ),
        (serde_json::json!({ "administer": ["group:crew"] }), [Allowed; 3], [Denied; 3]),
        (serde_json::json!({ "administer": ["@all"] }), [Allowed; 3], [Denied; 3]),
        (serde_json::json!({ "administer": ["user:ben"] }), [Denied; 3], [Denied; 3]),
    ] {
        let mut rule = lists.clone();
        rule["match"] = "**".into();
        let rules = rules(serde_json::json!([rule]));
        assert_eq!(verdicts(&rules, Some(&ana), "a"), for_ana, "{lists}");
        assert_eq!(verdicts(&rules, None, "a"), for_anonymous, "{lists}");
    }
}

#[test]
fn open_rules_let_all_callers_read_and_signed_in_callers_publish() {
    use Verdict::{Allowed, AllowedToOwners, Denied};
    let rules = AccessRules::open_to_all_publish_for_signed_in();
    let ana = Principal::user("ana");
    assert_eq!(verdicts(&rules, None, "@a/b"), [Allowed, Denied, Denied]);
    assert_eq!(verdicts(&rules, Some(&ana), "a"), [Allowed, AllowedToOwners, AllowedToOwners]);
    assert_eq!(verdicts(&AccessRules::compile(&[]).unwrap(), Some(&ana), "a"), [Denied; 3]);
}

#[test]
fn an_invalid_rule_reports_which_and_what_to_write() {
    for (rules, said) in [
        (
            serde_json::json!([{ "match": "a" }, { "match": "@acme" }]),
            r#"access rule 2: the pattern match = "@acme" matches no package name; write `@acme/*`"#,
        ),
        (
            serde_json::json!([{ "match": "a", "read": ["@all"], "publish": ["user:x", "ana"] }]),
            r#"access rule 1 (match = "a"): publish lists "ana", which names no user and no group; write `user:ana` or `group:local:ana`"#,
        ),
        (
            serde_json::json!([{ "match": "b" }, { "match": "@acme/*" }, { "match": "@acme/secret" }]),
            r#"access rule 3 (match = "@acme/secret") is never reached, because rule 2 (match = "@acme/*") matches the same packages and comes first; change their order, or remove one"#,
        ),
        (
            serde_json::json!([{ "match": "**" }, { "match": "**" }]),
            r#"access rule 2 (match = "**") is never reached, because rule 1 (match = "**") matches the same packages and comes first; make them one rule"#,
        ),
        (
            serde_json::json!([{ "match": "a", "origin": ["hosted", "npm"] }]),
            r#"access rule 1 (match = "a"): origin lists "npm", and no upstream named "npm" is configured; write origin = ["hosted"]"#,
        ),
        (
            serde_json::json!([{ "match": "a", "origin": [] }]),
            r#"access rule 1 (match = "a"): origin lists nothing, or one origin twice; write origin = ["hosted"]"#,
        ),
    ] {
        assert_eq!(AccessRules::compile(&settings(rules)).unwrap_err().to_string(), said);
    }
}

#[test]
fn a_misspelt_setting_is_an_error() {
    let misspelt = serde_json::json!({ "match": "a", "reed": ["@all"] });
    let said = serde_json::from_value::<RuleSettings>(misspelt).unwrap_err().to_string();
    assert!(said.starts_with("unknown field `reed`"), "{said}");
}

fn any_rules() -> impl Strategy<Value = AccessRules> {
    let entry =
        prop::sample::select(vec!["@all", "@authenticated", "user:ana", "user:ben", "group:a", "group:b"]);
    let list = prop::collection::vec(entry.prop_map(String::from), 0..3);
    let pattern = prop::sample::select(vec!["a", "b", "a*", "*", "@a/b", "@a/*", "@*/*", "**"]);
    let rule = (pattern, list.clone(), list.clone(), list);
    prop::collection::vec(rule, 0..4).prop_filter_map("a rule is never reached", |rules| {
        let settings: Vec<RuleSettings> = rules
            .into_iter()
            .map(|(pattern, read, publish, administer)| RuleSettings {
                pattern: pattern.into(),
                read,
                publish,
                administer,
                origin: vec!["hosted".into()],
                shadow: false,
            })
            .collect();
        AccessRules::compile(&settings).ok()
    })
}

fn any_principal() -> impl Strategy<Value = Principal> {
    let groups = prop::sample::subsequence(vec!["a", "b", "c"], 0..=3);
    (prop::sample::select(vec!["ana", "ben", "cyd"]), groups)
        .prop_map(|(name, groups)| groups.into_iter().fold(Principal::user(name), Principal::in_group))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_additional_group_removes_no_right(
        rules in any_rules(),
        principal in any_principal(),
        group in "[abc]",
        package in "(@a/)?[abc]{1,2}",
    ) {
        let before = verdicts(&rules, Some(&principal), &package);
        let after = verdicts(&rules, Some(&principal.in_group(group)), &package);
        prop_assert!(before.iter().zip(after).all(|(before, after)| *before <= after));
    }

    #[test]
    fn changes_require_sign_in(rules in any_rules(), package in "(@a/)?[abc]{1,2}") {
        prop_assert_eq!(&verdicts(&rules, None, &package)[1..], &[Verdict::Denied, Verdict::Denied]);
    }

    #[test]
    fn each_right_implies_the_lesser_ones(
        rules in any_rules(),
        principal in any_principal(),
        package in "(@a/)?[abc]{1,2}",
    ) {
        let [read, publish, administer] = verdicts(&rules, Some(&principal), &package);
        prop_assert!(read >= publish && publish >= administer);
    }
}
