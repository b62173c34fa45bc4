//! What the documents promise: files and headings they name exist, and the commands and settings they show are right.

mod commands;
mod examples;
mod links;

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn document(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// Every file of the repository, by its path from the root. What builds and tests leave behind is left out.
fn files() -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let is_left_behind = name.starts_with('.')
                || name.starts_with("target")
                || name == "node_modules"
                || name == "corpus";
            if entry.file_type().unwrap().is_dir() && !is_left_behind {
                folders.push(entry.path());
            } else if entry.file_type().unwrap().is_file() {
                found.push(entry.path().strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found
}

/// Every document, with its path from the root.
fn documents() -> Vec<(String, String)> {
    let names = files().into_iter().filter(|file| Path::new(file).extension().is_some_and(|end| end == "md"));
    let documents: Vec<_> = names.map(|name| (name.clone(), document(&name))).collect();
    assert!(documents.len() > 20, "the documents were not found");
    documents
}

/// A piece of code in a document.
#[derive(Debug)]
struct Block {
    language: String,
    text: String,
}

fn blocks(document: &str) -> Vec<Block> {
    let pieces = document.split("```").skip(1).step_by(2);
    pieces
        .map(|piece| {
            let (language, text) = piece.split_once('\n').unwrap_or((piece, ""));
            Block { language: language.to_owned(), text: text.to_owned() }
        })
        .collect()
}

/// What is not code.
fn prose(document: &str) -> String {
    document.split("```").step_by(2).collect()
}

/// What stands between single backticks outside code blocks.
fn quoted(document: &str) -> Vec<String> {
    prose(document).split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_readme_fits_one_screen_and_the_architecture_two_pages() {
    for name in ["README.md", "ARCHITECTURE.md"] {
        let lines = document(name).lines().count();
        assert!(lines <= 150, "{name} has {lines} lines: move what is about one crate into its guides");
    }
}

/// Words that name no actor, and words of other Englishes. The change log tells of the past and is left out.
#[test]
fn documents_name_the_actor_in_american_english() {
    const AVOIDED: [&str; 15] = [
        "whoever",
        "somebody",
        "nobody",
        "anybody",
        "everybody",
        "organisation",
        "organisations",
        "licence",
        "licences",
        "colour",
        "behaviour",
        "honour",
        "honours",
        "recognise",
        "recognises",
    ];
    for (name, text) in documents().iter().filter(|(name, _)| name != "CHANGELOG.md") {
        let prose = prose(text);
        for word in prose.split(|character: char| !character.is_alphanumeric()) {
            let is_avoided = AVOIDED.contains(&word.to_lowercase().as_str());
            assert!(!is_avoided, "{name} says {word}: name the actor, in American English");
        }
    }
}

/// In comments and in the names of functions, tests among them. Texts between quotes may name a user so.
#[test]
fn sources_name_the_actor() {
    const AVOIDED: [&str; 4] = ["whoever", "somebody", "nobody", "anybody"];
    let sources =
        files().into_iter().filter(|file| Path::new(file).extension().is_some_and(|end| end == "rs"));
    let mut count = 0;
    for name in sources {
        count += 1;
        for line in document(&name).lines() {
            let (code, comment) = line.split_once("//").unwrap_or((line, ""));
            let function =
                code.split_once("fn ").map_or("", |(_, rest)| rest.split('(').next().unwrap_or_default());
            let unquoted: String = comment.split('"').step_by(2).collect();
            for word in format!("{function} {unquoted}").split(|character: char| !character.is_alphanumeric())
            {
                let is_avoided = AVOIDED.contains(&word.to_lowercase().as_str());
                assert!(!is_avoided, "{name} says {word}: name the actor\n{line}");
            }
        }
    }
    assert!(count > 500, "the sources were not found");
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
