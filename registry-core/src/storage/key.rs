use crate::domain::packument::PackumentForm;
use crate::domain::{GroupName, Integrity, PackageName, StageId, Version};

use super::{BlobPath, BlobPathError, BlobPrefix};

/// The folder that records which packages have staged versions.
const STAGED_OF: &str = "_staged_of";
/// The folder that records which documents hold events.
const OUTBOXES: &str = "_outbox";

/// Every path in the store, and its content.
///
/// ```text
/// {name}/index.json                               the packument: the commit point, changed by compare-and-swap only
/// {name}/-/{sha512, 32 hex}/{base}-{version}.tgz  a tarball: content-addressed, never changed
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
/// _changes/head.json                              the latest changes of the change feed
/// _changes/{number}.json                          128 older changes; never changed
/// _outbox/packages/{name}/{time}-{id}             marks a package whose packument holds events, or soon will
/// _outbox/organizations/{organization}/{time}-{id} the same for an organization
/// _deliveries/{sink}.json                         how far the delivery of changes to a sink has come
/// _log/{yyyy}/{mm}/{dd}/{first}-{last}-{id}.jsonl the events of a day, from the first time to the last
/// _upstream/_ledger.json                          the size of the upstream cache
/// _upstream/_used/{id}                            the recent uses of blobs in it
/// _registry.json                                  the identity of the store: its format, and an id created once
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
    /// The latest changes.
    ChangeHead,
    /// A segment of older changes, by its number.
    ChangeSegment(u64),
    /// Records that the packument of a package holds events, or soon will: when the commit began, in milliseconds
    /// since 1970, and the id of its first event.
    OutboxOfPackage(&'a PackageName, i64, &'a str),
    /// Records that an organization holds events, or soon will.
    OutboxOfOrganization(&'a GroupName, i64, &'a str),
    /// How far the delivery of changes to a sink has come.
    Delivery(&'a str),
    /// The size of the upstream cache.
    UpstreamLedger,
    /// A batch of marks of recently used blobs in the upstream cache.
    UpstreamUses(&'a str),
    /// The marker that distinguishes this store from every other, and from an empty one.
    Marker,
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
            Self::ChangeHead => "_changes/head.json".to_owned(),
            Self::ChangeSegment(number) => format!("_changes/{number:012}.json"),
            Self::OutboxOfPackage(name, began, id) => {
                format!("{OUTBOXES}/packages/{}/{began}-{id}", escape_capitals(name.as_str()))
            }
            Self::OutboxOfOrganization(name, began, id) => {
                format!("{OUTBOXES}/organizations/{name}/{began}-{id}")
            }
            Self::Delivery(sink) => format!("_deliveries/{}.json", escape_segment(sink)),
            Self::UpstreamLedger => "_upstream/_ledger.json".to_owned(),
            Self::UpstreamUses(id) => format!("_upstream/_used/{id}"),
            Self::Marker => "_registry.json".to_owned(),
            Self::Probe(id) => format!("_probe/{id}"),
        })
    }

    /// The folder of all local accounts, and of the last answers of other providers below it.
    pub fn accounts() -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse("_accounts").map(BlobPrefix::folder)
    }

    /// Returns the local account that is stored at `path`; `None` for any other path.
    pub fn account_at(path: &BlobPath) -> Option<String> {
        unescape_segment(path.as_str().strip_prefix("_accounts/")?.strip_suffix(".json")?)
    }

    /// The folder of all owned names.
    pub fn name_claims() -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse("_names").map(BlobPrefix::folder)
    }

    /// The folder of all tokens.
    pub fn tokens() -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse("_tokens").map(BlobPrefix::folder)
    }

    /// The folder that records which accounts hold which tokens.
    pub fn token_holders() -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse("_tokens_of").map(BlobPrefix::folder)
    }

    /// The folder of the scratch blobs of probes.
    pub fn probes() -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse("_probe").map(BlobPrefix::folder)
    }

    /// The folder of all spellings.
    pub fn spellings() -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse("_spellings").map(BlobPrefix::folder)
    }

    /// The folder of all staged versions.
    pub fn stages() -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse("_stage").map(BlobPrefix::folder)
    }

    /// The folders of a package: its own, and that of codebox-npm, which is the same for a name without capitals.
    pub fn package_folders(name: &PackageName) -> Result<Vec<BlobPrefix>, BlobPathError> {
        let mut folders = vec![escape_capitals(name.as_str())];
        if folders[0] != name.as_str() {
            folders.push(name.to_string());
        }
        folders.iter().map(|folder| BlobPath::parse(folder).map(BlobPrefix::folder)).collect()
    }

    /// The folder of all tokens that an account holds.
    pub(crate) fn tokens_of(holder: &str) -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse(&format!("_tokens_of/{}", escape_segment(holder))).map(BlobPrefix::folder)
    }

    /// The folder that records which packages have staged versions.
    pub(crate) fn staged_of() -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse(STAGED_OF).map(BlobPrefix::folder)
    }

    /// Returns the package of the staged version recorded at `path`.
    pub fn package_of_staged(path: &BlobPath) -> Option<PackageName> {
        let (folder, _) = path.as_str().strip_prefix(STAGED_OF)?.strip_prefix('/')?.rsplit_once('/')?;
        Self::package_of_folder(folder)
    }

    /// The folder of all organizations that an account is, or was, in.
    pub(crate) fn organizations_of(account: &str) -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse(&format!("_orgs_of/{}", escape_segment(account))).map(BlobPrefix::folder)
    }

    /// The folder of all organizations.
    pub fn organizations() -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse("_orgs").map(BlobPrefix::folder)
    }

    /// The folder of exchanged build tokens: all of them, or those that expire in an hour.
    pub(crate) fn used_id_tokens(hour: Option<&str>) -> Result<BlobPrefix, BlobPathError> {
        let folder =
            hour.map_or_else(|| "_used_id_tokens".to_owned(), |hour| format!("_used_id_tokens/{hour}"));
        BlobPath::parse(&folder).map(BlobPrefix::folder)
    }

    /// A folder of the audit log: all of it, or one year, month or day, such as `2026/01`.
    pub(crate) fn audit_log_of(span: Option<&str>) -> Result<BlobPrefix, BlobPathError> {
        let folder = span.map_or_else(|| "_log".to_owned(), |span| format!("_log/{span}"));
        BlobPath::parse(&folder).map(BlobPrefix::folder)
    }

    /// The folder of the markers of all documents that hold events.
    pub fn outboxes() -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse(OUTBOXES).map(BlobPrefix::folder)
    }

    /// The folder of the states of all deliveries.
    pub fn deliveries() -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse("_deliveries").map(BlobPrefix::folder)
    }

    /// The folder of all logins in browsers, which are listed in the order of their expiry.
    pub fn sessions() -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse("_sessions").map(BlobPrefix::folder)
    }

    /// The folder of the upstream cache.
    pub fn upstreams() -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse("_upstream").map(BlobPrefix::folder)
    }

    /// The folder of all batches of marks of recently used blobs in the upstream cache.
    pub(crate) fn upstream_uses() -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse("_upstream/_used").map(BlobPrefix::folder)
    }

    /// The folder of all stars of an account.
    pub(crate) fn stars_of(account: &str) -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse(&format!("_stars/{}", escape_segment(account))).map(BlobPrefix::folder)
    }
}

