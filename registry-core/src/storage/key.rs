mod escape;
mod folders;

use crate::domain::packument::PackumentForm;
use crate::domain::{GroupName, Integrity, PackageName, StageId, Version};

use super::{BlobPath, BlobPathError};
use escape::{escape_capitals, escape_segment};

/// The folder of the advisories of databases.
const ADVISORY_DUMPS: &str = "_advisories/dumps";
/// The folder of the counts of downloads.
const DOWNLOADS: &str = "_downloads";
/// The folder that records which packages have staged versions.
const STAGED_OF: &str = "_staged_of";
/// The folder that records which documents hold events.
const OUTBOXES: &str = "_outbox";
/// The folder that records which hooks a package, a scope or an owner has.
const HOOKS_AT: &str = "_hooks_at";
/// The folder that records which changes wait for hooks.
const HOOK_DELIVERIES: &str = "_hook_deliveries";

/// Every path in the store, and its content.
///
/// ```text
/// {name}/index.json                               the packument: the commit point, changed by compare-and-swap only
/// {name}/-/{sha512, 32 hex}/{base}-{version}.tgz  a tarball: content-addressed, never changed
/// {name}/-/{sha512, 32 hex}/attestations.json      the attestations of a version: content-addressed, never changed
/// {name}/{version}.tgz                            a tarball as codebox-npm wrote it, read only
/// _accounts/{account}.json                        a local account
/// _accounts/github/{login}.json                   the last answer of GitHub about an account
/// _accounts/openid/{name}.json                    the last answer of an OpenID Connect issuer about an account
/// _names/{lowercase name}.json                    the provider whose users own a name, which never changes
/// _tokens/{sha256, 64 hex}.json                   a registry token, under the hash of its secret
/// _tokens_of/{account}/{sha256, 64 hex}           marks a token of the account; the token decides
/// _orgs/{organization}.json                       an organization: members, teams, and grants to teams
/// _orgs_of/{account}/{organization}               marks an organization of the account; the organization decides
/// _two_factor/{account}.json                      the second factor of an account
/// _sessions/{expires}-{sha256, 64 hex}.json       a browser login in progress, until that second
/// _stars/{account}/{name}                         marks a star by the account; the packument decides
/// _trust/{name}.json                              the trusted publishers of the package
/// _spellings/{lowercase name}                     the package's spelling; no other one may begin under this name.
///                                                 Its second line, `stored`, says that index.json exists, or was lost
/// _spellings/_all_entered                         marks that the packages of an older store are entered there
/// _used_id_tokens/{expiry, yyyymmddhh}/{sha256, 64 hex} marks a build's token as exchanged
/// _upstream/{id}/{name}/{form}.json               a cached packument of an upstream, after a line of metadata
/// _upstream/{id}/{name}/-/{digest}/{base}-{version}.tgz a cached tarball of an upstream, verified
/// _search/{shard}.json                            a shard of the search index, derived from packuments
/// _stage/{id}.json                                a staged version; after the decision, only its identity
/// _stage/{id}.tgz                                 its tarball
/// _staged_of/{name}/{id}                          marks a staged version of the package; the packument decides
/// _policy/blocked.json                            the versions that administrators blocked
/// _advisories/record.json                         which advisories there are, signed
/// _advisories/dumps/{sha256, 64 hex}.gz           the advisories of a database; never changed
/// _changes/head.json                              the latest changes of the change feed
/// _changes/{number}.json                          128 older changes; never changed
/// _outbox/packages/{name}/{time}-{id}             marks a package whose packument holds events, or soon will
/// _outbox/organizations/{organization}/{time}-{id} the same for an organization
/// _outbox/policy/blocked/{time}-{id}              the same for the list of blocked versions
/// _deliveries/{sink}.json                         how far the delivery of changes to a sink has come
/// _hooks/{id}.json                                a hook of an account
/// _hooks_of/{account}/{id}                        marks a hook of the account; the hook decides
/// _hooks_at/{type}/{name}/{id}                    marks a hook for a package, a scope or an owner; the hook decides
/// _hook_states/{id}.json                          how the deliveries to a hook go
/// _hook_deliveries/{id}/{number}                  marks a change that waits for a hook
/// _log/{yyyy}/{mm}/{dd}/{first}-{last}-{id}.jsonl the events of a day, from the first time to the last
/// _downloads/days/{yyyy-mm-dd}/{process}-{number}.json what one process counted on a day; only it changes this
/// _downloads/months/{yyyy-mm}/{shard}.json        the downloads of a month, day by day, for the packages of a shard
/// _signing/keys.json                              the keys that the registry signs with, private halves included
/// _upstream/_ledger.json                          the size of the upstream cache
/// _upstream/_used/{id}                            the recent uses of blobs in it
/// _registry.json                                  the identity of the store: its format, and an id created once
/// _copy.json                                      in a copy of a store: which one it is a copy of, and whether it is complete
/// _probe/{id}                                     scratch space of the startup probe
/// ```
///
/// Names that begin with `_` cannot be npm names, so those folders belong to the registry. Capitals in names are
/// written as `=` and the lowercase letter, because some disks do not distinguish `A` from `a`; a packument that
/// codebox-npm wrote under a name with plain capitals is still found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Key<'a> {
    /// The packument of a package.
    Packument(&'a PackageName),
    /// The packument as codebox-npm wrote it: the same path, but with plain capitals.
    PlainPackument(&'a PackageName),
    /// The tarball of a version.
    Tarball(&'a PackageName, &'a Version, &'a Integrity),
    /// The attestations of a version, by the digest of the document.
    Attestations(&'a PackageName, &'a Integrity),
    /// The tarball of a version as codebox-npm wrote it.
    PlainTarball(&'a PackageName, &'a Version),
    /// A local account.
    Account(&'a str),
    /// The last answer of GitHub about an account, by the login in lowercase.
    GithubAccount(&'a str),
    /// The last answer of an OpenID Connect issuer about an account, by the name in lowercase.
    OpenIdAccount(&'a str),
    /// The owner of a name, by the name in lowercase.
    NameClaim(&'a str),
    /// A registry token, by the lowercase hex SHA-256 of its secret.
    Token(&'a str),
    /// Records that the account of this name holds the token of this hash.
    TokenOf(&'a str, &'a str),
    /// An organization.
    Organization(&'a GroupName),
    /// Records that an account is, or was, in an organization.
    OrganizationOf(&'a str, &'a GroupName),
    /// The second factor of an account.
    TwoFactor(&'a str),
    /// A login in a browser, by the second (since 1970) when it expires and the lowercase hex SHA-256 of its id.
    Session(i64, &'a str),
    /// Records that an account starred a package.
    Star(&'a str, &'a PackageName),
    /// The trusted publishers of a package.
    Trust(&'a PackageName),
    /// The spelling of the only package that may begin under this name, regardless of the capitals given here.
    Spelling(&'a PackageName),
    /// Records that the packages of a store older than [`Key::Spelling`] have their spellings entered.
    SpellingsEntered,
    /// Records that the token of a build was exchanged: the hour in which it expires, and its hash.
    UsedIdToken(&'a str, &'a str),
    /// A packument of an upstream.
    UpstreamPackument(&'a str, &'a PackageName, PackumentForm),
    /// A tarball of an upstream, by the hex of the digest that its packument gives.
    UpstreamTarball(&'a str, &'a PackageName, &'a Version, &'a str),
    /// A shard of the search index.
    SearchShard(u8),
    /// A staged version.
    Stage(StageId),
    /// The tarball of a staged version.
    StageTarball(StageId),
    /// Records that a package has, or had, that staged version.
    StagedOf(&'a PackageName, StageId),
    /// A batch of the audit log: its day, as `2026/01/02`, and its name within that day.
    AuditLog(&'a str, &'a str),
    /// The versions that administrators blocked.
    BlockedVersions,
    /// Which advisories there are.
    AdvisoryRecord,
    /// The advisories of a database, by the hex of their digest.
    AdvisoryDump(&'a str),
    /// The latest changes.
    ChangeHead,
    /// A segment of older changes, by its number.
    ChangeSegment(u64),
    /// Records that the packument of a package holds events, or soon will: when the commit began, in milliseconds
    /// since 1970, and the id of its first event.
    OutboxOfPackage(&'a PackageName, i64, &'a str),
    /// Records that an organization holds events, or soon will.
    OutboxOfOrganization(&'a GroupName, i64, &'a str),
    /// Records that the list of blocked versions holds events, or soon will.
    OutboxOfBlockedVersions(i64, &'a str),
    /// How far the delivery of changes to a sink has come.
    Delivery(&'a str),
    /// A hook, by its id.
    Hook(&'a str),
    /// Records that an account has the hook of this id.
    HookOf(&'a str, &'a str),
    /// Records that the hook of this id is for a target: its type and its name.
    HookAt(&'a str, &'a str, &'a str),
    /// How the deliveries to a hook go.
    HookState(&'a str),
    /// Records that the change of this number waits for a hook.
    HookDelivery(&'a str, u64),
    /// What a process counted on a day: the day, as `2026-01-02`, and the id of the object.
    DownloadDay(&'a str, &'a str),
    /// The downloads of a month, as `2026-01`, for the packages of a shard.
    DownloadMonth(&'a str, usize),
    /// The keys that the registry signs with.
    SigningKeys,
    /// Says that keys were made, so that lost ones are missed.
    SigningBegan,
    /// The size of the upstream cache.
    UpstreamLedger,
    /// A batch of marks of recently used blobs in the upstream cache.
    UpstreamUses(&'a str),
    /// The marker that distinguishes this store from every other, and from an empty one.
    Marker,
    /// What a copy of a store says about itself.
    CopyRecord,
    /// A scratch blob of the startup probe.
    Probe(&'a str),
}

impl Key<'_> {
    /// Returns the path. Fails only if a name is longer than a store can hold.
    pub fn path(&self) -> Result<BlobPath, BlobPathError> {
        BlobPath::parse(&match self {
            Self::Packument(name) => format!("{}/index.json", escape_capitals(name.as_str())),
            Self::PlainPackument(name) => format!("{name}/index.json"),
            Self::Tarball(name, version, integrity) => format!(
                "{}/-/{}/{}-{version}.tgz",
                escape_capitals(name.as_str()),
                const_hex::encode(&integrity.sha512()[..16]),
                escape_capitals(name.base()),
            ),
            Self::Attestations(name, integrity) => format!(
                "{}/-/{}/attestations.json",
                escape_capitals(name.as_str()),
                const_hex::encode(&integrity.sha512()[..16]),
            ),
            Self::PlainTarball(name, version) => format!("{name}/{version}.tgz"),
            Self::Account(account) => format!("_accounts/{}.json", escape_segment(account)),
            Self::GithubAccount(login) => format!("_accounts/github/{}.json", escape_segment(login)),
            Self::OpenIdAccount(name) => format!("_accounts/openid/{}.json", escape_segment(name)),
            Self::NameClaim(name) => format!("_names/{}.json", escape_segment(name)),
            Self::Token(hash) => format!("_tokens/{hash}.json"),
            Self::TokenOf(holder, hash) => format!("_tokens_of/{}/{hash}", escape_segment(holder)),
            Self::Organization(name) => format!("_orgs/{name}.json"),
            Self::OrganizationOf(account, name) => format!("_orgs_of/{}/{name}", escape_segment(account)),
            Self::TwoFactor(account) => format!("_two_factor/{}.json", escape_segment(account)),
            Self::Session(expires, hash) => format!("_sessions/{expires}-{hash}.json"),
            Self::Star(account, name) => {
                format!("_stars/{}/{}", escape_segment(account), escape_segment(name.as_str()))
            }
            Self::Trust(name) => format!("_trust/{}.json", escape_segment(name.as_str())),
            Self::Spelling(name) => format!("_spellings/{}", name.folded()),
            Self::SpellingsEntered => "_spellings/_all_entered".to_owned(),
            Self::UsedIdToken(hour, hash) => format!("_used_id_tokens/{hour}/{hash}"),
            Self::UpstreamPackument(upstream, name, form) => {
                let form = match form {
                    PackumentForm::Full => "full",
                    PackumentForm::Abbreviated => "abbreviated",
                };
                format!(
                    "_upstream/{}/{}/{form}.json",
                    escape_segment(upstream),
                    escape_capitals(name.as_str())
                )
            }
            Self::UpstreamTarball(upstream, name, version, digest) => format!(
                "_upstream/{}/{}/-/{digest}/{}-{version}.tgz",
                escape_segment(upstream),
                escape_capitals(name.as_str()),
                escape_capitals(name.base()),
            ),
            Self::SearchShard(shard) => format!("_search/{shard:02x}.json"),
            Self::Stage(id) => format!("_stage/{id}.json"),
            Self::StageTarball(id) => format!("_stage/{id}.tgz"),
            Self::StagedOf(name, id) => format!("{STAGED_OF}/{}/{id}", escape_capitals(name.as_str())),
            Self::AuditLog(day, name) => format!("_log/{day}/{name}.jsonl"),
            Self::BlockedVersions => "_policy/blocked.json".to_owned(),
            Self::AdvisoryRecord => "_advisories/record.json".to_owned(),
            Self::AdvisoryDump(digest) => format!("{ADVISORY_DUMPS}/{digest}.gz"),
            Self::ChangeHead => "_changes/head.json".to_owned(),
            Self::ChangeSegment(number) => format!("_changes/{number:012}.json"),
            Self::OutboxOfPackage(name, began, id) => {
                format!("{OUTBOXES}/packages/{}/{began}-{id}", escape_capitals(name.as_str()))
            }
            Self::OutboxOfOrganization(name, began, id) => {
                format!("{OUTBOXES}/organizations/{name}/{began}-{id}")
            }
            Self::OutboxOfBlockedVersions(began, id) => format!("{OUTBOXES}/policy/blocked/{began}-{id}"),
            Self::Delivery(sink) => format!("_deliveries/{}.json", escape_segment(sink)),
            Self::Hook(id) => format!("_hooks/{id}.json"),
            Self::HookOf(account, id) => format!("_hooks_of/{}/{id}", escape_segment(account)),
            Self::HookAt(sort, name, id) => format!("{HOOKS_AT}/{sort}/{}/{id}", escape_segment(name)),
            Self::HookState(id) => format!("_hook_states/{id}.json"),
            Self::HookDelivery(id, seq) => format!("{HOOK_DELIVERIES}/{id}/{seq:020}"),
            Self::DownloadDay(day, id) => format!("{DOWNLOADS}/days/{day}/{id}.json"),
            Self::DownloadMonth(month, shard) => format!("{DOWNLOADS}/months/{month}/{shard:02}.json"),
            Self::SigningKeys => "_signing/keys.json".to_owned(),
            Self::SigningBegan => "_signing/began".to_owned(),
            Self::UpstreamLedger => "_upstream/_ledger.json".to_owned(),
            Self::UpstreamUses(id) => format!("_upstream/_used/{id}"),
            Self::Marker => "_registry.json".to_owned(),
            Self::CopyRecord => "_copy.json".to_owned(),
            Self::Probe(id) => format!("_probe/{id}"),
        })
    }
}
