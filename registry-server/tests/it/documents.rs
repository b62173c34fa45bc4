//! What the documents promise: that files they name are there, and that commands and settings they show are right.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::running::{registry_server, run};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn document(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// The code blocks of one language.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}\n");
    let after_openings = document.split(&opening).skip(1);
    after_openings.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

/// What stands between single backticks outside code blocks.
fn quoted(document: &str) -> Vec<String> {
    let prose: String = document.split("```").step_by(2).collect();
    prose.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_file_that_is_named_is_there() {
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let quoted = quoted(&document(name));
        let is_file = |word: &&String| {
            let ending = Path::new(word.as_str()).extension().and_then(|ending| ending.to_str());
            word.contains('/')
                && matches!(ending, Some("md" | "mjs" | "rs" | "template"))
                && !word.contains(' ')
        };
        for file in quoted.iter().filter(is_file) {
            let found =
                ["", "registry-core/src"].iter().any(|folder| root().join(folder).join(file).is_file());
            assert!(found, "{name} names {file}, which is not there");
        }
        assert!(name == "README.md" || quoted.iter().any(|word| is_file(&word)), "{name} names no file");
    }
}

/// Of what is promised about security, the tests that show it.
#[test]
fn every_promise_is_shown_by_tests_that_are_there() {
    let security = document("SECURITY.md");
    let promises = security.split("| promise |").nth(1).unwrap().split("\n## ").next().unwrap();
    let shown: Vec<_> = promises.lines().skip(2).filter_map(|line| line.rsplit('|').nth(1)).collect();
    assert!(shown.len() > 5, "{promises}");
    for cell in shown {
        let tests = quoted(cell);
        assert!(!tests.is_empty(), "{cell}");
        for test in tests {
            let (package, module) = test.split_once(": ").unwrap_or(("", &test));
            let packages = [package, "registry-testkit", "registry-server"];
            let folders = packages
                .iter()
                .flat_map(|package| ["tests/it", "src/http"].map(|at| root().join(package).join(at)));
            let module = module.trim_end_matches('/');
            let is_there = |folder: PathBuf| {
                folder.join(module).is_dir() || folder.join(format!("{module}.rs")).is_file()
            };
            assert!(folders.into_iter().any(is_there), "SECURITY.md names {test}, which is not there");
        }
    }
}

#[test]
fn the_readme_has_two_commands_and_the_checks_run_the_second() {
    let commands = ["cargo run --release -p registry-server", "cargo test --workspace"];
    assert_eq!(blocks(&document("README.md"), "sh")[0].lines().collect::<Vec<_>>(), commands);
    assert!(document(".ci/run").lines().any(|line| line == format!("step {} --locked", commands[1])));
}

#[test]
fn the_configurations_in_the_readme_are_sound() {
    let configurations = blocks(&document("README.md"), "toml");
    assert!(!configurations.is_empty());
    // What they name, which is not on this machine.
    let htpasswd = tempfile::NamedTempFile::new().unwrap();
    for configuration in configurations {
        let configuration =
            configuration.replace("/etc/registry/htpasswd", htpasswd.path().to_str().unwrap());
        let mut check = registry_server(&["config", "check", "--config", &configuration]);
        let checked = check.env("REGISTRY_GITHUB_CLIENT_SECRET", "of-an-app").output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
}

#[test]
fn the_readme_lists_every_flag_and_variable() {
    let help = String::from_utf8(run(&["--help"]).stdout).unwrap();
    let words = |text: &str| -> BTreeSet<String> {
        let words =
            text.split(|character: char| !(character.is_ascii_alphanumeric() || "-_".contains(character)));
        let ours = words.filter(|word| word.starts_with("--") || word.starts_with("REGISTRY_"));
        ours.filter(|word| !matches!(*word, "--help" | "--version")).map(str::to_owned).collect()
    };
    let readme = document("README.md");
    let table: String = readme.lines().filter(|line| line.starts_with("| `--")).collect();
    assert_eq!(words(&table), words(&help));
}
