use std::error::Error;
use std::fmt;

use crate::error::BoxError;

/// Why settings cannot be used. Its sources are the causes; `{:#}` appends them.
#[derive(Debug)]
pub struct SettingsError(Problem);

#[derive(Debug)]
enum Problem {
    Message { text: String, source: Option<BoxError> },
    Other(BoxError),
}

impl SettingsError {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(Problem::Message { text: text.into(), source: None })
    }

    /// Wraps an error that needs no context.
    pub(super) fn of(error: impl Into<BoxError>) -> Self {
        Self(Problem::Other(error.into()))
    }
}

impl SettingsError {
    /// Combines errors, each in a line of its own with its causes.
    pub(super) fn of_several(mut errors: Vec<Self>) -> Self {
        if errors.len() == 1 {
            return errors.remove(0);
        }
        let lines: Vec<_> = errors.iter().map(|error| format!("{error:#}")).collect();
        Self::new(format!("{} mistakes:\n- {}", errors.len(), lines.join("\n- ")))
    }

    /// Combines the errors of several checks, if any of them failed.
    pub(super) fn of_any(errors: impl IntoIterator<Item = Self>) -> Result<(), Self> {
        let errors: Vec<_> = errors.into_iter().collect();
        if errors.is_empty() { Ok(()) } else { Err(Self::of_several(errors)) }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Problem::Message { text, .. } => formatter.write_str(text)?,
            Problem::Other(error) => write!(formatter, "{error}")?,
        }
        let mut cause = self.source().filter(|_| formatter.alternate());
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl Error for SettingsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            Problem::Message { source, .. } => {
                source.as_deref().map(|source| source as &(dyn Error + 'static))
            }
            Problem::Other(error) => error.source(),
        }
    }
}

/// Adds what failed, and keeps the cause.
pub(super) trait Context<Value> {
    fn context(self, text: impl Into<String>) -> Result<Value, SettingsError>;

    fn with_context(self, text: impl FnOnce() -> String) -> Result<Value, SettingsError>;
}

impl<Value, Cause: Into<BoxError>> Context<Value> for Result<Value, Cause> {
    fn context(self, text: impl Into<String>) -> Result<Value, SettingsError> {
        self.with_context(|| text.into())
    }

    fn with_context(self, text: impl FnOnce() -> String) -> Result<Value, SettingsError> {
        self.map_err(|cause| SettingsError(Problem::Message { text: text(), source: Some(cause.into()) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_written_in_the_alternate_form() {
        let cause: Result<(), _> = Err(SettingsError::of("no such file"));
        let error = cause.context("cannot read it").context("the settings are wrong").unwrap_err();
        assert_eq!(error.to_string(), "the settings are wrong");
        assert_eq!(format!("{error:#}"), "the settings are wrong: cannot read it: no such file");
    }
}
