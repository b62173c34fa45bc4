//! Types shared by access rules, providers, events and routes: a [`Caller`] is a [`Principal`] with the limits of its
//! credential, and requests an [`Action`].
//!
//! ```
//! use registry_core::auth::{Caller, Principal};
//! assert_eq!(Caller::from(Principal::user("ana")).name(), Some("ana"));
//! assert_eq!(Caller::anonymous().name(), None);
//! ```

mod action;
mod bulk_mode;
mod credential;
mod memberships;
mod organization_action;
mod package_pattern;
mod principal;
mod recall_cause;
mod request_origin;
mod requested_action;
mod team_permission;
mod token_hash;
mod token_limits;
mod token_organizations;
mod version_selector;
mod version_signer;
mod via;

pub use action::{Action, Verdict};
pub use bulk_mode::BulkMode;
pub use credential::Credential;
pub use memberships::Memberships;
pub use organization_action::OrganizationAction;
pub use package_pattern::{PackagePattern, PatternError};
pub use principal::{Caller, Principal, PrincipalKind};
pub(crate) use principal::{PresentedCredential, is_confusing_name, is_usual_name};
pub use recall_cause::RecallCause;
pub(crate) use request_origin::RequestOrigin;
pub(crate) use requested_action::RequestedAction;
pub use team_permission::TeamPermission;
pub(crate) use token_hash::TokenHash;
pub use token_limits::{TokenKind, TokenLimits, TokenPermission, TrustedPublisher};
pub use token_organizations::{OrganizationPermission, TokenOrganizations};
pub(crate) use version_selector::split as split_selector;
pub use version_selector::{VersionSelector, VersionSelectorError};
pub use version_signer::{ListedKey, SignerError, VersionSigner};
pub use via::Via;

/// A boxed error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
