use std::error::Error;
use std::fmt;

use crate::upstream::UpstreamError;

/// The flags of an import that hold a credential.
pub(super) const CREDENTIAL: &str =
    "a token with --token-env or --token-file, or a login with --login-env or --login-file";

/// Why the registry that packages are imported from did not give what it was asked for. It is told as the source of an import,
/// which has flags, and not as an upstream, which has settings.
#[derive(Debug)]
pub struct SourceError(UpstreamError);

impl SourceError {
    /// Returns the error of the source.
    pub fn upstream_error(&self) -> &UpstreamError {
        &self.0
    }

    pub(super) fn is_loop(&self) -> bool {
        matches!(self.0, UpstreamError::Loop { .. })
    }
}

impl From<UpstreamError> for SourceError {
    fn from(error: UpstreamError) -> Self {
        Self(error)
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            UpstreamError::Unavailable { upstream, .. } => {
                write!(formatter, "the source {upstream} did not answer as it should")
            }
            UpstreamError::Refused { upstream, status } => {
                write!(formatter, "the source {upstream} refused with status {status}")?;
                match status {
                    401 | 403 => write!(formatter, ": give the command {CREDENTIAL} that may read it"),
                    _ => Ok(()),
                }
            }
            UpstreamError::Unusable { upstream, reason } => {
                write!(formatter, "the source {upstream} sent an invalid response: {reason}")
            }
            UpstreamError::Loop { upstream } => {
                write!(formatter, "the source {upstream} leads back to this registry")
            }
            UpstreamError::Redirect { upstream, reason } => {
                write!(formatter, "the source {upstream} {reason}")
            }
            UpstreamError::Elsewhere { upstream, host, .. } => write!(
                formatter,
                "the source {upstream} names another host, {host}, which did not deliver the expected file: if it has no public \
                 address, permit it with --tarball-host {host}"
            ),
            error @ UpstreamError::Unreadable { .. } => error.fmt(formatter),
        }
    }
}

impl Error for SourceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
