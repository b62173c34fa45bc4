//! Policies per package, against what the registry itself says, for random rules, callers and routes.

use http::Method;
use registry_core::Registry;
use registry_core::access::{AccessRules, PackagePattern, RuleSettings};
use registry_core::accounts::TokenOptions;
use registry_core::auth::{Caller, Credential, TokenPermission};
use registry_core::http::route::Route;
use registry_lambda::AuthorizerResponse;
use registry_lambda::authorizer::Authorizer;
use registry_testkit::TestRegistry;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

const STAGE: &str = "arn:aws:execute-api:eu-west-1:123456789012:abc123/prod";
const PATTERNS: [&str; 12] = [
    "**",
    "*",
    "@acme/*",
    "@acme/one",
    "@acme-*/*",
    "pear",
    "pear-*",
    "@*/*",
    "*-x",
    "@acme/o*",
    "-*",
    "@*/one",
];
const NAMES: [&str; 10] = [
    "pear",
    "pear-x",
    "apple",
    "Apple2",
    "@acme/one",
    "@acme/two",
    "@acme-x/one",
    "@other/x",
    "-x",
    "registry",
];
/// Method, path and whether a policy for all packages at once says it exactly, as one of codebox-npm need not.
const ROUTES: [(&str, &str, bool); 17] = [
    ("GET", "{}", true),
    ("HEAD", "{}", true),
    ("GET", "{}/1.0.0", true),
    ("GET", "{}/-/x-1.0.0.tgz", true),
    ("GET", "-/package/{}/dist-tags", true),
    ("GET", "-/npm/v1/attestations/{}@1.0.0", true),
    ("GET", "-/sbom/{}/1.0.0", true),
    ("GET", "downloads/point/last-week/{}", true),
    ("GET", "downloads/range/2026-01-01:2026-01-31/{}", true),
    ("PUT", "{}", true),
    ("PUT", "{}/-rev/1-a", true),
    ("DELETE", "{}/-rev/1-a", true),
    ("PUT", "-/package/{}/dist-tags/beta", true),
    ("PUT", "-/user/package/{}/star", false),
    ("DELETE", "-/user/package/{}/star", false),
    ("POST", "-/package/{}/access", true),
    ("POST", "-/stage/package/{}", true),
];

struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

fn random_rules(dice: &mut Dice) -> Option<AccessRules> {
    let settings: Vec<RuleSettings> = (0..=dice.below(4))
        .map(|_| {
            let read = dice.of(&["@all", "@authenticated", "user:ana", "user:ben"]);
            let publish = dice.of(&["user:ana", "user:ben", "@authenticated", "user:nobody"]);
            let rule = json!({ "match": dice.of(&PATTERNS), "read": [read], "publish": [publish] });
            serde_json::from_value(rule).unwrap()
        })
        .collect();
    // A rule behind one that is for the same packages is refused.
    AccessRules::compile(&settings).ok()
}

/// A star stands for any text, slashes included, and a question mark for one character.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some(b'*'), _) => matches(&pattern[1..], text) || (!text.is_empty() && matches(pattern, &text[1..])),
        (Some(b'?'), Some(_)) => matches(&pattern[1..], &text[1..]),
        (Some(expected), Some(found)) if expected == found => matches(&pattern[1..], &text[1..]),
        _ => false,
    }
}

/// As IAM reads a policy: a denial wins, then an allowance, and what nothing is said of is denied.
fn evaluate(policy: &Value, method: &str, path: &str) -> bool {
    let asked = format!("{STAGE}/{method}/registry/{path}");
    let says = |effect: &str| {
        policy["Statement"].as_array().unwrap().iter().any(|statement| {
            let resources = match &statement["Resource"] {
                Value::Array(resources) => resources.clone(),
                one => vec![one.clone()],
            };
            let named = |resource: &Value| matches(resource.as_str().unwrap().as_bytes(), asked.as_bytes());
            statement["Effect"] == effect && resources.iter().any(named)
        })
    };
    !says("Deny") && says("Allow")
}

