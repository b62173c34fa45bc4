//! What can go wrong.

/// Any error, for those that are only passed on.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
