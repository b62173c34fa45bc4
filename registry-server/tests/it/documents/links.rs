//! Where documents lead.

use std::path::{Component, Path, PathBuf};

use super::{document, documents, files, prose, quoted, root};

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let mut links = 0;
    for (name, text) in documents() {
        let prose = prose(&text);
        for target in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let folder = Path::new(&name).parent().unwrap();
            let path = if file.is_empty() { PathBuf::from(&name) } else { plain(&folder.join(file)) };
            assert!(root().join(&path).exists(), "{name} links to {target}, which is not there");
            if !heading.is_empty() {
                let there = document(path.to_str().unwrap());
                let found =
                    there.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == heading);
                assert!(found, "{name} links to {target}, and there is no such heading");
            }
            links += 1;
        }
    }
    assert!(links > 50, "only {links} links were found");
}

/// The path without `.` and `..`, which must not lead out of the repository.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => assert!(plain.pop(), "{} leads out of the repository", path.display()),
            Component::Normal(part) => plain.push(part),
            _ => {}
        }
    }
    plain
}

/// The anchor of a heading.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|character| character.is_alphanumeric() || " -_".contains(*character));
    kept.map(|character| if character == ' ' { '-' } else { character }).collect()
}

/// A file or folder is named by the end of its path, so that a document need not say in which crate it is.
#[test]
fn every_file_and_folder_that_is_named_is_there() {
    let files = files();
    let mut named = 0;
    for (name, text) in documents() {
        // The change log tells of the past, and the examples of folders that their reader makes.
        if name == "CHANGELOG.md" || name.starts_with("examples/") {
            continue;
        }
        for word in quoted(&text).iter().filter(|word| is_file(word) || is_folder(word)) {
            let within = format!("/{word}");
            let found = files.iter().any(|file| {
                let file = format!("/{file}");
                if is_folder(word) { file.contains(&within) } else { file.ends_with(&within) }
            });
            assert!(found, "{name} names {word}, which is not there");
            named += 1;
        }
    }
    assert!(named > 100, "only {named} names of files were found");
}

fn is_file(word: &str) -> bool {
    let ending = Path::new(word).extension().and_then(|ending| ending.to_str());
    let is_source = matches!(ending, Some("md" | "mjs" | "rs" | "template"));
    word.contains('/') && !word.contains(' ') && is_source
}

/// Folders that begin with `_` are those of the store.
fn is_folder(word: &str) -> bool {
    let is_plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['_', '-'])
            && part.chars().all(|character| character.is_ascii_alphanumeric() || "_-".contains(character))
    };
    word.strip_suffix('/').is_some_and(|word| word.split('/').all(is_plain))
}
