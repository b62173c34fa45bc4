use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

/// `[web]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebSection {
    /// Whether there are web pages besides those of logins.
    pub enabled: bool,
    /// The name of the registry at the top of each page.
    pub title: String,
    /// A file with the picture beside the title: `.svg`, `.png` or `.webp`.
    pub logo: Option<PathBuf>,
    /// The color of links and buttons, such as `#0b5c8a`.
    pub accent: String,
    /// Links at the bottom of each page.
    pub footer: Vec<FooterTable>,
    /// Whether pages of other sites may read what anonymous callers may read.
    pub cross_origin: bool,
}

/// A link at the bottom of each page.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FooterTable {
    /// The text of the link.
    pub text: String,
    /// Where it leads.
    pub url: Url,
}

impl Default for WebSection {
    fn default() -> Self {
        Self {
            enabled: true,
            title: "npm registry".to_owned(),
            logo: None,
            accent: "#0b5c8a".to_owned(),
            footer: Vec::new(),
            cross_origin: false,
        }
    }
}
