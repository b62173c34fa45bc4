//! The only mapping from errors of operations to status codes, one function for each capability.

use http::StatusCode;

use crate::Error;
use crate::auth::AuthError;
use crate::domain::TarballError;
use crate::domain::provenance::ProvenanceError;
use crate::domain::publication::PublishError;
use crate::error::{
    AccountError, HookError, LoginError, NewPackageError, OrganizationError, PackageError, PermissionError,
    PolicyError, ProxyError, RequestError, StageError, TrustError,
};
use crate::storage::{BlobError, StorageError};
use crate::upstream::UpstreamError;

pub(super) fn operation_status(error: &Error) -> StatusCode {
    match error {
        Error::Shared(error) => operation_status(error),
        Error::Challenge(_) => StatusCode::UNAUTHORIZED,
        Error::Request(error) => request_status(error),
        Error::Login(error) => login_status(error),
        Error::Account(error) => account_status(error),
        Error::Trust(error) => trust_status(error),
        Error::Permission(error) => permission_status(error),
        Error::Package(error) => package_status(error),
        Error::NewPackage(error) => new_package_status(error),
        Error::Stage(error) => stage_status(error),
        Error::Organization(error) => organization_status(error),
        Error::Hook(error) => hook_status(error),
        Error::Policy(error) => policy_status(error),
        Error::Proxy(error) => proxy_status(error),
        Error::Storage(error) => storage_status(error),
        Error::Auth(AuthError::Unacceptable { .. }) => StatusCode::BAD_REQUEST,
        Error::Busy
        | Error::EventsBehind
        | Error::Signer(_)
        | Error::Store(BlobError::Unavailable { .. })
        | Error::Auth(AuthError::Unavailable { .. }) => StatusCode::SERVICE_UNAVAILABLE,
        // A retry would not help.
        Error::Store(_) | Error::Damaged(_) | Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn request_status(error: &RequestError) -> StatusCode {
    match error {
        RequestError::Publish(error) => publish_status(error),
        RequestError::Limit(_) | RequestError::TooLarge { .. } | RequestError::PublishTooLarge { .. } => {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        RequestError::ForeignOrigin => StatusCode::FORBIDDEN,
        RequestError::NoChangeFeed | RequestError::NoDownloads => StatusCode::NOT_FOUND,
        RequestError::ChangesGone { .. } => StatusCode::GONE,
        RequestError::RequestLoop => StatusCode::LOOP_DETECTED,
        RequestError::Name(_)
        | RequestError::Version(_)
        | RequestError::Tag(_)
        | RequestError::GroupName(_)
        | RequestError::DownloadPeriod(_)
        | RequestError::Request { .. }
        | RequestError::SearchTextMissing => StatusCode::BAD_REQUEST,
    }
}

fn publish_status(error: &PublishError) -> StatusCode {
    match error {
        PublishError::Limit(_)
        | PublishError::Tarball(
            TarballError::UnpackedTooLarge { .. } | TarballError::TooManyEntries { .. },
        )
        | PublishError::Provenance(ProvenanceError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
        PublishError::Provenance(error) => provenance_status(error),
        _ => StatusCode::BAD_REQUEST,
    }
}

fn provenance_status(error: &ProvenanceError) -> StatusCode {
    match error {
        ProvenanceError::Unsupported
        | ProvenanceError::Count { .. }
        | ProvenanceError::MediaType { .. }
        | ProvenanceError::Malformed { .. } => StatusCode::BAD_REQUEST,
        ProvenanceError::Required { .. }
        | ProvenanceError::OtherBuild { .. }
        | ProvenanceError::Unverifiable { .. } => StatusCode::FORBIDDEN,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

fn login_status(error: &LoginError) -> StatusCode {
    match error {
        LoginError::NoSignUp | LoginError::NameTaken => StatusCode::BAD_REQUEST,
        LoginError::InvalidCredential
        | LoginError::TokenExpired { .. }
        | LoginError::AddressNotPermitted
        | LoginError::WrongPassword
        | LoginError::WrongPasswordOrNoAccount { .. }
        | LoginError::WrongPasswordForAnyAccount { .. }
        | LoginError::WebLoginRejected { .. }
        | LoginError::WrongOwnPassword
        | LoginError::WrongOneTimePassword => StatusCode::UNAUTHORIZED,
        // With 400 npm reports an unknown user, with 401 a bad token, and neither shows the reason.
        LoginError::Rejected { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        LoginError::TooManyFailures { .. }
        | LoginError::TooManySignUps { .. }
        | LoginError::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
        LoginError::WebLoginElsewhere
        | LoginError::WebLoginForm
        | LoginError::NameElsewhere { .. }
        | LoginError::NameDisputed { .. }
        | LoginError::NameReserved { .. }
        | LoginError::ConfusingName { .. } => StatusCode::FORBIDDEN,
        LoginError::WebLoginOff | LoginError::WebLoginGone => StatusCode::NOT_FOUND,
    }
}

fn account_status(error: &AccountError) -> StatusCode {
    match error {
        AccountError::TokenForbidsAccount
        | AccountError::AccountNotOurs
        | AccountError::ManagedElsewhere { .. }
        | AccountError::TokenWithoutTwoFactor { .. }
        | AccountError::NoTwoFactor { .. }
        | AccountError::NoTwoFactorToRequire { .. } => StatusCode::FORBIDDEN,
        AccountError::NotFound { .. }
        | AccountError::TokenNotFound
        | AccountError::NoSuchToken
        | AccountError::NoSuchProvider { .. }
        | AccountError::NoneAdded => StatusCode::NOT_FOUND,
    }
}

fn hook_status(error: &HookError) -> StatusCode {
    match error {
        HookError::Off | HookError::NotFound => StatusCode::NOT_FOUND,
        HookError::TooMany { .. } => StatusCode::FORBIDDEN,
    }
}

fn trust_status(error: &TrustError) -> StatusCode {
    match error {
        TrustError::IdToken { .. } | TrustError::NotTrusted { .. } => StatusCode::UNAUTHORIZED,
        TrustError::NotFound { .. } => StatusCode::NOT_FOUND,
        TrustError::Exists { .. } => StatusCode::CONFLICT,
    }
}

fn permission_status(error: &PermissionError) -> StatusCode {
    match error {
        PermissionError::AuthenticationRequired => StatusCode::UNAUTHORIZED,
        PermissionError::Forbidden { .. }
        | PermissionError::DeniedByRule { .. }
        | PermissionError::TokenForbids { .. }
        | PermissionError::TokenForbidsStar { .. }
        | PermissionError::TokenForbidsApproval => StatusCode::FORBIDDEN,
        PermissionError::Hidden { .. } => StatusCode::NOT_FOUND,
    }
}

fn package_status(error: &PackageError) -> StatusCode {
    match error {
        PackageError::ShrinkwrapOrigin { .. } | PackageError::LatestTag | PackageError::LastOwner { .. } => {
            StatusCode::BAD_REQUEST
        }
        PackageError::VersionTaken { .. } | PackageError::VersionStaged { .. } => StatusCode::FORBIDDEN,
        PackageError::NotFound(_)
        | PackageError::Unpublished { .. }
        | PackageError::VersionNotFound { .. }
        | PackageError::TagNotFound { .. }
        | PackageError::NotAnOwner { .. } => StatusCode::NOT_FOUND,
        PackageError::StaleRevision => StatusCode::CONFLICT,
    }
}

fn new_package_status(error: &NewPackageError) -> StatusCode {
    match error {
        NewPackageError::NameNotForNew { .. } => StatusCode::BAD_REQUEST,
        NewPackageError::NameTakenUpstream { .. }
        | NewPackageError::NotHostedHere { .. }
        | NewPackageError::NameInOtherCapitals { .. }
        | NewPackageError::NameInOtherCapitalsUpstream { .. } => StatusCode::FORBIDDEN,
        NewPackageError::NameUnchecked { .. } => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn stage_status(error: &StageError) -> StatusCode {
    match error {
        StageError::NotFound { .. } => StatusCode::NOT_FOUND,
        StageError::Approved { .. }
        | StageError::StagedPackageUnpublished { .. }
        | StageError::ApprovedUnpublished { .. } => StatusCode::CONFLICT,
    }
}

fn organization_status(error: &OrganizationError) -> StatusCode {
    match error {
        OrganizationError::LastOrganizationOwner { .. } | OrganizationError::DevelopersTeam { .. } => {
            StatusCode::BAD_REQUEST
        }
        OrganizationError::TokenForbidsOrganization { .. } | OrganizationError::RoleForbids { .. } => {
            StatusCode::FORBIDDEN
        }
        OrganizationError::NotFound { .. }
        | OrganizationError::TeamNotFound { .. }
        | OrganizationError::NotAMember { .. }
        | OrganizationError::NotInTeam { .. }
        | OrganizationError::NotGranted { .. } => StatusCode::NOT_FOUND,
    }
}

fn policy_status(error: &PolicyError) -> StatusCode {
    match error {
        PolicyError::Refused { .. }
        | PolicyError::SimilarName { .. }
        | PolicyError::NothingAllowed { .. }
        | PolicyError::NotAnAdministrator { .. } => StatusCode::FORBIDDEN,
        PolicyError::ListUnreadable { .. }
        | PolicyError::FileUnreadable
        | PolicyError::AdvisoriesMissing
        | PolicyError::AdvisoriesUnreadable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        PolicyError::ListOff
        | PolicyError::NotBlocked { .. }
        | PolicyError::NotRecalled { .. }
        | PolicyError::NoSuchAdvisory { .. } => StatusCode::NOT_FOUND,
    }
}

fn proxy_status(error: &ProxyError) -> StatusCode {
    match error {
        ProxyError::TarballTooLarge { .. }
        | ProxyError::NoAdvisories { source: UpstreamError::Refused { .. }, .. }
        | ProxyError::ComesFromUpstream { .. } => StatusCode::FORBIDDEN,
        ProxyError::NoKeys | ProxyError::NoAudits { .. } | ProxyError::NoAttestations { .. } => {
            StatusCode::NOT_FOUND
        }
        ProxyError::PublishedMeanwhile { .. } => StatusCode::SERVICE_UNAVAILABLE,
        ProxyError::Upstream(error) | ProxyError::NoAdvisories { source: error, .. } => {
            upstream_status(error)
        }
    }
}

fn upstream_status(error: &UpstreamError) -> StatusCode {
    match error {
        UpstreamError::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        UpstreamError::Loop { .. } => StatusCode::LOOP_DETECTED,
        // A retry would not help, and clients retry a 5xx for more than a minute. With 401 and 403, they tell their users to
        // sign in here.
        UpstreamError::Refused { .. } => StatusCode::FAILED_DEPENDENCY,
        _ => StatusCode::BAD_GATEWAY,
    }
}

fn storage_status(error: &StorageError) -> StatusCode {
    match error.root() {
        // A retry would not help.
        StorageError::Blob(BlobError::Refused { .. } | BlobError::Stream { .. }) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}
