//! Which folder may import from which. The table is the documentation: an arrow that is not in it fails the test, and so
//! does an entry that no import needs any more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// From the bottom up. A folder may import from those that it names, and each of these stands above it in the table.
#[rustfmt::skip]
const ARROWS: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("file_stamp", &[]),
    ("limits", &[]),
    ("measurements", &[]),
    ("nearest", &[]),
    ("network", &[]),
    ("randomness", &[]),
    ("sealing", &["randomness"]),
    ("traces", &[]),
    ("concurrency", &["randomness"]),
    ("domain", &["limits"]),
    ("vocabulary", &["domain"]),
    ("web", &["domain"]),
    ("outbound", &["vocabulary"]),
    ("storage", &["concurrency", "domain", "measurements", "nearest", "randomness", "traces", "vocabulary"]),
    ("access", &["domain", "nearest", "vocabulary"]),
    ("upstream", &["domain", "measurements", "outbound", "randomness", "traces", "vocabulary"]),
    ("auth", &["clock", "domain", "file_stamp", "outbound", "randomness", "storage", "vocabulary"]),
    ("events", &["access", "clock", "concurrency", "domain", "measurements", "network", "randomness", "storage",
        "vocabulary"]),
    ("error", &["auth", "clock", "concurrency", "domain", "limits", "storage", "upstream", "vocabulary"]),
    ("changes", &["clock", "concurrency", "domain", "error", "events", "outbound", "randomness", "storage", "vocabulary"]),
    ("downloads", &["clock", "concurrency", "domain", "error", "measurements", "randomness", "storage"]),
    ("provenance", &["domain", "vocabulary"]),
    ("signing", &["clock", "domain", "error", "randomness", "sealing", "storage", "vocabulary"]),
    ("authorization", &["access", "auth", "clock", "domain", "error", "events"]),
    ("memberships", &["access", "auth", "domain", "error", "storage"]),
    ("advisories", &["clock", "concurrency", "domain", "error", "outbound", "signing", "storage"]),
    ("policy", &["advisories", "clock", "concurrency", "domain", "error", "file_stamp", "measurements", "storage", "vocabulary"]),
    ("blocking", &["auth", "authorization", "changes", "clock", "domain", "error", "events", "policy", "randomness",
        "storage"]),
    ("catalog", &["auth", "authorization", "clock", "concurrency", "domain", "error", "events", "measurements", "policy", "storage",
        "upstream"]),
    ("proxy", &["auth", "authorization", "blocking", "catalog", "clock", "concurrency", "domain", "error", "events", "limits",
        "measurements", "policy", "randomness", "storage", "traces", "upstream"]),
    ("search", &["access", "auth", "authorization", "catalog", "clock", "concurrency", "domain", "error",
        "policy", "proxy", "storage", "upstream"]),
    ("audit", &["advisories", "auth", "authorization", "catalog", "concurrency", "domain", "error", "proxy", "upstream"]),
    ("accounts", &["access", "auth", "authorization", "catalog", "clock", "concurrency", "domain", "error",
        "events", "limits", "memberships", "network", "proxy", "randomness", "storage", "vocabulary"]),
    ("organizations", &["access", "accounts", "auth", "authorization", "changes", "clock", "concurrency", "domain",
        "error", "events", "memberships", "proxy", "randomness", "storage"]),
    ("packages", &["access", "accounts", "advisories", "auth", "authorization", "blocking", "catalog", "changes", "clock", "concurrency",
        "domain", "downloads", "error", "events", "limits", "memberships", "organizations", "policy", "provenance", "proxy",
        "randomness", "search", "signing", "storage", "upstream", "vocabulary"]),
    ("hooks", &["accounts", "auth", "authorization", "changes", "clock", "concurrency", "domain", "error", "events",
        "outbound", "packages", "randomness", "sealing", "storage", "vocabulary"]),
    ("care", &["accounts", "authorization", "catalog", "clock", "concurrency", "domain", "downloads", "error", "packages",
        "proxy", "randomness", "storage", "vocabulary"]),
    ("bulk", &["accounts", "authorization", "catalog", "changes", "clock", "concurrency", "domain", "error", "events", "packages",
        "randomness", "search", "signing", "storage", "upstream", "vocabulary"]),
    ("registry", &["access", "accounts", "advisories", "audit", "auth", "authorization", "blocking", "bulk", "care", "catalog", "changes", "clock", "concurrency",
        "domain", "downloads", "error", "events", "hooks", "limits", "measurements", "memberships", "organizations", "packages", "policy", "provenance", "proxy",
        "randomness", "search", "signing", "storage", "traces", "upstream", "vocabulary", "web"]),
    ("http", &["access", "accounts", "audit", "auth", "changes", "clock", "concurrency", "domain", "downloads", "error", "events",
        "hooks", "limits", "organizations", "packages", "policy", "randomness", "registry", "search", "storage", "upstream", "web"]),
];

