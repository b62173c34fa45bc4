//! Programs that a test needs and that a machine may lack, such as nginx.
//!
//! ```
//! use registry_testkit::machine_tools::find;
//! assert!(find("sh").is_some());
//! assert_eq!(find("no-such-program"), None);
//! ```

use std::env;
use std::path::PathBuf;

/// The program that `name` means in a shell.
pub fn find(name: &str) -> Option<PathBuf> {
    // Where programs for administrators are, which a user's path may leave out.
    let administration = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).chain(administration).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The program that `name` means in a shell. Without it the test is left out, and a note on stderr says so.
///
/// # Panics
///
/// As [`skip`] does.
pub fn find_or_skip(name: &str, to_install: &str) -> Option<PathBuf> {
    let found = find(name);
    if found.is_none() {
        skip(name, &format!("{name} is missing; install it: {to_install}"));
    }
    found
}

/// Says why a test that needs `name` is left out.
///
/// # Panics
///
/// Where the variable `CI` is set, unless `REGISTRY_TESTS_WITHOUT` names the program: words with spaces between.
#[expect(clippy::print_stderr, reason = "the developer who runs the tests must see what was not tested")]
pub fn skip(name: &str, reason: &str) {
    let given_up = env::var("REGISTRY_TESTS_WITHOUT").unwrap_or_default();
    let is_given_up = given_up.split(' ').any(|word| word == name);
    assert!(is_given_up || env::var_os("CI").is_none_or(|value| value.is_empty()), "{reason}");
    eprintln!("skipped: {reason}");
}
