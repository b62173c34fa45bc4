//! The settings and the code that documents show. No block falls out: each has a language, and each language a test.

use std::collections::BTreeSet;
use std::path::Path;

use super::{blocks, document, documents, root};
use crate::running::{registry_server, run};

/// `ini` and `yaml` are files of clients, and `text` is not run.
/// Rust is compiled by the test of its crate, and run unless it serves without end.
const LANGUAGES: [&str; 7] = ["sh", "toml", "rust", "rust,no_run", "ini", "yaml", "text"];

#[test]
fn every_block_has_a_language_that_is_tested() {
    for (name, text) in documents() {
        assert!(text.matches("```").count() % 2 == 0, "{name} has a block that does not end");
        for block in blocks(&text) {
            let language = &block.language;
            assert!(
                LANGUAGES.contains(&language.as_str()),
                "{name} has a block in {language:?}:\n{}",
                block.text
            );
        }
    }
}

#[test]
fn every_configuration_is_sound() {
    // What they name, which is not on this machine.
    let htpasswd = tempfile::NamedTempFile::new().unwrap();
    let mut checked = 0;
    for (name, text) in documents() {
        for block in blocks(&text).into_iter().filter(|block| block.language == "toml") {
            let text = block.text.replace("/etc/registry/htpasswd", htpasswd.path().to_str().unwrap());
            let mut check = registry_server(&["config", "check", "--config", &text]);
            let _ =
                check.env("REGISTRY_GITHUB_CLIENT_SECRET", "of-an-app").env("UPSTREAM_TOKEN", "of-a-build");
            let _ = check.env("DEPLOYS_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
            let output = check.output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {stderr}\n{}", block.text);
            checked += 1;
        }
    }
    assert!(checked > 7, "only {checked} configurations were found");
}

/// The documentation tests of a crate run what its README shows.
#[test]
fn every_block_of_rust_is_a_test() {
    let mut tested = 0;
    for (name, text) in documents() {
        if blocks(&text).iter().any(|block| block.language == "rust") {
            let library = root().join(Path::new(&name).parent().unwrap()).join("src/lib.rs");
            let library = std::fs::read_to_string(&library).unwrap_or_default();
            let includes = library.contains("#[doc = include_str!(\"../README.md\")]");
            assert!(
                includes && name.ends_with("/README.md"),
                "{name} has Rust: show it in the README of a library"
            );
            tested += 1;
        }
    }
    assert!(tested > 1, "only {tested} documents with Rust were found");
}

#[test]
fn the_guide_lists_every_flag_and_variable() {
    let help = String::from_utf8(run(&["--help"]).stdout).unwrap();
    let words = |text: &str| -> BTreeSet<String> {
        let words =
            text.split(|character: char| !(character.is_ascii_alphanumeric() || "-_".contains(character)));
        let ours = words.filter(|word| word.starts_with("--") || word.starts_with("REGISTRY_"));
        ours.filter(|word| !matches!(*word, "--help" | "--version")).map(str::to_owned).collect()
    };
    let guide = document("registry-server/docs/configuration.md");
    let table: String = guide.lines().filter(|line| line.starts_with("| `--")).collect();
    assert_eq!(words(&table), words(&help));
}
