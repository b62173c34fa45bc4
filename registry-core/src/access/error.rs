use super::{Action, PatternError};

/// What is wrong with an access rule. Rules are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessRuleError {
    /// The pattern is none.
    #[error("access rule {rule}: the pattern match = {pattern:?} {problem}")]
    Pattern {
        /// Which rule.
        rule: usize,
        /// The text of `match`.
        pattern: String,
        /// What is wrong with it.
        problem: PatternError,
    },
    /// An entry is none.
    #[error(
        "access rule {rule} (match = {pattern:?}): {list} lists {entry:?}, which names nobody; write {instead}"
    )]
    Entry {
        /// Which rule.
        rule: usize,
        /// The text of `match`.
        pattern: String,
        /// Which of the lists.
        list: Action,
        /// The text of the entry.
        entry: String,
        /// What was probably meant.
        instead: String,
    },
    /// An earlier rule decides every name that this one is for.
    #[error(
        "access rule {rule} (match = {pattern:?}) is never reached, because rule {earlier} \
         (match = {earlier_pattern:?}) matches the same packages and comes first; {advice}",
        advice = if pattern == earlier_pattern { "make them one rule" } else { "change their order, or remove one" }
    )]
    Unreachable {
        /// Which rule.
        rule: usize,
        /// The text of `match`.
        pattern: String,
        /// The rule that comes before it.
        earlier: usize,
        /// The text of `match` there.
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
        /// Which rule.
        rule: usize,
        /// The text of `match`.
        pattern: String,
        /// The name in `origin`.
        origin: String,
        /// A name that is written almost so.
        nearest: Option<String>,
    },
    /// The origin lists `hosted` behind an upstream.
    #[error(
        "access rule {rule} (match = {pattern:?}): origin must list \"hosted\" first, since what is hosted wins over \
         every upstream"
    )]
    HostedNotFirst {
        /// Which rule.
        rule: usize,
        /// The text of `match`.
        pattern: String,
    },
    /// The origin lists nothing, or the same twice.
    #[error(
        "access rule {rule} (match = {pattern:?}): origin lists nothing, or one origin twice; \
         write origin = [\"hosted\"]"
    )]
    Origin {
        /// Which rule.
        rule: usize,
        /// The text of `match`.
        pattern: String,
    },
}
