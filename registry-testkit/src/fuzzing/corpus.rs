use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use super::mutation::Mutations;

/// How much was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// Files of the corpus.
    pub files: usize,
    /// Mutations of them.
    pub mutations: usize,
}

/// Gives `property` every file in a folder, in the order of their names, and then so many mutations of them, always the same
/// ones for the same seed. What it panics on is printed, in escapes.
///
/// ```
/// use registry_testkit::fuzzing::replay;
/// let folder = tempfile::tempdir().unwrap();
/// std::fs::write(folder.path().join("one"), "pear").unwrap();
/// let mut longest = 0;
/// let tried = replay(folder.path(), 1, 100, |input| longest = longest.max(input.len()));
/// assert_eq!((tried.files, tried.mutations), (1, 100));
/// assert!(longest > 4);
/// ```
///
/// # Panics
///
/// If the folder cannot be read or is empty, and with `property`.
pub fn replay(folder: &Path, seed: u64, mutations: usize, mut property: impl FnMut(&[u8])) -> Tried {
    let failed = |error: std::io::Error| -> ! { panic!("cannot read {}: {error}", folder.display()) };
    let listed = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut paths: Vec<_> =
        listed.unwrap_or_else(|error| failed(error)).iter().map(std::fs::DirEntry::path).collect();
    paths.sort();
    let read = |path| std::fs::read(path).unwrap_or_else(|error| failed(error));
    let corpus: Vec<Vec<u8>> = paths.iter().map(read).collect();
    assert!(!corpus.is_empty(), "there is nothing in {}", folder.display());
    for (path, input) in paths.iter().zip(&corpus) {
        try_one(&path.display().to_string(), input, &mut property);
    }
    let mut random = Mutations::new(seed, &corpus);
    for number in 0..mutations {
        try_one(&format!("mutation {number}"), &random.next_input(), &mut property);
    }
    Tried { files: corpus.len(), mutations }
}

fn try_one(what: &str, input: &[u8], property: &mut impl FnMut(&[u8])) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| property(input))) {
        let mut message = format!("{what} fails: {}", input.escape_ascii());
        message.truncate(16 << 10);
        tell(&message);
        resume_unwind(panic);
    }
}

#[expect(clippy::print_stderr, reason = "the panic that goes on cannot say on which input it happened")]
fn tell(message: &str) {
    eprintln!("{message}");
}
