use crate::domain::PackageName;

use super::segments::Segments;
use super::{RouteError, Verb};

/// The routes of download counts, which npm has on a host of their own. No route of a package has such a path: none has
/// three segments without `-` in the second.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DownloadRoute {
    /// `GET /downloads/point/{period}`, `GET /downloads/point/{period}/{names}`
    Point {
        /// The period, unchecked.
        period: String,
        /// The packages.
        of: DownloadsOf,
    },
    /// `GET /downloads/range/{period}`, `GET /downloads/range/{period}/{names}`: day by day.
    Range {
        /// The period, unchecked.
        period: String,
        /// The packages.
        of: DownloadsOf,
    },
    /// `GET /versions/{name}/last-week`
    Versions {
        /// The package.
        name: PackageName,
    },
}

/// The packages whose downloads are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DownloadsOf {
    /// All together.
    All,
    /// One package.
    One(PackageName),
    /// Each of these, as in `pear,fig`.
    Each(Vec<PackageName>),
}

impl DownloadRoute {
    /// Parses a whole path; `None` if it belongs to no such route.
    pub(super) fn parse(verb: Verb, segments: &Segments<'_>) -> Option<Result<Self, RouteError>> {
        let last = segments.count() - 1;
        let parsed = match &segments.list()[..=last] {
            ["downloads", kind @ ("point" | "range"), period, ..] => DownloadsOf::parse(segments).map(|of| {
                let period = (*period).to_owned();
                if *kind == "point" { Self::Point { period, of } } else { Self::Range { period, of } }
            }),
            ["versions", first, .., "last-week"] if !matches!(*first, "-" | "-rev") => {
                match segments.name_at(1) {
                    Ok((name, next)) if next == last => Ok(Self::Versions { name }),
                    Ok(_) => Err(RouteError::NotFound),
                    Err(error) => Err(error),
                }
            }
            _ => return None,
        };
        Some(parsed.and_then(|route| match verb {
            Verb::Read => Ok(route),
            _ => Err(RouteError::MethodNotAllowed { allow: "GET, HEAD" }),
        }))
    }

    /// Returns the only package that the path names.
    pub(super) fn package(&self) -> Option<&PackageName> {
        match self {
            Self::Point { of: DownloadsOf::One(name), .. }
            | Self::Range { of: DownloadsOf::One(name), .. }
            | Self::Versions { name } => Some(name),
            Self::Point { .. } | Self::Range { .. } => None,
        }
    }

    /// A short name for logs and metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Point { .. } => "downloads",
            Self::Range { .. } => "downloads-by-day",
            Self::Versions { .. } => "downloads-by-version",
        }
    }
}

impl DownloadsOf {
    /// Parses what follows the period.
    fn parse(segments: &Segments<'_>) -> Result<Self, RouteError> {
        const FIRST: usize = 3;
        if segments.count() == FIRST {
            return Ok(Self::All);
        }
        let names = segments.joined(FIRST, segments.count() - 1);
        if names.contains(',') {
            let names: Result<_, _> = names.split(',').map(PackageName::parse).collect();
            return Ok(Self::Each(names?));
        }
        let (name, next) = segments.name_at(FIRST)?;
        if next == segments.count() { Ok(Self::One(name)) } else { Err(RouteError::NotFound) }
    }
}