/// Puts a registry together of everything else, so it may import from all, and nothing may import from it.
const AT_THE_TOP: &str = "settings";

/// Folder or top-level module → where it imports from.
type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn arrows_point_down() {
    for (place, (folder, below)) in ARROWS.iter().enumerate() {
        for target in *below {
            let stands_above = ARROWS[..place].iter().any(|(known, _)| known == target);
            assert!(stands_above, "{folder} imports from {target}, which must stand above it in the table");
        }
    }
    let imports = imports(&read_sources());
    for (folder, targets) in &imports {
        assert!(!targets.contains(AT_THE_TOP), "{folder} imports from {AT_THE_TOP}, which stands above it");
        if ["lib", AT_THE_TOP].contains(&folder.as_str()) {
            continue;
        }
        let allowed = ARROWS.iter().find(|(known, _)| known == folder).map(|(_, below)| *below);
        let allowed =
            allowed.unwrap_or_else(|| panic!("{folder} is not in the table: say what it may import"));
        let found: Vec<_> = targets.iter().map(String::as_str).collect();
        assert_eq!(found, allowed, "what {folder} imports (left) is not what the table says (right)");
    }
}

#[test]
fn only_the_facade_adds_methods_to_registry() {
    for (folder, files) in read_sources() {
        let adding = files.iter().filter(|source| source.contains("\nimpl Registry {")).count();
        let allowed = match folder.as_str() {
            "registry" => continue,
            // A request comes in at `http/handle.rs`.
            "http" => 1,
            _ => 0,
        };
        assert!(
            adding <= allowed,
            "{folder} adds methods to Registry: give the operation to the service that owns what it needs"
        );
    }
}

#[test]
fn imports_are_read_in_every_spelling() {
    let source = r"
        use crate::storage::{Key, When}; // use crate::http::Body;
        use crate::{Error, domain::{packument::{self, Packument}, Version}, events};
        fn now() -> crate::clock::Time { crate::randomness::random() }
        //! [`crate::upstream`]
        #[cfg(test)]
        mod tests { use crate::http::Body; }
    ";
    let found = imports(&BTreeMap::from([("packages".to_owned(), vec![source.to_owned()])]));
    let expected = ["storage", "clock", "domain", "error", "events", "randomness"].map(str::to_owned);
    assert_eq!(found["packages"], BTreeSet::from(expected));
}

/// Folder or top-level module → the text of its files.
fn read_sources() -> BTreeMap<String, Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
            if path.is_dir() && !is_test {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
                sources
                    .entry(module_of(&root, &path))
                    .or_default()
                    .push(std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    sources
}

fn module_of(root: &Path, path: &Path) -> String {
    let first: PathBuf = path.strip_prefix(root).unwrap().components().take(1).collect();
    first.with_extension("").to_str().unwrap().to_owned()
}

fn imports(sources: &BTreeMap<String, Vec<String>>) -> Imports {
    let targets = |folder: &String, files: &Vec<String>| {
        let targets = files.iter().flat_map(|source| roots(source)).map(|root| match root.as_str() {
            "Error" => "error".to_owned(),
            "Registry" | "RegistryBuilder" => "registry".to_owned(),
            _ => root,
        });
        targets.filter(|target| target != folder).collect()
    };
    sources.iter().map(|(folder, files)| (folder.clone(), targets(folder, files))).collect()
}

/// What stands directly behind each `crate::` of the code, its tests and comments aside.
fn roots(source: &str) -> Vec<String> {
    let is_of_tests = |line: &&str| line.trim_start().starts_with("mod tests {");
    let code = source.lines().take_while(|line| !is_of_tests(line));
    let code: String = code.map(|line| line.split("//").next().unwrap_or_default()).collect();
    let behind = code.split("crate::").skip(1);
    behind
        .flat_map(|rest| if rest.starts_with('{') { first_of_each(rest) } else { vec![identifier(rest)] })
        .collect()
}

/// The first identifier of each item of a list in braces.
fn first_of_each(list: &str) -> Vec<String> {
    let (mut depth, mut found, mut expects_item) = (0, Vec::new(), false);
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && matches!(character, '{' | ',') {
            expects_item = true;
        } else if expects_item && (character.is_alphanumeric() || character == '_') {
            found.push(identifier(&list[at..]));
            expects_item = false;
        }
    }
    found
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}
