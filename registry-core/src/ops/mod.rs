//! The operations of a registry, one a file. An operation takes a typed request on behalf of a
//! [`Caller`](crate::auth::Caller) and knows neither HTTP nor any particular backend.
//!
//! ```
//! use std::sync::Arc;
//! use registry_core::{Error, Registry, auth::Caller, blob::ObjectStoreBlobs, domain::PackageName};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let registry = Registry::builder(Arc::new(ObjectStoreBlobs::in_memory())).open_to_everyone().build();
//! let pear = PackageName::parse("pear").unwrap();
//! let answer = registry.dist_tags(&Caller::anonymous(), &pear).await;
//! assert!(matches!(answer, Err(Error::PackageNotFound(_))));
//! # });
//! ```

mod abuse;
mod account;
mod attestations;
mod audit;
mod authorize;
mod commit;
mod deprecate;
mod derived_cache;
mod dist_tags;
mod document_change;
mod foreign_change;
mod identify;
mod keys;
mod known_bases;
mod login;
mod manifest;
mod names;
mod operator;
mod organizations;
mod outline;
mod owners;
mod package_access;
mod packument;
mod publish;
mod read_index;
mod search;
mod spelling;
mod stage;
mod star;
mod summary;
mod tarball;
mod tarball_redirect;
mod tokens;
mod trust;
mod two_factor;
mod unpublish;
mod upstream;
mod users;
mod web_login;

pub(crate) use abuse::{Abuse, Refused};
pub(crate) use keys::KeptKeys;
pub(crate) use known_bases::{KnownBases, RenderedBase};
pub(crate) use names::NameClaim;
pub(crate) use packument::ReadCaches;
pub(crate) use search::SearchParts;
pub(crate) use star::STAR;
pub(crate) use tokens::TokenCache;
pub(crate) use upstream::{Kept, NamedUpstream, UpstreamParts};
pub(crate) use web_login::{
    PageStep, PollAnswer, Purpose, SessionToken, WebLoginPage, WebLogins, is_secret, new_secret,
};

pub use account::OwnProfile;
pub use audit::{Advisories, AuditFallback, AuditTree, AuditedPackages};
pub use document_change::ChangeDocument;
pub(crate) use document_change::seen_revision;
pub use login::Session;
pub use organizations::{GrantedPackages, OrganizationCreation, OrganizationMember, OrganizationSettings};
pub use outline::{Outline, OutlinedRule};
pub use package_access::{Collaborator, PackageAccessChange};
pub use packument::Representation;
pub use publish::Published;
pub use search::{HostedHit, SearchHit, SearchPage, SearchQuery, SearchSettings};
pub use stage::StagedItem;
pub use tarball::{FoundTarball, TarballRange};
pub use tarball_redirect::TarballRedirect;
pub use tokens::{MadeToken, NewToken, TokenHolder, TokenInfo, TokenOptions, TokenRequest};
pub use trust::{
    ExchangedToken, Trust, TrustBy, TrustPermission, TrustRequest, TrustedIssuer, TrustedPublishing,
};
pub(crate) use two_factor::one_time_password;
pub use two_factor::{TwoFactorChanged, TwoFactorMode, TwoFactorState};
pub use upstream::{TrimmedUpstreamCache, UpstreamFreshness, UpstreamOptions};