impl Key<'_> {
    /// Returns the package that a folder may belong to, given as a path from the root: `left-pad`, `@acme/=j=s=o=n`.
    /// The folder may also be one of codebox-npm, with plain capitals.
    pub fn package_of_folder(folder: &str) -> Option<PackageName> {
        let mut name = String::with_capacity(folder.len());
        let mut characters = folder.chars();
        while let Some(character) = characters.next() {
            name.push(match character {
                '=' => characters.next().filter(char::is_ascii_lowercase)?.to_ascii_uppercase(),
                other => other,
            });
        }
        PackageName::parse(&name).ok()
    }
}

/// Escapes a capital as `=` and the lowercase letter. No package name contains a `=`.
fn escape_capitals(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            escaped.push('=');
        }
        escaped.push(character.to_ascii_lowercase());
    }
    escaped
}

/// Escapes any text as one segment: all but lowercase letters, digits, `-` and inner `.` become `=` and two hex digits.
fn escape_segment(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' => escaped.push(char::from(byte)),
            b'.' if at > 0 => escaped.push('.'),
            _ => {
                escaped.push('=');
                escaped.push_str(&const_hex::encode([byte]));
            }
        }
    }
    escaped
}

/// Reverses [`escape_segment`]; `None` for more than one segment, and for what it never writes.
fn unescape_segment(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut parts = segment.split('=');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let (byte, rest) = part.split_at_checked(2)?;
        bytes.extend(const_hex::decode(byte).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('/') && escape_segment(text) == segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_its_local_account() {
        for name in ["ana", "ana_b", "a.b-c", "7"] {
            assert_eq!(Key::account_at(&Key::Account(name).path().unwrap()).as_deref(), Some(name));
        }
        for other in
            [Key::GithubAccount("ana"), Key::OpenIdAccount("ana"), Key::NameClaim("ana"), Key::Marker]
        {
            assert_eq!(Key::account_at(&other.path().unwrap()), None);
        }
    }
}
