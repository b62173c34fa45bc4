//! What the workspace is built from: `deny.toml` says what may be in it, and cargo what is.
//!
//! `cargo deny check` looks closer, also at known vulnerabilities, and takes minutes to install; this runs with every
//! test.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};
use toml::Table;

const POLICY: &str = include_str!("../../../deny.toml");
const LOCK: &str = include_str!("../../../Cargo.lock");
const LOCK_OF_FUZZING: &str = include_str!("../../../registry-core/fuzz/Cargo.lock");

/// What a service that embeds the library brings itself, or does without.
const NOT_IN_THE_LIBRARY: [&str; 15] = [
    "aws-lc-rs",
    "axum",
    "h2",
    "hyper",
    "hyper-util",
    "lambda_http",
    "native-tls",
    "octocrab",
    "openssl",
    "openssl-sys",
    "reqwest",
    "ring",
    "rustls",
    "tokio-rustls",
    "tower",
];

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).arg("--locked").current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = command.output().expect("cargo runs, as it runs this test");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?} failed:\n{stderr}");
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

fn policy(section: &str, key: &str) -> Vec<String> {
    let policy: Table = POLICY.parse().expect("deny.toml is TOML");
    let entries = policy[section][key].as_array().expect("the key holds a list");
    let name = |entry: &toml::Value| entry.get("crate").unwrap_or(entry).as_str().map(str::to_owned);
    entries.iter().map(|entry| name(entry).expect("an entry names something")).collect()
}

fn setting(section: &str, key: &str) -> String {
    let policy: Table = POLICY.parse().expect("deny.toml is TOML");
    policy[section][key].as_str().expect("the key holds a word").to_owned()
}

#[test]
fn the_library_alone_has_no_http_server_and_no_tls() {
    let tree = cargo(&["tree", "--package", "registry-core", "--edges", "normal", "--prefix", "none"]);
    let packages: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(packages.contains("object_store"), "this is not the tree of the library:\n{tree}");
    for package in NOT_IN_THE_LIBRARY {
        assert!(
            !packages.contains(package),
            "registry-core depends on {package}; see cargo tree -i {package}"
        );
    }
}

/// The lock has every package of every platform and feature.
#[test]
fn nothing_banned_is_locked() {
    let banned = policy("bans", "deny");
    assert!(banned.iter().any(|package| package == "aws-lc-sys"));
    assert_eq!(
        banned_in(&packages_of(LOCK), &banned),
        [""; 0],
        "banned in deny.toml; see cargo tree -i NAME"
    );
    assert_eq!(
        banned_in(&packages_of(LOCK_OF_FUZZING), &banned),
        [""; 0],
        "banned in deny.toml, for fuzzing too"
    );

    let broken = packages_of("[[package]]\nname = \"openssl-sys\"\nversion = \"0.9.0\"");
    assert_eq!(banned_in(&broken, &banned), ["openssl-sys"]);
}

#[test]
fn everything_locked_comes_from_one_registry() {
    for key in ["unknown-registry", "unknown-git"] {
        assert_eq!(setting("sources", key), "deny");
    }
    let members = members();
    assert_eq!(
        foreign_in(&packages_of(LOCK), &members),
        [""; 0],
        "only packages of the registry may be locked"
    );

    let of_the_registry =
        "[[package]]\nname = \"one\"\nsource = \"registry+https://index.example\"\nchecksum = \"00\"\n";
    for (broken, foreign) in [
        ("source = \"git+https://code.example/two#1\"", "two"),
        ("source = \"registry+https://other.example\"\nchecksum = \"00\"", "two"),
        ("source = \"registry+https://index.example\"", "two"),
        ("", "two"),
    ] {
        let lock = format!("{of_the_registry}[[package]]\nname = \"two\"\n{broken}");
        assert_eq!(foreign_in(&packages_of(&lock), &members), [foreign], "{lock}");
    }
}

#[test]
fn every_license_is_on_the_list() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("cargo lists packages");
    let read: BTreeSet<_> = packages.iter().filter_map(name_and_version).collect();
    let locked: BTreeSet<_> = packages_of(LOCK).iter().filter_map(locked_name_and_version).collect();
    assert_eq!(read, locked, "each locked package is looked at, of all platforms and features");
    let allowed = policy("licenses", "allow");
    assert_eq!(unlicensed_in(packages, &allowed), [""; 0], "deny.toml allows no such license");
    for license in &allowed {
        let without: Vec<_> = allowed.iter().filter(|other| *other != license).cloned().collect();
        assert!(
            !unlicensed_in(packages, &without).is_empty(),
            "nothing needs {license}: remove it from deny.toml"
        );
    }

    let broken =
        [json!({ "name": "one", "license": "MIT" }), json!({ "name": "two", "license": "GPL-3.0-only" })];
    assert_eq!(unlicensed_in(&broken, &allowed), ["two: GPL-3.0-only"]);
    assert_eq!(unlicensed_in(&[json!({ "name": "three", "license": null })], &allowed), ["three: none"]);
}

#[test]
fn every_requirement_names_a_version() {
    assert_eq!(setting("bans", "wildcards"), "deny");
    let metadata = metadata();
    assert_eq!(wildcards_in(&metadata), [""; 0], "name the version that is needed");

    let dependency = json!({ "name": "serde", "req": "*" });
    let broken = json!({ "packages": [{ "name": "ours", "source": null, "dependencies": [dependency] }] });
    assert_eq!(wildcards_in(&broken), ["ours needs any serde"]);
}

