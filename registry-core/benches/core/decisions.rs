use divan::{Bencher, black_box};
use http::Method;
use registry_core::access::{AccessRules, Action, RuleSettings, Verdict};
use registry_core::auth::Principal;
use registry_core::domain::PackageName;
use registry_core::http::route::Route;

/// Method and path in, route out.
#[divan::bench(args = ["/pear", "/@acme%2fpear", "/@acme/pear/-/pear-1.2.3.tgz", "/-/package/@acme%2fpear/dist-tags"])]
fn route(path: &str) -> Route {
    Route::parse(&Method::GET, black_box(path)).unwrap()
}

/// Whether a member of a group may read a package that the last of ten rules is for.
#[divan::bench]
fn access(bencher: Bencher<'_, '_>) {
    let rule = |pattern: String, reader: &str| RuleSettings {
        pattern,
        read: vec![reader.to_owned()],
        publish: vec!["user:ana".to_owned()],
        administer: Vec::new(),
        origin: vec!["hosted".to_owned()],
        shadow: false,
    };
    let others = (1..10).map(|number| rule(format!("@team-{number}/*"), "@all"));
    let settings: Vec<_> = others.chain([rule("@acme/*".to_owned(), "group:github:acme/platform")]).collect();
    let rules = AccessRules::compile(&settings).unwrap();
    let ben = Principal::user("ben").in_group("github:acme").in_group("github:acme/platform");
    let package = PackageName::parse("@acme/pear").unwrap();
    assert_eq!(rules.decide(Action::Read, Some(&ben), &package).verdict, Verdict::Allowed);
    bencher.bench(|| rules.decide(black_box(Action::Read), Some(&ben), black_box(&package)).verdict);
}
