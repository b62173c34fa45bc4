use super::BlobPath;

/// What a path in the store is: the inverse of [`Key::path`](super::Key::path), as far as listings need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoredPath<'a> {
    /// The packument in a package's folder.
    Packument {
        folder: &'a str,
    },
    /// A tarball in a package's folder.
    Tarball {
        folder: &'a str,
        file: TarballFile<'a>,
    },
    /// The attestations of a version, in a package's folder.
    Attestations {
        folder: &'a str,
    },
    LocalAccount,
    GithubAccount,
    OpenIdAccount,
    Token,
    Organization,
    StageRecord,
    StageTarball,
    /// A cached packument or tarball of an upstream.
    Upstream,
    Spelling,
    /// A marker of events that are not in the change feed yet.
    Outbox,
    /// The identity of the store.
    Marker,
    CopyRecord,
    Probe,
    Other,
}

/// A tarball, as its path within the package's folder describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TarballFile<'a> {
    pub(crate) version: &'a str,
    /// Whether codebox-npm wrote it, under its version alone.
    pub(crate) is_plain: bool,
}

impl<'a> StoredPath<'a> {
    pub(crate) fn of(path: &'a BlobPath) -> Self {
        let path = path.as_str();
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let is_flat = |end: &str| !rest.contains('/') && rest.ends_with(end);
        match first {
            "_accounts" if rest.starts_with("github/") => Self::GithubAccount,
            "_accounts" if rest.starts_with("openid/") => Self::OpenIdAccount,
            "_accounts" if is_flat(".json") => Self::LocalAccount,
            "_tokens" if is_flat(".json") => Self::Token,
            "_orgs" if is_flat(".json") => Self::Organization,
            "_stage" if is_flat(".json") => Self::StageRecord,
            "_stage" if is_flat(".tgz") => Self::StageTarball,
            // Names of upstreams never begin with `_`.
            "_spellings" => Self::Spelling,
            "_outbox" => Self::Outbox,
            "_probe" => Self::Probe,
            "_registry.json" if rest.is_empty() => Self::Marker,
            "_copy.json" if rest.is_empty() => Self::CopyRecord,
            "_upstream" if !rest.starts_with('_') => Self::Upstream,
            first if first.starts_with('_') => Self::Other,
            _ => Self::in_package(path),
        }
    }

    fn in_package(path: &'a str) -> Self {
        let segments = if path.starts_with('@') { 2 } else { 1 };
        let Some((end, _)) = path.match_indices('/').nth(segments - 1) else { return Self::Other };
        let (folder, rest) = (&path[..end], &path[end + 1..]);
        if rest == "index.json" {
            return Self::Packument { folder };
        }
        if rest.starts_with("-/") && rest.ends_with("/attestations.json") {
            return Self::Attestations { folder };
        }
        TarballFile::parse(folder, rest).map_or(Self::Other, |file| Self::Tarball { folder, file })
    }
}

impl<'a> TarballFile<'a> {
    /// Parses the part of a path after the folder of its package.
    fn parse(folder: &str, rest: &'a str) -> Option<Self> {
        let is_version = |version: &str| version.starts_with(|first: char| first.is_ascii_digit());
        let Some(rest) = rest.strip_prefix("-/") else {
            let version = rest.strip_suffix(".tgz").filter(|version| !version.contains('/'))?;
            return is_version(version).then_some(Self { version, is_plain: true });
        };
        let (digest, file) = rest.split_once('/')?;
        let base = folder.rsplit('/').next()?;
        let is_digest = digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        let version = file.strip_prefix(base)?.strip_prefix('-')?.strip_suffix(".tgz")?;
        (is_digest && is_version(version)).then_some(Self { version, is_plain: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Integrity, PackageName, StageId, Version};
    use crate::storage::Key;

    #[test]
    fn paths_of_keys_are_told_apart() {
        let (scoped, capitals) =
            (PackageName::parse("@acme/pear").unwrap(), PackageName::parse("JSONStream").unwrap());
        let (version, integrity) = (Version::parse("1.0.0-beta.1").unwrap(), Integrity::of(b"pear"));
        for (name, folder, plain) in
            [(&scoped, "@acme/pear", "@acme/pear"), (&capitals, "=j=s=o=n=stream", "JSONStream")]
        {
            let path = Key::Packument(name).path().unwrap();
            assert_eq!(StoredPath::of(&path), StoredPath::Packument { folder });
            let path = Key::Tarball(name, &version, &integrity).path().unwrap();
            let file = TarballFile { version: "1.0.0-beta.1", is_plain: false };
            assert_eq!(StoredPath::of(&path), StoredPath::Tarball { folder, file });
            let path = Key::PlainTarball(name, &version).path().unwrap();
            let file = TarballFile { version: "1.0.0-beta.1", is_plain: true };
            assert_eq!(StoredPath::of(&path), StoredPath::Tarball { folder: plain, file });
        }
        let id = StageId::from_random([7; 16]);
        for (key, kind) in [
            (Key::Account("ana"), StoredPath::LocalAccount),
            (Key::GithubAccount("ana"), StoredPath::GithubAccount),
            (Key::OpenIdAccount("ana"), StoredPath::OpenIdAccount),
            (Key::Token("00"), StoredPath::Token),
            (Key::TokenOf("ana", "00"), StoredPath::Other),
            (Key::Stage(id), StoredPath::StageRecord),
            (Key::StageTarball(id), StoredPath::StageTarball),
            (Key::UpstreamTarball("npm", &scoped, &version, "00"), StoredPath::Upstream),
            (Key::UpstreamLedger, StoredPath::Other),
            (Key::DownloadDay("2026-01-02", "00-0"), StoredPath::Other),
            (Key::DownloadMonth("2026-01", 7), StoredPath::Other),
            (Key::Marker, StoredPath::Marker),
            (Key::CopyRecord, StoredPath::CopyRecord),
            (Key::Probe("00"), StoredPath::Probe),
            (Key::Spelling(&scoped), StoredPath::Spelling),
            (Key::SpellingsEntered, StoredPath::Spelling),
        ] {
            assert_eq!(StoredPath::of(&key.path().unwrap()), kind, "{key:?}");
        }
    }
}