/// `cargo clippy --workspace` and `cargo test --workspace` look at the library with every feature only as long as some
/// crate here asks for each.
#[test]
fn the_workspace_builds_the_library_with_all_features() {
    let tree = cargo(&["tree", "--workspace", "--edges", "features,normal,build,dev", "--prefix", "none"]);
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("cargo lists packages");
    let library = packages.iter().find(|package| package["name"] == "registry-core").expect("it is listed");
    let features = library["features"].as_object().expect("cargo lists features");
    assert!(features.len() > 10, "{features:?}");
    for feature in features.keys() {
        let line = format!("registry-core feature \"{feature}\"");
        assert!(tree.lines().any(|found| found.starts_with(&line)), "no crate asks for {line}");
    }
}

fn metadata() -> Value {
    let metadata = cargo(&["metadata", "--all-features", "--format-version", "1"]);
    serde_json::from_str(&metadata).expect("cargo prints JSON")
}

fn members() -> BTreeSet<String> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("cargo lists packages");
    packages.iter().filter_map(|package| package["name"].as_str().map(str::to_owned)).collect()
}

fn packages_of(lock: &str) -> Vec<toml::Value> {
    let lock: Table = lock.parse().expect("a lock file is TOML");
    lock["package"].as_array().expect("a lock file lists packages").clone()
}

fn banned_in<'lock>(packages: &'lock [toml::Value], banned: &[String]) -> Vec<&'lock str> {
    let names = packages.iter().filter_map(|package| package["name"].as_str());
    names.filter(|name| banned.iter().any(|banned| banned == name)).collect()
}

/// What is neither a crate of this workspace nor, with a checksum, of the registry that the first one is from.
fn foreign_in<'lock>(packages: &'lock [toml::Value], members: &BTreeSet<String>) -> Vec<&'lock str> {
    let registry = packages.iter().find_map(source).filter(|source| source.starts_with("registry+"));
    let is_known = |package: &&toml::Value| match source(package) {
        None => package["name"].as_str().is_some_and(|name| members.contains(name)),
        found => found == registry && package.get("checksum").is_some(),
    };
    packages
        .iter()
        .filter(|package| !is_known(package))
        .filter_map(|package| package["name"].as_str())
        .collect()
}

fn source(package: &toml::Value) -> Option<&str> {
    package.get("source").and_then(toml::Value::as_str)
}

fn unlicensed_in(packages: &[Value], allowed: &[String]) -> Vec<String> {
    let license = |package: &Value| package["license"].as_str().unwrap_or("none").to_owned();
    let refused = packages.iter().filter(|package| !is_allowed(&license(package), allowed));
    refused.map(|package| format!("{}: {}", text(package), license(package))).collect()
}

/// The requirements of our crates that any version would do for. Those by path name the folder.
fn wildcards_in(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().expect("cargo lists packages");
    let mut found = Vec::new();
    for package in packages.iter().filter(|package| package["source"].is_null()) {
        let dependencies = package["dependencies"].as_array().expect("cargo lists dependencies");
        let any =
            dependencies.iter().filter(|dependency| dependency["req"] == "*" && dependency["path"].is_null());
        found.extend(any.map(|dependency| format!("{} needs any {}", text(package), text(dependency))));
    }
    found
}

fn text(named: &Value) -> &str {
    named["name"].as_str().unwrap_or_default()
}

fn name_and_version(package: &Value) -> Option<(String, String)> {
    Some((package["name"].as_str()?.to_owned(), package["version"].as_str()?.to_owned()))
}

fn locked_name_and_version(package: &toml::Value) -> Option<(String, String)> {
    Some((package["name"].as_str()?.to_owned(), package["version"].as_str()?.to_owned()))
}

/// Whether an SPDX expression can be satisfied with the allowed licenses alone.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    // An exception only ever adds rights, and the slash is how old manifests write OR.
    let expression = expression.replace(" WITH LLVM-exception", "").replace('/', " OR ");
    let expression = expression.replace('(', " ( ").replace(')', " ) ");
    let mut words = expression.split_whitespace().peekable();
    any_of(&mut words, allowed) && words.next().is_none()
}

type Words<'text> = std::iter::Peekable<std::str::SplitWhitespace<'text>>;

fn any_of(words: &mut Words<'_>, allowed: &[String]) -> bool {
    let mut any = all_of(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        any |= all_of(words, allowed);
    }
    any
}

fn all_of(words: &mut Words<'_>, allowed: &[String]) -> bool {
    let mut all = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        all &= one(words, allowed);
    }
    all
}

fn one(words: &mut Words<'_>, allowed: &[String]) -> bool {
    if words.next_if_eq(&"(").is_some() {
        return any_of(words, allowed) & words.next_if_eq(&")").is_some();
    }
    words.next().is_some_and(|license| allowed.iter().any(|allowed| allowed == license))
}

#[test]
fn expressions_are_read_as_spdx_has_them() {
    let allowed = ["MIT".to_owned(), "Zlib".to_owned()];
    for satisfied in [
        "MIT",
        "GPL-3.0-only OR MIT",
        "GPL-3.0-only/MIT",
        "MIT AND Zlib",
        "(MIT OR X) AND Zlib",
        "X AND Y OR MIT",
    ] {
        assert!(is_allowed(satisfied, &allowed), "{satisfied}");
    }
    for refused in ["", "X", "none", "MIT AND X", "(MIT OR X) AND Y", "MIT X", "(MIT", "MIT WITH X-exception"]
    {
        assert!(!is_allowed(refused, &allowed), "{refused}");
    }
}
