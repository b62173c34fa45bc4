//! What the web pages are made of: their settings, their stylesheet and script, and what is rendered of packages. Pure;
//! the pages themselves are in `http/web`.
//!
//! ```
//! use registry_core::web::{Accent, WebSettings};
//! let settings = WebSettings { title: "Acme".to_owned(), accent: Accent::parse("#0b5c8a")?, ..WebSettings::default() };
//! assert!(settings.pages);
//! // Text in the accent color must be readable.
//! let refused = Accent::parse("#ffcc00").unwrap_err().to_string();
//! assert!(refused.contains("would do"), "{refused}");
//! # Ok::<(), registry_core::web::AccentError>(())
//! ```

mod accent;
mod assets;
mod file_diff;
mod manifest_changes;
mod markdown;
mod package_view;
mod settings;
mod timeline;
mod unpacked;
mod words;

use std::fmt;
use std::sync::Arc;

use moka::sync::Cache;
use tokio::sync::Semaphore;

pub use accent::{Accent, AccentError};
pub use settings::{FooterLink, Logo, LogoError, WebSettings};

pub(crate) use assets::{Asset, Assets};
pub(crate) use file_diff::{DiffLine, FileDiff, NotShown, diff_texts};
pub(crate) use manifest_changes::{ManifestChange, manifest_changes};
pub(crate) use markdown::{ReadmePlace, render_readme};
pub(crate) use package_view::{ListedVersion, PackageView};
pub(crate) use timeline::{Dot, timeline};
pub(crate) use unpacked::{BrowseLimits, ListedFile, TarballListing, listing_of, texts_of};
pub(crate) use words::{bytes, count, since, thousands};

/// How many tarballs are unpacked at once for pages.
const UNPACKED_AT_ONCE: usize = 2;
/// The bytes that each cache of pages takes.
const CACHE_BYTES: u64 = 16 << 20;

/// The settings of the pages, and what they keep between requests.
pub(crate) struct WebParts {
    pub(crate) settings: WebSettings,
    pub(crate) assets: Assets,
    /// By the `ETag` of the packument that each is made of.
    pub(crate) views: Cache<String, Arc<PackageView>>,
    /// By the digest of the text and the place of each.
    pub(crate) readmes: Cache<[u8; 32], Arc<str>>,
    /// By the package, the version and the `ETag` of the tarball.
    pub(crate) listings: Cache<String, Arc<TarballListing>>,
    /// Bounds the memory and the time that tarballs of all requests together take.
    pub(crate) unpacking: Arc<Semaphore>,
}

impl WebParts {
    pub(crate) fn new(settings: WebSettings) -> Self {
        let assets = Assets::new(&settings);
        let views = Cache::builder().max_capacity(CACHE_BYTES);
        let readmes = Cache::builder().max_capacity(CACHE_BYTES);
        let listings = Cache::builder().max_capacity(CACHE_BYTES);
        Self {
            settings,
            assets,
            views: views.weigher(|_, view: &Arc<PackageView>| weight(view.weight())).build(),
            readmes: readmes.weigher(|_, html: &Arc<str>| weight(html.len() + 64)).build(),
            listings: listings.weigher(|_, listing: &Arc<TarballListing>| weight(listing.weight())).build(),
            unpacking: Arc::new(Semaphore::new(UNPACKED_AT_ONCE)),
        }
    }
}

impl fmt::Debug for WebParts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WebParts").field("settings", &self.settings).finish_non_exhaustive()
    }
}

fn weight(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
