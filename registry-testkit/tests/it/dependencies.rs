//! What the workspace is built from: `deny.toml` says what may be in it, and cargo what is.
//!
//! `cargo deny check` looks closer, at all platforms and at known vulnerabilities, and takes minutes to install;
//! this runs with every test.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use toml::Table;

const POLICY: &str = include_str!("../../../deny.toml");
const LOCK: &str = include_str!("../../../Cargo.lock");

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

#[test]
fn nothing_banned_is_locked() {
    let lock: Table = LOCK.parse().expect("Cargo.lock is TOML");
    let packages = lock["package"].as_array().expect("Cargo.lock lists packages");
    let names: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    assert!(names.contains("registry-core"));
    let banned = policy("bans", "deny");
    assert!(banned.iter().any(|package| package == "aws-lc-sys"));
    for package in banned {
        assert!(!names.contains(package.as_str()), "{package} is banned; see cargo tree -i {package}");
    }
}

#[test]
fn every_license_is_on_the_list() {
    let host = cargo_host();
    let metadata =
        cargo(&["metadata", "--all-features", "--format-version", "1", "--filter-platform", &host]);
    let metadata: Value = serde_json::from_str(&metadata).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("cargo lists packages");
    assert!(packages.len() > 100, "{} packages are not all of them", packages.len());
    let allowed = policy("licenses", "allow");
    for package in packages {
        let license = package["license"].as_str().unwrap_or("none");
        assert!(
            is_allowed(license, &allowed),
            "{} has the license {license}, which deny.toml does not allow",
            package["name"]
        );
    }
}

fn cargo_host() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().expect("rustc runs, as it built this test");
    let printed = String::from_utf8(output.stdout).expect("rustc prints UTF-8");
    let host = printed.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc says what its host is").to_owned()
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
