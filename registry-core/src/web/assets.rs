use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use super::WebSettings;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// The bytes of a digest in the name of a file.
const DIGEST: usize = 8;

/// A file that pages load. Its name changes with its content, so that browsers may keep it for good.
#[derive(Debug)]
pub(crate) struct Asset {
    pub(crate) name: String,
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Bytes,
    pub(crate) gzip: Bytes,
}

/// The files that pages load.
#[derive(Debug)]
pub(crate) struct Assets {
    pub(crate) style: Asset,
    pub(crate) script: Asset,
    pub(crate) icon: Asset,
    pub(crate) logo: Option<Asset>,
}

impl Assets {
    pub(super) fn new(settings: &WebSettings) -> Self {
        let style = format!("{}{STYLE}", settings.accent.css());
        let icon = icon(&settings.accent.light());
        let logo = settings.logo.as_ref();
        Self {
            style: Asset::new("style", "css", "text/css; charset=utf-8", style),
            script: Asset::new("script", "js", "text/javascript; charset=utf-8", SCRIPT),
            icon: Asset::new("icon", "svg", "image/svg+xml", icon),
            logo: logo.map(|logo| Asset::new("logo", logo.extension, logo.media_type, logo.bytes.clone())),
        }
    }

    /// Returns the file of this name.
    pub(crate) fn find(&self, name: &str) -> Option<&Asset> {
        [&self.style, &self.script, &self.icon].into_iter().chain(&self.logo).find(|asset| asset.name == name)
    }
}

impl Asset {
    fn new(stem: &str, extension: &str, media_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let digest = const_hex::encode(&Sha256::digest(&bytes)[..DIGEST]);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory does not fail; without the compressed form, the plain one would be served.
        let gzip = encoder.write_all(&bytes).and_then(|()| encoder.finish()).unwrap_or_default();
        Self { name: format!("{stem}-{digest}.{extension}"), media_type, bytes, gzip: gzip.into() }
    }
}

/// A square in the accent color, with the outline of a package.
fn icon(color: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><rect width=\"32\" height=\"32\" rx=\"5\" fill=\"{color}\"/>\
         <path d=\"M16 6l9 4.5v11L16 26l-9-4.5v-11zM7 10.5l9 4.5 9-4.5M16 15v11\" fill=\"none\" stroke=\"#fff\" stroke-width=\"2\" stroke-linejoin=\"round\"/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stylesheet_and_script_are_small() {
        let assets = Assets::new(&WebSettings::default());
        assert!(assets.style.gzip.len() <= 12 << 10, "{}", assets.style.gzip.len());
        assert!(assets.script.gzip.len() <= 8 << 10, "{}", assets.script.gzip.len());
    }

    #[test]
    fn names_change_with_the_content() {
        let blue = Assets::new(&WebSettings::default());
        let red = super::super::Accent::parse("#a1161d").unwrap();
        let red = Assets::new(&WebSettings { accent: red, ..WebSettings::default() });
        assert_ne!(blue.style.name, red.style.name);
        assert_eq!(blue.script.name, red.script.name);
        assert!(blue.find(&blue.style.name).is_some() && blue.find(&red.style.name).is_none());
    }
}
