use crate::RegistryBuilder;
use crate::settings::{Settings, SettingsError};

/// Adds how the web pages look.
#[cfg(not(feature = "web"))]
#[expect(clippy::unnecessary_wraps, reason = "with the feature, the settings may be wrong")]
pub(super) fn add(_: &Settings, builder: RegistryBuilder) -> Result<RegistryBuilder, SettingsError> {
    Ok(builder)
}

/// Adds how the web pages look. Reads the file of the logo.
#[cfg(feature = "web")]
pub(super) fn add(settings: &Settings, builder: RegistryBuilder) -> Result<RegistryBuilder, SettingsError> {
    use crate::settings::error::Context as _;
    use crate::web::{Accent, FooterLink, Logo, WebSettings};

    let section = &settings.web;
    let logo = section.logo.as_ref().map(|file| {
        let bytes = std::fs::read(file)
            .with_context(|| format!("[web] logo: the file {} cannot be read", file.display()))?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        Logo::new(&name, bytes).with_context(|| "[web] logo".to_owned())
    });
    let mut footer = Vec::with_capacity(section.footer.len());
    for link in &section.footer {
        if !matches!(link.url.scheme(), "https" | "http" | "mailto") {
            let refused = std::io::Error::other(format!("{} is no address of a page", link.url));
            return Err(refused).with_context(|| "[web] footer".to_owned());
        }
        footer.push(FooterLink { text: link.text.clone(), url: link.url.clone() });
    }
    Ok(builder.web(WebSettings {
        pages: section.enabled,
        title: section.title.clone(),
        logo: logo.transpose()?,
        accent: Accent::parse(&section.accent).with_context(|| "[web] accent".to_owned())?,
        footer,
        cross_origin: section.cross_origin,
    }))
}
