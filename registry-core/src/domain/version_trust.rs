use std::fmt;

/// How a version proves where it comes from, the weakest proof first. The order is the one that pnpm uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum VersionTrust {
    /// It proves nothing: a publisher's token was enough to publish it.
    #[default]
    None,
    /// It has attestations of its provenance.
    Provenance,
    /// A trusted publisher published it: a build, without a stored token.
    TrustedPublisher,
    /// A second person approved it after it was staged.
    Approved,
}

impl fmt::Display for VersionTrust {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "none",
            Self::Provenance => "provenance",
            Self::TrustedPublisher => "a trusted publisher",
            Self::Approved => "an approval",
        })
    }
}
