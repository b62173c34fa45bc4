use crate::domain::{DistTagError, PackageNameError};

use super::segments::LONGEST;

/// Why a request has no route. No text of the path is in it, since a path may hold a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// The registry has nothing there, for any method.
    #[error("there is nothing at this address; check the path, and the registry URL that the client uses")]
    NotFound,
    /// The address is there, and not for this method.
    #[error("this address takes {allow} only")]
    MethodNotAllowed {
        /// The methods it takes, as the `Allow` header has them.
        allow: &'static str,
    },
    /// A text that npm does not accept as a package name stands where the name of a package belongs.
    #[error(transparent)]
    Name(#[from] PackageNameError),
    /// Where a dist-tag to set belongs is something else.
    #[error(transparent)]
    Tag(#[from] DistTagError),
    /// A percent sign without two hex digits, or bytes that are not UTF-8.
    #[error("the path is not percent-encoded UTF-8; write a percent sign as %25")]
    Encoding,
    /// A segment `.` or `..`, also one with an encoded slash beside it.
    #[error("the path cannot contain the segments `.` and `..`")]
    Traversal,
    /// A backslash or a control character; in the name of an account, also a slash.
    #[error("the path contains a character that no address of this registry has")]
    Character,
    /// Longer than 8 KiB.
    #[error("the path cannot be longer than {LONGEST} bytes")]
    TooLong,
}
