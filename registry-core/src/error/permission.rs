use crate::domain::PackageName;
use crate::vocabulary::Action;

/// Why the rules or a token reject a caller.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PermissionError {
    /// The operation requires a signed-in caller.
    #[error("you must be signed in to do this: run `npm login` with this registry, then try again")]
    AuthenticationRequired,
    /// The access rules permit this to owners of the package, and the principal is none.
    #[error(
        "you do not have permission to {action} {name}, which you do not own: ask one of its owners, or the registry's \
         operator"
    )]
    Forbidden {
        /// The action.
        action: Action,
        /// The package.
        name: PackageName,
    },
    /// The access rules do not let the principal do this, even to a package of their own.
    #[error(
        "you do not have permission to {action} {name}: {}, and owners cannot change that; an administrator of this \
         registry decides on its rules",
        rule_text(rule.as_ref())
    )]
    DeniedByRule {
        /// The action.
        action: Action,
        /// The package.
        name: PackageName,
        /// The number and the pattern of the rule; `None` if none matches.
        rule: Option<(usize, String)>,
    },
    /// The principal may do this, but not with this token.
    #[error(
        "your token does not permit you to {action} {name}, although your account may: use a token that \
         does, or make one with `npm token create`"
    )]
    TokenForbids {
        /// The action.
        action: Action,
        /// The package.
        name: PackageName,
    },
    /// The token may not be used to star packages.
    #[error(
        "your token does not permit you to star {name}: use one that may write to it, or run `npm login` and \
         use the token of that session"
    )]
    TokenForbidsStar {
        /// The package.
        name: PackageName,
    },
    /// The token may not be used to decide on staged versions.
    #[error(
        "your token is for builds, and only a user may decide on a staged version: run `npm login` and try \
         again with the token of that session"
    )]
    TokenForbidsApproval,
    /// The package is private and has other owners. The text is that of [`PackageError::NotFound`](super::PackageError::NotFound).
    #[error("the package {name} does not exist in this registry")]
    Hidden {
        /// The action.
        action: Action,
        /// The package.
        name: PackageName,
    },
}

fn rule_text(rule: Option<&(usize, String)>) -> String {
    match rule {
        Some((number, pattern)) => format!("access rule {number} (match = {pattern:?}) does not let you"),
        None => "no access rule matches the name".to_owned(),
    }
}