fn event(token: Option<&str>, method: &str, path: &str) -> String {
    let headers = token.map_or(json!({}), |token| json!({ "authorization": format!("Bearer {token}") }));
    let arn = format!("{STAGE}/{method}/registry/{path}");
    json!({ "type": "REQUEST", "methodArn": arn, "headers": headers }).to_string()
}

/// What the registry says of a route, where it names a package.
fn registry_says(registry: &Registry, caller: &Caller, method: &str, path: &str) -> Option<bool> {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let route = Route::parse(&method, &format!("/{path}")).ok()?;
    let (name, action) = route.package()?;
    Some(registry.may(caller, action, name))
}

/// As some client spells a name, and as an attacker does who wants to get around a denial.
fn spellings(dice: &mut Dice, route: &str, name: &str) -> [(String, bool); 3] {
    let at = dice.of(&["@", "%40"]);
    let slash = dice.of(&["/", "%2f", "%2F"]);
    let spelled = name.replace('@', at).replace('/', slash);
    let plain = route.replace("{}", name);
    let position = dice.below(plain.len());
    let byte = plain.as_bytes()[position];
    let escape = if dice.below(2) == 0 { format!("%{byte:02x}") } else { format!("%{byte:02X}") };
    let hidden = format!("{}{escape}{}", &plain[..position], &plain[position + 1..]);
    [(plain.clone(), true), (route.replace("{}", &spelled), true), (hidden, false)]
}

#[tokio::test]
async fn a_policy_never_allows_more_than_the_registry_and_elsewhere_as_much() {
    let world = TestRegistry::builder().start().await;
    let registry = world.registry();
    let ana = world.ana().token().unwrap().to_owned();
    let ben = world.user("ben").await.token().unwrap().to_owned();
    let limited = |permission, package: &str| TokenOptions {
        permission,
        packages: Some(vec![PackagePattern::parse(package).unwrap()]),
        ..TokenOptions::default()
    };
    let mut tokens = vec![None, Some(ana), Some(ben)];
    for options in [
        limited(TokenPermission::ReadWrite, "@acme/*"),
        limited(TokenPermission::ReadOnly, "pear"),
        limited(TokenPermission::StageOnly, "**"),
    ] {
        let made = registry.create_operator_token("ana", options).await.unwrap();
        tokens.push(Some(made.secret.expose_secret().to_owned()));
    }
    let authorizer = Authorizer::of(registry.clone(), AuthorizerResponse::Iam, "/registry", None);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut whole, mut single, mut finer) = (0, 0, 0);
    for _ in 0..300 {
        let Some(rules) = random_rules(&mut dice) else { continue };
        registry.set_access(rules);
        for token in &tokens {
            let credential = token.as_deref().map(|token| Credential::Bearer(token.into()));
            let caller = registry.identify(credential.as_ref(), None).await.unwrap();
            let (method, route, _) = ROUTES[dice.below(ROUTES.len())];
            let path = route.replace("{}", dice.of(&NAMES));
            let answer = authorizer.decide(&event(token.as_deref(), method, &path)).await.unwrap();
            assert!(answer["principalId"].is_string(), "{answer}");
            let policy = &answer["policyDocument"];
            let is_single = answer["context"]["policy"] == "this-route";
            let is_finer =
                policy["Statement"].as_array().unwrap().iter().any(|one| one["Resource"].is_array());
            whole += usize::from(!is_single);
            finer += usize::from(is_finer);
            if is_single {
                single += 1;
                if let Some(says) = registry_says(registry, &caller, method, &path) {
                    let staging = method == "POST" && route.starts_with("-/stage");
                    assert!(staging || evaluate(policy, method, &path) == says, "{method} {path} {answer}");
                }
            }
            for (method, route, is_exact_when_coarse) in ROUTES {
                for name in NAMES {
                    for (path, is_usual) in spellings(&mut dice, route, name) {
                        let Some(says) = registry_says(registry, &caller, method, &path) else { continue };
                        // A token may be for staging alone, which this question does not tell.
                        if route.starts_with("-/stage") && is_stage_only(&caller) {
                            continue;
                        }
                        let allowed = evaluate(policy, method, &path);
                        let rules = registry.access();
                        let told = || format!("{method} {path} {:?} {rules:?} {answer:#}", caller.name());
                        assert!(says || !allowed, "more than the registry: {}", told());
                        let is_exact = is_usual && !is_single && (is_finer || is_exact_when_coarse);
                        assert!(!is_exact || allowed == says, "less than the registry: {}", told());
                    }
                }
            }
        }
    }
    assert!(whole > 200 && single > 100 && finer > 100, "{whole} {single} {finer}");
}

