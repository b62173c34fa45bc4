use std::error::Error;
use std::fmt::Write;

/// What came of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckOutcome {
    /// The check, by what it shows: `of_many_creations_one_wins`.
    pub name: &'static str,
    /// What the implementation did wrong; `None` if it passed.
    pub failure: Option<String>,
}

/// What a check found wrong.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

/// How a check ends.
pub(crate) type Verdict = Result<(), Failure>;

impl<Cause: Error> From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        let mut text = cause.to_string();
        let mut next = cause.source();
        while let Some(source) = next {
            text.push_str(": ");
            text.push_str(&source.to_string());
            next = source.source();
        }
        Self(text)
    }
}

/// Ends the check with the message unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::conformance::check::Failure(format!($($message)+)));
        }
    };
}
pub(crate) use ensure;

/// Panics with every failure in `report`, if there is one.
pub(crate) fn panic_on_failures(subject: &str, report: &[CheckOutcome]) {
    let mut failures = String::new();
    for outcome in report {
        if let Some(failure) = &outcome.failure {
            let _ = write!(failures, "\n  {}: {failure}", outcome.name);
        }
    }
    assert!(failures.is_empty(), "{subject} breaks its contract:{failures}");
}
