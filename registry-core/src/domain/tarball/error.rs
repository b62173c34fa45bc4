/// Why a tarball is rejected. Each message tells the publisher what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TarballError {
    /// The bytes do not begin with the gzip magic number.
    #[error("the tarball is not gzip; publish what `npm pack` writes")]
    NotGzip,
    /// The gzip stream is damaged or truncated.
    #[error("the tarball's gzip stream is damaged or cut off; pack and publish again")]
    CorruptGzip,
    /// Bytes other than zeros follow the gzip stream: another member, which some clients do not read, or no gzip.
    #[error("something follows the end of the tarball's gzip stream; pack it in one piece and publish again")]
    TrailingData,
    /// The gzip stream does not contain a whole tar archive.
    #[error("the tarball is not a whole tar archive ({reason}); pack and publish again")]
    CorruptTar {
        /// What is wrong with it.
        reason: String,
    },
    /// The archive is larger than the registry permits.
    #[error("the tarball is larger than {limit} bytes when unpacked; leave out files with the `files` field")]
    UnpackedTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The archive has more entries than the registry permits.
    #[error("the tarball has more than {limit} files and folders; leave out files with the `files` field")]
    TooManyEntries {
        /// The limit.
        limit: usize,
    },
    /// The path of an entry is absolute, leads out of the package, or is invalid.
    #[error("the tarball has an entry at {path:?}, which {problem}; rename or leave out the file")]
    EntryPath {
        /// The beginning of the path.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The entry is neither a file nor a folder.
    #[error("the tarball's entry {path:?} is neither a file nor a folder; leave it out")]
    EntryKind {
        /// The beginning of its path.
        path: String,
    },
    /// Clients would not agree on the kind or the end of the entry.
    #[error("clients would not agree on the tarball's entry {path:?}: {reason}; pack with `npm pack`")]
    Ambiguous {
        /// The beginning of its path.
        path: String,
        /// The difference between clients.
        reason: &'static str,
    },
    /// A symbolic or hard link. No pack tool writes one, and clients treat them differently.
    #[error("the tarball's entry {path:?} is a link; replace it with the file that it points to")]
    Link {
        /// The beginning of its path.
        path: String,
    },
    /// Two entries would be installed at the same path, or one below the other's file.
    #[error("more than one entry of the tarball would be installed at {path:?}; leave only one")]
    Twice {
        /// The beginning of the path of the later one.
        path: String,
    },
    /// Two entries are one file on disks that ignore case, the composition of letters, or trailing dots and spaces.
    #[error(
        "the tarball's entries {} and {path:?} are one file on Windows or macOS, which ignore capitals, forms of accents, and \
         dots and spaces at the end; rename one of them",
        other.as_ref().map_or_else(|| "of an earlier file".to_owned(), |other| format!("{other:?}"))
    )]
    SameOnSomeSystems {
        /// The beginning of the path of the later one.
        path: String,
        /// The beginning of the path of the earlier one; `None` if the tarball has so many files that it was not
        /// stored.
        other: Option<String>,
    },
    /// An entry is not in the same folder as the others.
    #[error(
        "the tarball's entry {path:?} is not in its top folder {folder:?}; pack everything into one folder"
    )]
    OutsideTopFolder {
        /// The beginning of its path.
        path: String,
        /// The folder of the first entry.
        folder: String,
    },
    /// A file affects an install, but only on systems that ignore case.
    #[error("the tarball's entry {path:?} is {file} on some systems and not on others; rename it")]
    Disguised {
        /// The beginning of its path.
        path: String,
        /// The file that some systems treat it as.
        file: &'static str,
    },
    /// An entry in `node_modules` of a package that bundles no dependencies, which some clients install and others do not.
    #[error(
        "the tarball's entry {path:?} is in node_modules, and package.json bundles no dependencies; list the dependency in \
         `bundleDependencies` or leave it out"
    )]
    NotBundled {
        /// The beginning of the path of the first one.
        path: String,
    },
    /// An entry in `node_modules` of a package that bundles dependencies, but neither this one nor one that needs it.
    #[error(
        "the tarball's entry {path:?} is in node_modules, and neither `bundleDependencies` nor a bundled package names it; list \
         it in `bundleDependencies` or leave it out"
    )]
    NotInBundle {
        /// The beginning of the path of the first one.
        path: String,
    },
    /// An `npm-shrinkwrap.json` is larger than the registry permits.
    #[error(
        "the tarball's npm-shrinkwrap.json is larger than {limit} bytes; leave it out, or make it smaller"
    )]
    ShrinkwrapTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// An `npm-shrinkwrap.json` is not JSON, repeats a key, is nested too deep, or has what npm does not write.
    #[error("the tarball's npm-shrinkwrap.json cannot be used: {reason}; write it with `npm shrinkwrap`")]
    ShrinkwrapJson {
        /// What is wrong with it.
        reason: String,
    },
    /// An `npm-shrinkwrap.json` takes a package from a git repository, a folder or another place that is no registry.
    #[error(
        "the tarball's npm-shrinkwrap.json has {source_text:?}, which is no package, version or tarball of a registry: npm would \
         install from there what other clients do not; depend on a published version instead"
    )]
    ShrinkwrapSource {
        /// The beginning of the place, or of the value that npm would read as one.
        source_text: String,
    },
    /// There is no `package.json` in the top folder.
    #[error("the tarball has no package/package.json; pack the folder that holds package.json")]
    NoManifest,
    /// More than one entry would be installed as `package.json`.
    #[error("more than one entry of the tarball would be installed as package.json; leave only one")]
    SeveralManifests,
    /// `package.json` is spelled with capitals, in another folder style, or without the top folder.
    #[error("the tarball's package.json is at {path:?}; it must be at package/package.json")]
    ManifestPath {
        /// The beginning of its path.
        path: String,
    },
    /// `package.json` is a folder.
    #[error("the tarball's package.json is not a regular file; rename the folder")]
    ManifestNotAFile,
    /// `package.json` is larger than the registry permits.
    #[error("the tarball's package.json is larger than {limit} bytes; make it smaller")]
    ManifestTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// `package.json` is not UTF-8.
    #[error("the tarball's package.json is not UTF-8; save it as UTF-8")]
    ManifestNotUtf8,
    /// `package.json` is not JSON, repeats a key, or is nested too deep.
    #[error("the tarball's package.json is not usable JSON: {reason}")]
    ManifestJson {
        /// What is wrong with it.
        reason: String,
    },
    /// `package.json` contains a list or a scalar.
    #[error("the tarball's package.json is not a JSON object; write `{{ … }}`")]
    ManifestNotAnObject,
    /// `directories.bin` is a folder of which clients make different commands.
    #[error(
        "clients would make different commands of `directories.bin` in the tarball's package.json, because {path:?} {problem}; \
         list the commands in `bin`"
    )]
    CommandFolder {
        /// The beginning of the path, or of the folder.
        path: String,
        /// What clients read differently.
        problem: &'static str,
    },
    /// `bin` has names or targets of which clients make different commands.
    #[error(
        "clients would make different commands of `bin` in the tarball's package.json, because {part:?} {problem}; write an \
         object such as `{{\"greet\": \"lib/greet.js\"}}`"
    )]
    Command {
        /// The beginning of the name or the target.
        part: String,
        /// What clients read differently.
        problem: &'static str,
    },
    /// A script or a dependency in `package.json` is not a string, or their field is not an object.
    #[error(
        "`{field}` in the tarball's package.json is read differently by each client; write an object whose values are strings, \
         such as `{example}`"
    )]
    ManifestField {
        /// The beginning of the field, such as `dependencies.left-pad`.
        field: String,
        /// What the field looks like.
        example: &'static str,
    },
    /// `package.json` has no `name` string.
    #[error("the tarball's package.json has no name; add `\"name\"`")]
    NoName,
    /// `package.json` has no `version` string.
    #[error("the tarball's package.json has no version; add `\"version\"`")]
    NoVersion,
}
