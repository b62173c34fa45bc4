use std::sync::Arc;

use super::{AccessRuleError, RuleSettings};
use crate::nearest::nearest;

/// The name of this registry in `origin`.
const HOSTED: &str = "hosted";

/// The origins of packages of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Whether the packages may be published here. A hosted package takes precedence over every upstream entirely.
    pub hosted: bool,
    /// The upstreams for names that were never hosted here, in order.
    pub upstreams: Vec<Arc<str>>,
    /// Whether a name that exists at an upstream may be published here.
    pub shadow: bool,
}

impl Origin {
    /// Hosted here only: the name is never sent to an upstream.
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
        // The order in the settings must match the order of the lookup, which begins with hosted packages.
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
