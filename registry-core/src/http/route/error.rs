use crate::domain::{DistTagError, PackageNameError};

use super::segments::LONGEST;

/// Why a request has no route. It contains no text of the path, since a path may hold a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// No method has a route at this path.
    #[error("there is nothing at this address; check the path, and the registry URL that the client uses")]
    NotFound,
    /// The path exists, but not for this method.
    #[error("this address accepts {allow} only")]
    MethodNotAllowed {
        /// The accepted methods, as in the `Allow` header.
        allow: &'static str,
    },
    /// The package name in the path is invalid.
    #[error(transparent)]
    Name(#[from] PackageNameError),
    /// The dist-tag to set is invalid.
    #[error(transparent)]
    Tag(#[from] DistTagError),
    /// A percent sign without two hex digits, or bytes that are not UTF-8.
    #[error("the path is not percent-encoded UTF-8; write a percent sign as %25")]
    Encoding,
    /// A segment `.` or `..`, also one next to an encoded slash.
    #[error("the path cannot contain the segments `.` and `..`")]
    Traversal,
    /// A backslash or a control character; in the name of an account, also a slash.
    #[error("the path contains a character that no address of this registry has")]
    Character,
    /// Something that looks like a token of this registry stands where a name belongs.
    #[error(
        "the path contains what looks like a token; if it is one, revoke it with `npm token revoke`, and send it in the \
         Authorization header only"
    )]
    Token,
    /// Longer than 8 KiB.
    #[error("the path cannot be longer than {LONGEST} bytes")]
    TooLong,
}
