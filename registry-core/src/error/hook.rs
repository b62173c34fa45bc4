/// Why a hook is not read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HookError {
    /// The registry has no hooks.
    #[error("this registry has no hooks: ask its operator to turn them on with [hooks], or read /-/changes")]
    Off,
    /// There is no such hook, or it is not the caller's.
    #[error("there is no such hook, or it is not yours: `npm hook ls` shows your hooks")]
    NotFound,
    /// The account has as many hooks as the registry permits.
    #[error("you have {most} hooks, which is the most: remove one with `npm hook rm ID`")]
    TooMany {
        /// The most hooks of an account.
        most: usize,
    },
}
