use std::fmt;

use crate::domain::Version;
use crate::domain::shorten::shorten;

/// What an import did not take over, because it was decided here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportNote {
    /// A dist-tag was set or removed here.
    DistTagKept {
        /// The tag.
        tag: String,
    },
    /// A dist-tag of the source is none that can be set here.
    DistTagInvalid {
        /// The tag.
        tag: String,
    },
    /// The deprecation of a version was changed here.
    DeprecationKept {
        /// The version.
        version: Version,
    },
    /// The owners were changed here.
    OwnersKept,
    /// The source names no owners any more, and those that are here stay.
    OwnersGone,
    /// An owner has a name that no account here can have.
    OwnerLeftOut {
        /// The name.
        name: String,
    },
    /// The package has no owners here and at the source, so that it belongs to every account that may publish.
    NoOwners,
    /// A version was unpublished here, and stays so.
    StaysUnpublished {
        /// The version.
        version: Version,
    },
    /// A version was unpublished at the source, and stays here.
    StaysPublished {
        /// The version.
        version: Version,
    },
    /// A version that was imported is not at the source any more, which does not say that it was unpublished. It stays here.
    GoneAtSource {
        /// The version.
        version: Version,
    },
}

/// What an import did to a packument.
#[derive(Debug, Clone, Default)]
pub(crate) struct ImportEffect {
    pub(crate) added: Vec<Version>,
    /// How many versions others added since, with the same tarballs.
    pub(crate) unchanged: u64,
    /// Versions whose numbers others took since, with other tarballs.
    pub(crate) overtaken: Vec<Version>,
    pub(crate) notes: Vec<ImportNote>,
    /// Accounts whose stars were removed, because they were removed at the source.
    pub(crate) unstarred: Vec<String>,
    /// Whether readers see a change.
    pub(crate) is_visible: bool,
    /// Whether nothing was done, because users published the package here.
    pub(crate) is_published_here: bool,
}

impl fmt::Display for ImportNote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DistTagKept { tag } => write!(formatter, "the dist-tag {tag} was changed here, and stays"),
            Self::DistTagInvalid { tag } => {
                write!(formatter, "the dist-tag {:?} of the source cannot be set here", shorten(tag))
            }
            Self::DeprecationKept { version } => {
                write!(formatter, "the deprecation of {version} was changed here, and stays")
            }
            Self::OwnersKept => formatter.write_str("the owners were changed here, and stay"),
            Self::OwnersGone => {
                formatter.write_str("the source names no owners any more, and those that are here stay")
            }
            Self::OwnerLeftOut { name } => {
                write!(
                    formatter,
                    "the owner {:?} is left out, because no account here can have that name",
                    shorten(name)
                )
            }
            Self::NoOwners => formatter
                .write_str("the source names no owners, so it belongs to every account that may publish"),
            Self::StaysUnpublished { version } => {
                write!(formatter, "{version} was unpublished here, and stays so")
            }
            Self::StaysPublished { version } => {
                write!(formatter, "{version} was unpublished at the source, and stays here")
            }
            Self::GoneAtSource { version } => {
                write!(
                    formatter,
                    "{version} was imported before and is not at the source any more, and stays here"
                )
            }
        }
    }
}
