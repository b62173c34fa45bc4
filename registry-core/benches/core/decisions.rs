use divan::{Bencher, black_box};
use http::Method;
use registry_core::access::{AccessRules, Action, RuleSettings, Verdict};
use registry_core::auth::{Credential, Principal};
use registry_core::domain::PackageName;
use registry_core::http::route::Route;

use crate::fixture::{Fixture, RUNTIME, Store};

/// Method and path in, route out.
#[divan::bench(args = ["/pear", "/@acme%2fpear", "/@acme/pear/-/pear-1.2.3.tgz", "/-/package/@acme%2fpear/dist-tags"])]
fn route(path: &str) -> Route {
    Route::parse(&Method::GET, black_box(path)).unwrap()
}

fn rule(pattern: String, reader: &str) -> RuleSettings {
    RuleSettings {
        pattern,
        read: vec![reader.to_owned()],
        publish: vec!["user:ana".to_owned()],
        administer: Vec::new(),
        origin: vec!["hosted".to_owned()],
        shadow: false,
    }
}

/// Whether a member of a group may read a package that the last of ten rules is for.
#[divan::bench]
fn access(bencher: Bencher<'_, '_>) {
    let others = (1..10).map(|number| rule(format!("@team-{number:03}/*"), "@all"));
    let settings: Vec<_> = others.chain([rule("@acme/*".to_owned(), "group:github:acme/platform")]).collect();
    let rules = AccessRules::compile(&settings).unwrap();
    let ben = Principal::user("ben").in_group("github:acme").in_group("github:acme/platform");
    let package = PackageName::parse("@acme/pear").unwrap();
    assert_eq!(rules.decide(Action::Read, Some(&ben), &package).verdict, Verdict::Allowed);
    bencher.bench(|| rules.decide(black_box(Action::Read), Some(&ben), black_box(&package)).verdict);
}

/// The same with 200 rules of one kind before it, for a user in 50 groups, where each list names two groups.
#[divan::bench(args = ["@team-*/*", "team-*", "@acme/web-*", "web-*-x"])]
fn access_of_200_rules_and_50_groups(bencher: Bencher<'_, '_>, kind: &str) {
    let group = |number: usize| format!("github:acme/team-{number}");
    let crowded = |pattern: String, readers: [usize; 2]| {
        let entries = |numbers: [usize; 2]| numbers.map(|number| format!("group:{}", group(number))).to_vec();
        RuleSettings {
            read: entries(readers),
            publish: entries([501, 502]),
            administer: entries([601, 602]),
            ..rule(pattern, "")
        }
    };
    let others = (0..199).map(|number| {
        // A pattern with one star in place of a number, and none where a name or a scope is meant.
        let pattern = match kind {
            "@team-*/*" => format!("@team-{number:03}/*"),
            "team-*" => format!("team-{number:03}"),
            _ => kind.replacen("-*", &format!("-{number:03}*"), 1),
        };
        crowded(pattern, [301, 302])
    });
    let settings: Vec<_> = others.chain([crowded("@acme/*".to_owned(), [401, 49])]).collect();
    let rules = AccessRules::compile(&settings).unwrap();
    let ben = (0..50).fold(Principal::user("ben"), |ben, number| ben.in_group(group(number)));
    let package = PackageName::parse("@acme/pear").unwrap();
    assert_eq!(rules.decide(Action::Read, Some(&ben), &package).verdict, Verdict::Allowed);
    bencher.bench(|| rules.decide(black_box(Action::Read), Some(&ben), black_box(&package)).verdict);
}

/// What a warm request with a token costs more than one without: who shows it, and whether they may read the package.
#[divan::bench]
fn identify_and_require_read(bencher: Bencher<'_, '_>) {
    let fixture = Fixture::with_package(Store::Memory, 1);
    let token = Credential::Bearer(fixture.token().into());
    let package = PackageName::parse("pear").unwrap();
    let decide = async |credential: Option<&Credential>| {
        let caller = fixture.registry.identify(credential, None).await.unwrap();
        fixture.registry.access().decide(Action::Read, caller.principal.as_deref(), &package).verdict
    };
    assert_eq!(RUNTIME.block_on(decide(Some(&token))), Verdict::Allowed);
    bencher.bench(|| RUNTIME.block_on(decide(Some(black_box(&token)))));
}

/// The same for an anonymous caller, to compare.
#[divan::bench]
fn identify_and_require_read_anonymous(bencher: Bencher<'_, '_>) {
    let fixture = Fixture::with_package(Store::Memory, 1);
    let package = PackageName::parse("pear").unwrap();
    let decide = async || {
        let caller = fixture.registry.identify(None, None).await.unwrap();
        fixture.registry.access().decide(Action::Read, caller.principal.as_deref(), &package).verdict
    };
    bencher.bench(|| RUNTIME.block_on(decide()));
}
