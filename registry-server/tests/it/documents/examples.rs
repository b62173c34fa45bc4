//! The settings and the code that documents show. No block falls out: each has a language, and each language a test.

use std::collections::BTreeSet;
use std::path::Path;

use super::{blocks, document, documents, root};
use crate::running::{registry_server, run};

/// `ini` and `yaml` are files of clients, and `text` is not run.
/// Rust is compiled by the test of its crate, and run unless it serves without end.
const LANGUAGES: [&str; 8] = ["sh", "toml", "js", "rust", "rust,no_run", "ini", "yaml", "text"];

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
    let trusted_root = root().join("registry-core/tests/fixtures/provenance/public-root.json");
    let mut checked = 0;
    for (name, text) in documents() {
        for block in blocks(&text).into_iter().filter(|block| block.language == "toml") {
            let text = block.text.replace("/etc/registry/htpasswd", htpasswd.path().to_str().unwrap());
            let text = text.replace("/etc/registry/trusted_root.json", trusted_root.to_str().unwrap());
            let mut check = registry_server(&["config", "check", "--config", &text]);
            let _ =
                check.env("REGISTRY_GITHUB_CLIENT_SECRET", "of-an-app").env("UPSTREAM_TOKEN", "of-a-build");
            let _ = check.env("DEPLOYS_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
            let _ = check.env("HOOKS_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
            let _ = check.env("SIGNING_SECRET", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
            let output = check.output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {stderr}\n{}", block.text);
            checked += 1;
        }
    }
    assert!(checked > 7, "only {checked} configurations were found");
}

#[test]
fn the_code_that_verifies_webhooks_takes_right_requests_alone() {
    let guide = document("registry-server/docs/events.md");
    let code = blocks(&guide).into_iter().find(|block| block.language == "js").unwrap().text;
    let check = r#"
        const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        const key = Buffer.from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "base64");
        const request = (at) => {
            const signature = createHmac("sha256", key).update(`1.${at}.{}`).digest("base64");
            return { "webhook-id": "1", "webhook-timestamp": `${at}`, "webhook-signature": `v1,${signature}` };
        };
        const now = Math.floor(Date.now() / 1000);
        const old = request(now - 3600);
        const other = { ...request(now), "webhook-id": "2" };
        const taken = [request(now), old, other].map((headers) => isFromRegistry(headers, "{}", secret));
        console.log(taken.concat(isFromRegistry(request(now), "{ }", secret)).join(" "));
    "#;
    let output =
        std::process::Command::new("node").arg("-e").arg(format!("{code}\n{check}")).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "true false false false\n", "{:?}", output.stderr);
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
