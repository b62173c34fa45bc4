use std::sync::Arc;

use super::{AccessRuleError, RuleSettings};
use crate::nearest::nearest;

/// How a package published here is called in `origin`.
const HOSTED: &str = "hosted";

/// Where packages of a name come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Whether they may be published here. What is hosted wins over every upstream, whole.
    pub hosted: bool,
    /// The upstreams that are asked for names never hosted here, in this order.
    pub upstreams: Vec<Arc<str>>,
    /// Whether a name that an upstream has may be published here all the same.
    pub shadow: bool,
}

impl Origin {
    /// Published here and nowhere else: no upstream ever hears of the name.
    pub const HOSTED: Self = Self { hosted: true, upstreams: Vec::new(), shadow: false };

    pub(super) fn compile(
        settings: &RuleSettings,
        rule: usize,
        upstreams: &[&str],
    ) -> Result<Self, AccessRuleError> {
        let pattern = || settings.pattern.clone();
        let known = |origin: &&String| *origin != HOSTED && !upstreams.contains(&origin.as_str());
        if let Some(origin) = settings.origin.iter().find(known) {
            let nearest = nearest(origin, upstreams.iter().copied().chain([HOSTED])).map(str::to_owned);
            let origin = origin.clone();
            return Err(AccessRuleError::NoSuchUpstream { rule, pattern: pattern(), origin, nearest });
        }
        let is_again = |(at, origin): (usize, &String)| settings.origin[..at].contains(origin);
        if settings.origin.is_empty() || settings.origin.iter().enumerate().any(is_again) {
            return Err(AccessRuleError::Origin { rule, pattern: pattern() });
        }
        // What is hosted is looked for first, and so must be written first.
        if settings.origin.iter().skip(1).any(|origin| origin == HOSTED) {
            return Err(AccessRuleError::HostedNotFirst { rule, pattern: pattern() });
        }
        let hosted = settings.origin[0] == HOSTED;
        let upstreams = settings.origin.iter().filter(|origin| *origin != HOSTED);
        Ok(Self {
            hosted,
            upstreams: upstreams.map(|origin| origin.as_str().into()).collect(),
            shadow: settings.shadow,
        })
    }
}