fn is_stage_only(caller: &Caller) -> bool {
    caller.limits.as_ref().is_some_and(|limits| limits.permission == TokenPermission::StageOnly)
}

#[tokio::test]
async fn a_scope_that_is_kept_from_others_to_the_letter() {
    let rules = json!([
        { "match": "@acme/*", "read": ["user:ana"], "publish": ["user:ana"] },
        { "match": "**", "read": ["@authenticated"], "publish": ["user:ana"] }
    ]);
    let rules: Vec<RuleSettings> = serde_json::from_value(rules).unwrap();
    let world = TestRegistry::builder().access(AccessRules::compile(&rules).unwrap()).start().await;
    let ben = world.user("ben").await.token().unwrap().to_owned();
    let authorizer = Authorizer::of(world.registry().clone(), AuthorizerResponse::Simple, "/registry", None);
    let answer = authorizer.decide(&event(Some(&ben), "GET", "pear")).await.unwrap();
    let policy = &answer["policyDocument"];
    let allowed = |method: &str, path: &str| evaluate(policy, method, path);
    assert!(allowed("GET", "pear") && allowed("GET", "-/whoami") && allowed("GET", "@types%2fnode"));
    assert!(!allowed("GET", "@acme%2fone") && !allowed("GET", "@acme/one/-/one-1.0.0.tgz"));
    assert!(!allowed("GET", "%40%61cme%2fone") && !allowed("PUT", "pear"));
    assert!(allowed("DELETE", "-/user/token/npm_x") && allowed("POST", "-/npm/v1/security/advisories/bulk"));
    assert_eq!(answer["context"], json!({ "username": "ben" }));
    let ana = authorizer.decide(&event(world.ana().token(), "GET", "pear")).await.unwrap();
    assert_eq!(ana["policyDocument"]["Statement"].as_array().unwrap().len(), 5, "{ana}");
    let denied = policy["Statement"].to_string().replace(STAGE, "…");
    insta::assert_snapshot!(denied, @r#"[{"Action":"execute-api:Invoke","Effect":"Allow","Resource":["…/GET/registry/*"]},{"Action":"execute-api:Invoke","Effect":"Allow","Resource":["…/HEAD/registry/*"]},{"Action":"execute-api:Invoke","Effect":"Allow","Resource":["…/POST/registry/-/npm/*","…/POST/registry/-/v1/*"]},{"Action":"execute-api:Invoke","Effect":"Allow","Resource":["…/PUT/registry/-/user/package/*"]},{"Action":"execute-api:Invoke","Effect":"Allow","Resource":["…/DELETE/registry/-/user/token/*","…/DELETE/registry/-/npm/v1/tokens/token/*","…/DELETE/registry/-/user/package/*"]},{"Action":"execute-api:Invoke","Effect":"Deny","Resource":["…/*/registry/@acme/*","…/*/registry/@acme%2f*","…/*/registry/@acme%2F*","…/*/registry/%40acme/*","…/*/registry/%40acme%2f*","…/*/registry/%40acme%2F*","…/*/registry/-/package/@acme/*","…/*/registry/-/package/@acme%2f*","…/*/registry/-/package/@acme%2F*","…/*/registry/-/package/%40acme/*","…/*/registry/-/package/%40acme%2f*","…/*/registry/-/package/%40acme%2F*","…/*/registry/-/user/package/@acme/*","…/*/registry/-/user/package/@acme%2f*","…/*/registry/-/user/package/@acme%2F*","…/*/registry/-/user/package/%40acme/*","…/*/registry/-/user/package/%40acme%2f*","…/*/registry/-/user/package/%40acme%2F*","…/*/registry/-/npm/v1/attestations/@acme/*","…/*/registry/-/npm/v1/attestations/@acme%2f*","…/*/registry/-/npm/v1/attestations/@acme%2F*","…/*/registry/-/npm/v1/attestations/%40acme/*","…/*/registry/-/npm/v1/attestations/%40acme%2f*","…/*/registry/-/npm/v1/attestations/%40acme%2F*","…/*/registry/-/stage/package/@acme/*","…/*/registry/-/stage/package/@acme%2f*","…/*/registry/-/stage/package/@acme%2F*","…/*/registry/-/stage/package/%40acme/*","…/*/registry/-/stage/package/%40acme%2f*","…/*/registry/-/stage/package/%40acme%2F*","…/*/registry/downloads/?????/*/@acme/*","…/*/registry/downloads/?????/*/@acme%2f*","…/*/registry/downloads/?????/*/@acme%2F*","…/*/registry/downloads/?????/*/%40acme/*","…/*/registry/downloads/?????/*/%40acme%2f*","…/*/registry/downloads/?????/*/%40acme%2F*","…/*/registry/-/sbom/@acme/*","…/*/registry/-/sbom/@acme%2f*","…/*/registry/-/sbom/@acme%2F*","…/*/registry/-/sbom/%40acme/*","…/*/registry/-/sbom/%40acme%2f*","…/*/registry/-/sbom/%40acme%2F*","…/*/registry/*%2D*","…/*/registry/*%2d*","…/*/registry/*%31*","…/*/registry/*%6?*","…/*/registry/*%7?*","…/*/registry//*"]}]"#);
    assert!(registry_says(world.registry(), &Caller::anonymous(), "GET", "pear") == Some(false));
}

/// Rules match without regard to capitals, and a policy with.
#[tokio::test]
async fn a_name_in_capitals_is_decided_as_the_rules_do() {
    let rules = json!([
        { "match": "@acme/*", "read": ["user:ana"], "publish": ["user:ana"] },
        { "match": "pear", "read": ["user:ana"], "publish": ["user:ben"] },
        { "match": "**", "read": ["@authenticated"], "publish": ["user:ana"] }
    ]);
    let rules: Vec<RuleSettings> = serde_json::from_value(rules).unwrap();
    let world = TestRegistry::builder().access(AccessRules::compile(&rules).unwrap()).start().await;
    let registry = world.registry();
    let authorizer = Authorizer::of(registry.clone(), AuthorizerResponse::Simple, "/registry", None);
    let mut told = Vec::new();
    for name in ["ana", "ben"] {
        let token = world.user(name).await.token().unwrap().to_owned();
        let credential = Credential::Bearer(token.as_str().into());
        let caller = registry.identify(Some(&credential), None).await.unwrap();
        for method in ["GET", "PUT"] {
            for path in
                ["@Acme%2fone", "@ACME/One", "%40Acme%2Fone", "@%41cme/one", "Pear", "PEAR", "JSONStream"]
            {
                let answer = authorizer.decide(&event(Some(&token), method, path)).await.unwrap();
                let says = registry_says(registry, &caller, method, path).unwrap();
                assert_eq!(evaluate(&answer["policyDocument"], method, path), says, "{name} {method} {path}");
                // A gateway may keep it: it says the same of all else.
                assert!(answer["context"]["policy"].is_null(), "{answer}");
                let is_let_in = evaluate(&answer["policyDocument"], "GET", "apple");
                assert!(is_let_in, "{answer}");
                told.push(says);
            }
        }
    }
    assert!(told.contains(&true) && told.contains(&false));
}
