use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::Accent;

/// The largest logo in bytes.
const LARGEST_LOGO: usize = 64 << 10;

/// The settings of the web pages.
#[derive(Debug, Clone)]
pub struct WebSettings {
    /// Whether there are pages besides those of logins. Default true.
    pub pages: bool,
    /// The name of the registry at the top of each page. Default `npm registry`.
    pub title: String,
    /// The picture beside the title. Default none.
    pub logo: Option<Logo>,
    /// The color of links and buttons.
    pub accent: Accent,
    /// Links at the bottom of each page. Default none.
    pub footer: Vec<FooterLink>,
    /// Whether pages of other sites may read, by `fetch`, what anonymous callers may read. Default false: the network may be what keeps
    /// strangers away, and a browser in it reads for the site that it shows.
    pub cross_origin: bool,
}

impl Default for WebSettings {
    fn default() -> Self {
        Self {
            pages: true,
            title: "npm registry".to_owned(),
            logo: None,
            accent: Accent::default(),
            footer: Vec::new(),
            cross_origin: false,
        }
    }
}

/// A link at the bottom of each page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FooterLink {
    /// The text of the link.
    pub text: String,
    /// Where it leads: `https:`, `http:` or `mailto:`.
    pub url: url::Url,
}

/// A picture beside the title.
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    pub(crate) bytes: Bytes,
    pub(crate) media_type: &'static str,
    pub(crate) extension: &'static str,
}

impl fmt::Debug for Logo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Logo({}, {} bytes)", self.media_type, self.bytes.len())
    }
}

/// Why a picture cannot be the logo.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogoError {
    /// It has another format.
    #[error("the logo {file} is no .svg, .png or .webp file: convert it to one of these")]
    Format {
        /// The name of the file.
        file: Arc<str>,
    },
    /// It is too large.
    #[error("the logo has {length} bytes, and may have {LARGEST_LOGO}: make it smaller")]
    TooLarge {
        /// Its length.
        length: usize,
    },
}

impl Logo {
    /// Takes a picture by the name of its file, which ends in `.svg`, `.png` or `.webp`.
    pub fn new(file: &str, bytes: impl Into<Bytes>) -> Result<Self, LogoError> {
        let formats = [("svg", "image/svg+xml"), ("png", "image/png"), ("webp", "image/webp")];
        let extension = file.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        let format = formats.into_iter().find(|(known, _)| Some(*known) == extension.as_deref());
        let Some((extension, media_type)) = format else {
            return Err(LogoError::Format { file: file.into() });
        };
        let bytes = bytes.into();
        if bytes.len() > LARGEST_LOGO {
            return Err(LogoError::TooLarge { length: bytes.len() });
        }
        Ok(Self { bytes, media_type, extension })
    }
}
