use super::{Action, PatternError};

/// What is wrong with an access rule. Rules are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessRuleError {
    /// The pattern is invalid.
    #[error("access rule {rule}: the pattern match = {pattern:?} {problem}")]
    Pattern {
        /// The rule.
        rule: usize,
        /// The text of `match`.
        pattern: String,
        /// What is wrong with it.
        problem: PatternError,
    },
    /// An entry is invalid.
    #[error(
        "access rule {rule} (match = {pattern:?}): {list} lists {entry:?}, which names no user and no group; \
         write {instead}"
    )]
    Entry {
        /// The rule.
        rule: usize,
        /// The text of `match`.
        pattern: String,
        /// The list that contains it.
        list: Action,
        /// The text of the entry.
        entry: String,
        /// The probable meaning.
        instead: String,
    },
    /// An earlier rule matches every name that this one matches.
    #[error(
        "access rule {rule} (match = {pattern:?}) is never reached, because rule {earlier} \
         (match = {earlier_pattern:?}) matches the same packages and comes first; {advice}",
        advice = if pattern == earlier_pattern { "make them one rule" } else { "change their order, or remove one" }
    )]
    Unreachable {
        /// The rule.
        rule: usize,
        /// The text of `match`.
        pattern: String,
        /// The earlier rule.
        earlier: usize,
        /// The text of its `match`.
        earlier_pattern: String,
    },
    /// The origin names an upstream that is not configured.
    #[error(
        "access rule {rule} (match = {pattern:?}): origin lists {origin:?}, and no upstream named {origin:?} \
         is configured; {}",
        nearest.as_ref().map_or_else(
            || "write origin = [\"hosted\"]".to_owned(),
            |nearest| format!("did you mean {nearest:?}?")
        )
    )]
    NoSuchUpstream {
        /// The rule.
        rule: usize,
        /// The text of `match`.
        pattern: String,
        /// The name in `origin`.
        origin: String,
        /// A name that is written almost so.
        nearest: Option<String>,
    },
    /// The origin lists `hosted` after an upstream.
    #[error(
        "access rule {rule} (match = {pattern:?}): origin must list \"hosted\" first, because hosted \
         packages win over every upstream"
    )]
    HostedNotFirst {
        /// The rule.
        rule: usize,
        /// The text of `match`.
        pattern: String,
    },
    /// The origin lists nothing, or one entry twice.
    #[error(
        "access rule {rule} (match = {pattern:?}): origin lists nothing, or one origin twice; \
         write origin = [\"hosted\"]"
    )]
    Origin {
        /// The rule.
        rule: usize,
        /// The text of `match`.
        pattern: String,
    },
}
