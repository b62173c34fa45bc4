//! The commands that documents show.

use std::collections::BTreeMap;

use super::{blocks, document, documents, files, root};
use crate::running::run;

#[test]
fn the_readme_has_two_commands_and_the_checks_run_the_second() {
    let commands = ["cargo run --release -p registry-server", "cargo test --workspace"];
    let readme = document("README.md");
    let first = blocks(&readme).into_iter().find(|block| block.language == "sh").unwrap();
    assert_eq!(first.text.lines().collect::<Vec<_>>(), commands);
    let step = format!("step {} --locked 2>&1 | tee target/tests.log", commands[1]);
    assert!(document(".ci/run").lines().any(|line| line == step));
}

#[test]
fn every_command_of_ours_has_the_flags_that_are_shown() {
    let mut help = Help::default();
    let mut checked = 0;
    for (name, command) in commands() {
        // Behind `cargo run … --`, too.
        let ours = match command.iter().position(|word| word == "registry-server") {
            Some(0) => &command[1..],
            _ if command.starts_with(&["cargo".to_owned(), "run".to_owned()]) => {
                let behind = command.iter().position(|word| word == "--");
                let is_ours = command.iter().any(|word| word == "registry-server");
                behind.filter(|_| is_ours).map_or(&[][..], |at| &command[at + 1..])
            }
            _ => continue,
        };
        let subcommands: Vec<_> = ours.iter().take_while(|word| !word.starts_with('-')).collect();
        let depth = match subcommands.first().map(|word| word.as_str()) {
            None => 0,
            Some("config") => subcommands.len(),
            Some("access" | "account" | "advisories" | "bundle" | "import" | "keys" | "policy" | "token") => {
                2
            }
            Some(_) => 1,
        };
        let help =
            help.of(&ours[..depth]).unwrap_or_else(|| panic!("{name}: there is no command {command:?}"));
        for flag in ours.iter().filter(|word| word.starts_with("--")) {
            let flag = flag.split('=').next().unwrap();
            let is_there = help.split_whitespace().any(|word| word.trim_end_matches(',') == flag);
            assert!(is_there, "{name}: {flag} is no flag of {command:?}");
        }
        checked += 1;
    }
    assert!(checked > 10, "only {checked} commands were found");
}

#[test]
fn every_package_bench_and_example_that_cargo_runs_is_there() {
    let mut checked = 0;
    for (name, command) in commands().into_iter().filter(|(_, command)| command[0] == "cargo") {
        let ours = command.iter().take_while(|word| *word != "--").collect::<Vec<_>>();
        let value = |flag| ours.iter().position(|word| *word == flag).and_then(|at| ours.get(at + 1));
        let Some(package) = value("-p") else { continue };
        let folders = ["", "examples"].map(|folder| root().join(folder).join(package));
        let folder = folders.iter().find(|folder| folder.join("Cargo.toml").is_file());
        let folder = folder.unwrap_or_else(|| panic!("{name}: there is no package {package}"));
        for (flag, kind) in [("--bench", "benches"), ("--example", "examples"), ("--test", "tests")] {
            let Some(target) = value(flag) else { continue };
            let target = folder.join(kind).join(target);
            let is_there = target.is_dir() || target.with_extension("rs").is_file();
            assert!(is_there, "{name}: there is no {}", target.display());
        }
        checked += 1;
    }
    assert!(checked > 10, "only {checked} commands were found");
}

#[test]
fn every_file_that_a_command_takes_is_there() {
    let files = files();
    let mut checked = 0;
    for (name, command) in commands() {
        let of_ours = |word: &&String| {
            (word.starts_with("examples/") || word.starts_with("registry-")) && word.contains('/')
        };
        for path in command.iter().filter(of_ours) {
            let is_there = root().join(path).is_dir() || files.contains(path);
            assert!(is_there, "{name}: there is no {path}");
            checked += 1;
        }
    }
    assert!(checked > 5, "only {checked} files were found");
}

/// Every command in a block of shell, as words, with the document that shows it.
fn commands() -> Vec<(String, Vec<String>)> {
    let mut commands = Vec::new();
    for (name, text) in documents() {
        for block in blocks(&text).into_iter().filter(|block| block.language == "sh") {
            let text = block.text.replace("\\\n", " ");
            for line in text.lines() {
                let line = line.split(" #").next().unwrap();
                for command in line.split("&&") {
                    let command = command.split(" > ").next().unwrap();
                    let words: Vec<_> = command.split_whitespace().map(str::to_owned).collect();
                    if !words.is_empty() {
                        commands.push((name.clone(), words));
                    }
                }
            }
        }
    }
    commands
}

/// What the binary says of its commands, asked once of each.
#[derive(Default)]
struct Help(BTreeMap<Vec<String>, Option<String>>);

impl Help {
    fn of(&mut self, command: &[String]) -> Option<&String> {
        let ask = || {
            let arguments: Vec<_> = command.iter().map(String::as_str).chain(["--help"]).collect();
            let output = run(&arguments);
            output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
        };
        self.0.entry(command.to_vec()).or_insert_with(ask).as_ref()
    }
}
