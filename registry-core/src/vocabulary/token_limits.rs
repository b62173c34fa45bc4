use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Action, PackagePattern};
use crate::domain::{GroupName, PackageName};

use super::{OrganizationPermission, TokenOrganizations};

/// What a token may be used for. Limits narrow what the token's holder may do and never widen it: whatever they keep
/// away is to the caller as it is to somebody who is not signed in.
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
    /// How the token came to be.
    #[serde(default)]
    pub kind: TokenKind,
    /// From when on it is good for nothing; `None` for a token that lasts until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<DateTime<Utc>>,
    /// What may be done to the packages below.
    #[serde(default)]
    pub permission: TokenPermission,
    /// The packages it is for, and nothing else; `None` for a token that is for all and whatever else its holder may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<Vec<PackagePattern>>,
    /// The organisations it is for. `None` leaves that to the other limits: all, for a token that may change accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizations: Option<TokenOrganizations>,
    /// The networks it may be used from; empty for all. Where a request comes from must then be known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<IpNet>,
    /// Whether writes with it need no one-time password. Such a token publishes, and changes neither owners nor
    /// accounts, and unpublishes nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bypass_two_factor: bool,
    /// Whom the token was exchanged for, where [`TokenKind::TrustedPublishing`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<TrustedPublisher>,
}

/// How a token came to be.
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
    /// In exchange for the identity of a build.
    TrustedPublishing,
}

impl TokenKind {
    /// Whether its holder sees it in the list of their tokens: one that somebody made to keep it.
    pub(crate) fn is_listed(self) -> bool {
        matches!(self, Self::Granular | Self::Operator)
    }
}

/// What a token's holder may do with it to the packages that it is for. A greater one permits more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenPermission {
    /// Nothing more than strangers may.
    NoAccess,
    /// See and install.
    ReadOnly,
    /// That, and stage versions for somebody to approve. Nothing else is changed.
    StageOnly,
    /// Whatever the holder may.
    #[default]
    ReadWrite,
}

/// The build that a token of trusted publishing was made for, for the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedPublisher {
    /// The id of the trust that it was made by. Where that is gone, the token is good for nothing.
    pub trust: String,
    /// What the registry calls the issuer, such as `github`.
    pub issuer_name: String,
    /// Who vouched for the build.
    pub issuer: String,
    /// What the issuer said of it, such as `repository`.
    pub claims: BTreeMap<String, String>,
}

impl TokenLimits {
    /// Whether the token is good for nothing any more.
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Whether the token may be used from `address`, which is `None` where it is not known.
    pub fn permit_address(&self, address: Option<IpAddr>) -> bool {
        self.networks.is_empty()
            || address
                .map(|address| address.to_canonical())
                .is_some_and(|address| self.networks.iter().any(|network| network.contains(&address)))
    }

    /// Whether the token may be used to do `action` to `package`.
    pub fn permit(&self, action: Action, package: &PackageName) -> bool {
        self.permit_anywhere(action) && self.is_for(package)
    }

    /// Whether the token may be used to do `action` to the packages that it is for.
    pub fn permit_anywhere(&self, action: Action) -> bool {
        let needed = match action {
            Action::Read => TokenPermission::ReadOnly,
            Action::Administer if self.bypass_two_factor => return false,
            Action::Publish | Action::Administer => TokenPermission::ReadWrite,
        };
        self.permission >= needed
    }

    /// Whether the token may be used to stage versions of `package`, and to see those that are staged.
    pub fn permit_staging(&self, package: &PackageName) -> bool {
        self.permission >= TokenPermission::StageOnly && self.is_for(package)
    }

    /// Whether the token may be used to approve and reject staged versions. That is for people: it takes a token that stands
    /// for its holder in everything, as the one of a login does, and not one that is limited to some packages, as builds have
    /// it, to staging, or to one build, or that spares its holder the second factor.
    pub fn permit_approval(&self) -> bool {
        self.permit_account_changes() && self.kind != TokenKind::TrustedPublishing
    }

    /// Whether the token may be used to star `package`: one that may write to it, and not that of a build, since stars are
    /// for people.
    pub fn permit_star(&self, package: &PackageName) -> bool {
        self.permission == TokenPermission::ReadWrite
            && self.is_for(package)
            && self.kind != TokenKind::TrustedPublishing
    }

    /// Whether the token may be used to see what belongs to an account, such as its profile and its tokens: only one that is limited to
    /// no packages and may do anything at all.
    pub fn permit_account_reads(&self) -> bool {
        self.permission > TokenPermission::NoAccess && self.packages.is_none()
    }

    /// Whether the token may be used to change accounts and tokens: only one that is limited to no packages, to no
    /// organisations and not to reading, and that stands for a second factor where one is asked for.
    pub fn permit_account_changes(&self) -> bool {
        self.permission == TokenPermission::ReadWrite
            && self.packages.is_none()
            && self.organizations.is_none()
            && !self.bypass_two_factor
    }

    /// Whether the token may be used to do to the organisation `name` what takes the permission `needed`. A token that
    /// spares its holder the second factor changes none.
    pub fn permit_organization(&self, name: &GroupName, needed: OrganizationPermission) -> bool {
        let changes = needed > OrganizationPermission::ReadOnly;
        match &self.organizations {
            Some(organizations) => organizations.permit(name, needed) && !(changes && self.bypass_two_factor),
            None if changes => self.permit_account_changes(),
            None => self.permit_account_reads(),
        }
    }

    /// Whether the package is among those that the token is for.
    pub fn is_for(&self, package: &PackageName) -> bool {
        let name = package.as_str();
        self.packages.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(name)))
    }
}
