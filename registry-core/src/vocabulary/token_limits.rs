use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Action, PackagePattern};
use crate::domain::{GroupName, PackageName};

use super::{OrganizationPermission, TokenOrganizations};

/// The limits of a token. They narrow what the token's holder may do and never widen it: outside them, the caller is
/// treated as anonymous.
///
/// ```
/// use registry_core::access::{Action, PackagePattern};
/// use registry_core::auth::{TokenLimits, TokenPermission};
/// use registry_core::domain::PackageName;
/// let limits = TokenLimits {
///     permission: TokenPermission::ReadOnly,
///     packages: Some(vec![PackagePattern::parse("@acme/*")?]),
///     ..TokenLimits::default()
/// };
/// let (ours, other) = (PackageName::parse("@acme/web")?, PackageName::parse("pear")?);
/// assert!(limits.permit(Action::Read, &ours) && !limits.permit(Action::Publish, &ours));
/// assert!(!limits.permit(Action::Read, &other));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenLimits {
    /// How the token was created.
    #[serde(default)]
    pub kind: TokenKind,
    /// When it expires; `None` for a token that is valid until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<DateTime<Utc>>,
    /// What it may do to the packages below.
    #[serde(default)]
    pub permission: TokenPermission,
    /// The packages it is for, and nothing else; `None` for a token that is for all and whatever else its holder may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<Vec<PackagePattern>>,
    /// The organizations it is for. `None` leaves that to the other limits: all, for a token that may change
    /// accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizations: Option<TokenOrganizations>,
    /// The networks it may be used from; empty for all. If set, requests without a known address are rejected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<IpNet>,
    /// Whether writes with it require no one-time password. Such a token can publish, but not unpublish, and not
    /// change owners or accounts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bypass_two_factor: bool,
    /// The build that the token was issued to, for [`TokenKind::TrustedPublishing`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<TrustedPublisher>,
}

/// How a token was created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TokenKind {
    /// By a login.
    #[default]
    Session,
    /// By its holder, as `npm token create` does.
    Granular,
    /// By the registry's operator.
    Operator,
    /// In exchange for the identity token of a build.
    TrustedPublishing,
}

impl TokenKind {
    /// Returns whether its holder sees it in the list of their tokens.
    pub(crate) fn is_listed(self) -> bool {
        matches!(self, Self::Granular | Self::Operator)
    }
}

/// What a token may do to the packages that it is for. A greater permission allows more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenPermission {
    /// Nothing beyond the rights of an anonymous caller.
    NoAccess,
    /// See and install.
    ReadOnly,
    /// Also stage versions for approval. No other changes.
    StageOnly,
    /// Everything that the holder may do.
    #[default]
    ReadWrite,
}

/// The build that a token of trusted publishing was issued to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedPublisher {
    /// The id of the trust. When the trust is revoked, the token becomes invalid.
    pub trust: String,
    /// The registry's name for the issuer, such as `github`.
    pub issuer_name: String,
    /// The URL of the issuer.
    pub issuer: String,
    /// The issuer's claims about the build, such as `repository`.
    pub claims: BTreeMap<String, String>,
}

/// For how long before its end the answers to a token say so.
const NOTICE_BEFORE: TimeDelta = TimeDelta::days(14);

impl TokenLimits {
    /// Whether it ends within 14 days, and is of a kind that someone has to make anew: neither a session nor a build's.
    pub fn expires_soon(&self, now: DateTime<Utc>) -> bool {
        let is_soon = |at: DateTime<Utc>| at > now && at - now <= NOTICE_BEFORE;
        self.kind.is_listed() && self.expires.is_some_and(is_soon)
    }

    /// Returns whether the token has expired.
    pub(crate) fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Returns whether the token may be used from `address`, which is `None` if unknown.
    pub(crate) fn permit_address(&self, address: Option<IpAddr>) -> bool {
        self.networks.is_empty()
            || address
                .map(|address| address.to_canonical())
                .is_some_and(|address| self.networks.iter().any(|network| network.contains(&address)))
    }

    /// Returns whether the token permits `action` on `package`.
    pub fn permit(&self, action: Action, package: &PackageName) -> bool {
        self.permit_anywhere(action) && self.is_for(package)
    }

    /// Returns whether the token permits `action` on the packages that it is for.
    pub(crate) fn permit_anywhere(&self, action: Action) -> bool {
        let needed = match action {
            Action::Read => TokenPermission::ReadOnly,
            Action::Administer if self.bypass_two_factor => return false,
            Action::Publish | Action::Administer => TokenPermission::ReadWrite,
        };
        self.permission >= needed
    }

    /// Returns whether the token may stage versions of `package`, and read staged ones.
    pub(crate) fn permit_staging(&self, package: &PackageName) -> bool {
        self.permission >= TokenPermission::StageOnly && self.is_for(package)
    }

    /// Returns whether the token may approve and reject staged versions. Approval is for people: it requires a token
    /// with all rights of its holder, as a session has. Tokens limited to some packages, to staging or to one build,
    /// and tokens that bypass the second factor, may not approve.
    pub(crate) fn permit_approval(&self) -> bool {
        self.permit_account_changes() && self.kind != TokenKind::TrustedPublishing
    }

    /// Returns whether the token may star `package`: it must permit writes to it, and not be a build's, since stars
    /// are for people.
    pub(crate) fn permit_star(&self, package: &PackageName) -> bool {
        self.permission == TokenPermission::ReadWrite
            && self.is_for(package)
            && self.kind != TokenKind::TrustedPublishing
    }

    /// Returns whether the token may read account data, such as the profile and tokens: it must not be limited to
    /// packages, and must have a permission other than `NoAccess`.
    pub(crate) fn permit_account_reads(&self) -> bool {
        self.permission > TokenPermission::NoAccess && self.packages.is_none()
    }

    /// Returns whether the token may change accounts and tokens: it must not be limited to packages, organizations or
    /// reading, and must not bypass the second factor.
    pub(crate) fn permit_account_changes(&self) -> bool {
        self.permission == TokenPermission::ReadWrite
            && self.packages.is_none()
            && self.organizations.is_none()
            && !self.bypass_two_factor
    }

    /// Returns whether the token has the permission `needed` on the organization `name`. A token that bypasses the
    /// second factor may not change any organization.
    pub(crate) fn permit_organization(&self, name: &GroupName, needed: OrganizationPermission) -> bool {
        let changes = needed > OrganizationPermission::ReadOnly;
        match &self.organizations {
            Some(organizations) => organizations.permit(name, needed) && !(changes && self.bypass_two_factor),
            None if changes => self.permit_account_changes(),
            None => self.permit_account_reads(),
        }
    }

    /// Returns whether the package is among those that the token is for.
    pub(crate) fn is_for(&self, package: &PackageName) -> bool {
        let name = package.as_str();
        self.packages.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(name)))
    }
}
