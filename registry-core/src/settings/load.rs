use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, Deserializer};

use super::complaint::line_of;
use super::error::Context as _;
use super::mistakes::read_all;
use super::{Overrides, Settings, SettingsError};

/// A frontend's own top-level keys and tables in the same `registry.toml`.
///
/// ```
/// use registry_core::settings::{FrontendSections, Settings};
/// #[derive(Default, serde::Deserialize)]
/// #[serde(default, deny_unknown_fields)]
/// struct Own { listen: Option<String> }
/// impl FrontendSections for Own {
///     const KEYS: &'static [&'static str] = &["listen"];
/// }
/// let text = "listen = \"here\"\n[accounts]\nsign_up = false";
/// let (settings, own) = Settings::from_toml_with::<Own>(text).unwrap();
/// assert_eq!((settings.accounts.sign_up, own.listen.as_deref()), (false, Some("here")));
/// let refusal = Settings::from_toml_with::<Own>("lisen = 1").err().unwrap().to_string();
/// assert!(refusal.contains("line 1: there is no setting `lisen`") && refusal.contains("`listen`"), "{refusal}");
/// ```
pub trait FrontendSections: Default + DeserializeOwned {
    /// Their names in the file.
    const KEYS: &'static [&'static str];
}

/// No sections besides the registry's settings.
#[derive(Default, Deserialize)]
struct NoSections {}

impl FrontendSections for NoSections {
    const KEYS: &'static [&'static str] = &[];
}

impl Settings {
    /// Parses the text of a `registry.toml`. Errors name the line.
    pub fn from_toml(text: &str) -> Result<Self, SettingsError> {
        Self::from_toml_with::<NoSections>(text).map(|(settings, _)| settings)
    }

    /// Parses the text of a `registry.toml` that also contains sections of a frontend.
    pub fn from_toml_with<Own: FrontendSections>(text: &str) -> Result<(Self, Own), SettingsError> {
        let (settings, own) = Self::parse(text)?;
        settings.check_rules(text)?;
        Ok((settings, own))
    }

    /// Loads the effective settings: `overrides` over the file that they name over the defaults.
    pub fn load(overrides: &Overrides) -> Result<Self, SettingsError> {
        Self::load_with::<NoSections>(overrides).map(|(settings, _)| settings)
    }

    /// Like [`Settings::load`], for a file that also contains sections of a frontend.
    pub fn load_with<Own: FrontendSections>(overrides: &Overrides) -> Result<(Self, Own), SettingsError> {
        let Some(config) = overrides.config.as_deref() else {
            let mut settings = Self::default();
            overrides.apply(&mut settings);
            return Ok((settings, Own::default()));
        };
        let (text, source) = read(config)?;
        let is_wrong = || format!("{source} is wrong");
        let (mut settings, own) = Self::parse(&text).with_context(is_wrong)?;
        // Flags and variables are of the working directory.
        if !is_text(config) {
            settings.resolve_paths(Path::new(config), &text);
        }
        overrides.apply(&mut settings);
        // Checked last, because the upstream that a rule names may be an override.
        settings.check_rules(&text).with_context(is_wrong)?;
        Ok((settings, own))
    }

    fn parse<Own: FrontendSections>(text: &str) -> Result<(Self, Own), SettingsError> {
        read_all(text, |mut document| {
            let own_keys = Own::KEYS.iter().filter_map(|key| document.get_mut().remove_entry(*key));
            let own: DeTable<'_> = own_keys.collect();
            let own = Own::deserialize(Deserializer::from(Spanned::new(document.span(), own)));
            let start = |error: &toml::de::Error| error.span().map(|span| span.start);
            match (Self::deserialize(Deserializer::from(document)), own) {
                (Ok(settings), Ok(own)) => Ok((settings, own)),
                (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
                (Err(one), Err(other)) => Err(if start(&other) < start(&one) { other } else { one }),
            }
        })
    }

    /// Rejects invalid rules, and names their lines in `text`.
    fn check_rules(&self, text: &str) -> Result<(), SettingsError> {
        let wrong = self.packages.wrong(&self.upstreams);
        let wrong = wrong.map(|(start, error)| (start, SettingsError::of(error)));
        let unknown = self.unknown_groups().map(|(start, error)| (start, SettingsError::of(error)));
        let retained = self.retain.wrong(&self.downloads);
        let retained = retained.map(|(start, error)| (start, SettingsError::of(error)));
        let policy = self.policy.wrong(&self.upstreams);
        let policy = policy.map(|(start, error)| (start, SettingsError::of(error)));
        let mut wrong: Vec<_> = wrong.chain(unknown).chain(retained).chain(policy).collect();
        wrong.sort_by_key(|(start, _)| *start);
        // What else is wrong with a rule may follow from its first mistake.
        wrong.dedup_by_key(|(start, _)| *start);
        SettingsError::of_any(wrong.into_iter().filter_map(|(start, error)| {
            let rule = || format!("the rule at line {}", line_of(text, start));
            Err::<(), _>(error).with_context(rule).err()
        }))
    }
}

/// Describes what [`Settings::load`] reads for `config`, for the user.
pub fn describe_config(config: &str) -> String {
    if is_text(config) {
        "configuration: the text given".to_owned()
    } else {
        format!("configuration file: {config}")
    }
}

/// Returns the text of the file that `config` names, or `config` itself if it is such a text; and a name for it.
fn read(config: &str) -> Result<(String, String), SettingsError> {
    if is_text(config) {
        return Ok((config.to_owned(), "the configuration given as text".to_owned()));
    }
    let text = std::fs::read_to_string(config)
        .with_context(|| format!("cannot read the configuration file {config}"))?;
    Ok((text, format!("the configuration file {config}")))
}

fn is_text(config: &str) -> bool {
    config.contains('\n') || (config.contains('=') && !Path::new(config).exists())
}
