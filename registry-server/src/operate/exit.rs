//! What the exit code of a command says beside success and failure.

/// A check found something wrong, which is already on stdout.
#[derive(Debug, thiserror::Error)]
#[error("something is wrong; see the findings above")]
pub struct Findings;

/// A check did not finish, so nothing is known.
#[derive(Debug, thiserror::Error)]
#[error("the check did not finish")]
pub struct NotChecked;

impl Findings {
    /// The exit code for findings.
    pub const EXIT_CODE: u8 = 1;
}

impl NotChecked {
    /// The exit code for a check that did not finish.
    pub const EXIT_CODE: u8 = 2;
}
