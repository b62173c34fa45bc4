#[cfg(feature = "hooks")]
use super::escape::unescape_text;
use super::escape::{escape_capitals, escape_segment, unescape_segment};
use super::{ADVISORY_DUMPS, DOWNLOADS, Key, OUTBOXES, STAGED_OF};
#[cfg(feature = "hooks")]
use super::{HOOK_DELIVERIES, HOOKS_AT};
use crate::domain::packument::TarballLocation;
use crate::domain::{PackageName, Version};
use crate::storage::{BlobPath, BlobPathError, BlobPrefix};

impl Key<'_> {
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

    /// The folder of what processes counted on each day.
    pub(crate) fn download_days() -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse(&format!("{DOWNLOADS}/days")).map(BlobPrefix::folder)
    }

    /// The folder of the downloads of each month.
    pub(crate) fn download_months() -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse(&format!("{DOWNLOADS}/months")).map(BlobPrefix::folder)
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

    /// The folder of the advisories of databases.
    pub(crate) fn advisory_dumps() -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse(ADVISORY_DUMPS).map(BlobPrefix::folder)
    }

    /// The folder of all stars of an account.
    pub(crate) fn stars_of(account: &str) -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse(&format!("_stars/{}", escape_segment(account))).map(BlobPrefix::folder)
    }

    /// The folder of all hooks of an account.
    #[cfg(feature = "hooks")]
    pub(crate) fn hooks_of(account: &str) -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse(&format!("_hooks_of/{}", escape_segment(account))).map(BlobPrefix::folder)
    }

    /// The folder that records which hooks a package, a scope or an owner has.
    #[cfg(feature = "hooks")]
    pub(crate) fn hook_targets() -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse(HOOKS_AT).map(BlobPrefix::folder)
    }

    /// Returns type, name and id of the hook recorded at `path`.
    #[cfg(feature = "hooks")]
    pub(crate) fn hook_at(path: &BlobPath) -> Option<(String, String, String)> {
        let (target, id) = path.as_str().strip_prefix(HOOKS_AT)?.strip_prefix('/')?.rsplit_once('/')?;
        let (sort, name) = target.split_once('/')?;
        Some((sort.to_owned(), unescape_text(name)?, id.to_owned()))
    }

    /// The folder that records which changes wait for hooks.
    #[cfg(feature = "hooks")]
    pub(crate) fn hook_deliveries() -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse(HOOK_DELIVERIES).map(BlobPrefix::folder)
    }

    /// The folder that records which changes wait for a hook.
    #[cfg(feature = "hooks")]
    pub(crate) fn hook_deliveries_to(id: &str) -> Result<BlobPrefix, BlobPathError> {
        BlobPath::parse(&format!("{HOOK_DELIVERIES}/{id}")).map(BlobPrefix::folder)
    }

    /// Returns the hook and the number of the change recorded at `path`.
    #[cfg(feature = "hooks")]
    pub(crate) fn hook_delivery(path: &BlobPath) -> Option<(String, u64)> {
        let (id, seq) = path.as_str().strip_prefix(HOOK_DELIVERIES)?.strip_prefix('/')?.split_once('/')?;
        Some((id.to_owned(), seq.parse().ok()?))
    }
}

impl<'key> Key<'key> {
    /// Returns the key of the tarball of a version at its location.
    pub(crate) fn tarball_at(
        name: &'key PackageName,
        version: &'key Version,
        location: &'key TarballLocation,
    ) -> Self {
        match location {
            TarballLocation::ContentAddressed(integrity) => Self::Tarball(name, version, integrity),
            TarballLocation::Plain => Self::PlainTarball(name, version),
        }
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
