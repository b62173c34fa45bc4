use std::path::Path;

use anyhow::Context as _;

use super::complaint::{complaint, line_of};
use super::{MAIN_UPSTREAM, Settings, UpstreamSettings};
use crate::command_line::Overrides;

impl Settings {
    /// Reads the text of a `registry.toml`. Errors say the line.
    pub fn from_toml(text: &str) -> anyhow::Result<Self> {
        let settings = Self::parse(text)?;
        settings.check_rules(text)?;
        Ok(settings)
    }

    /// What holds in the end: flags and environment over the file over the defaults.
    pub fn load(overrides: &Overrides) -> anyhow::Result<Self> {
        let Some(config) = overrides.config.as_deref() else {
            let mut settings = Self::default();
            settings.apply(overrides);
            return Ok(settings);
        };
        let (text, source) = read(config)?;
        let is_wrong = || format!("{source} is wrong");
        let mut settings = Self::parse(&text).with_context(is_wrong)?;
        settings.apply(overrides);
        // Only now: the upstream that a rule names may be a flag.
        settings.check_rules(&text).with_context(is_wrong)?;
        Ok(settings)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        toml::from_str(text).map_err(|error| anyhow::Error::msg(complaint(text, &error)))
    }

    /// Which configuration [`Settings::load`] reads, for its user to see.
    pub fn source(overrides: &Overrides) -> String {
        match overrides.config.as_deref() {
            Some(config) if is_text(config) => "configuration: the text given".to_owned(),
            Some(config) => format!("configuration file: {config}"),
            None => "configuration file: none, so the defaults, flags and REGISTRY_ variables hold; give one with \
                     --config FILE"
                .to_owned(),
        }
    }

    /// Refuses a rule that is wrong by itself, and says at which line of `text` it is.
    fn check_rules(&self, text: &str) -> anyhow::Result<()> {
        let wrong = self.packages.first_wrong(&self.upstreams);
        let wrong = wrong.map(|(start, error)| (start, anyhow::Error::new(error)));
        let unknown = || self.first_unknown_group().map(|(start, error)| (start, anyhow::Error::new(error)));
        let Some((start, error)) = wrong.or_else(unknown) else { return Ok(()) };
        Err(error.context(format!("the rule at line {}", line_of(text, start))))
    }

    /// The names of the settings that differ from `before` and hold until the server is started again.
    pub(crate) fn changed_since(&self, before: &Self) -> Vec<&'static str> {
        macro_rules! changed {
            ($($name:ident),*) => {{
                // A setting that is added must be named here.
                let Self { packages: _, $($name),* } = self;
                let changed = [$((stringify!($name), *$name != before.$name)),*];
                changed.into_iter().filter_map(|(name, is_changed)| is_changed.then_some(name)).collect()
            }};
        }
        changed!(
            listen,
            public_url,
            path_prefix,
            storage,
            upstreams,
            providers,
            accounts,
            login,
            tokens,
            organizations,
            trusted_publishing,
            audit,
            github,
            openid,
            search,
            htpasswd,
            limits,
            cache,
            log,
            metrics,
            server
        )
    }

    fn apply(&mut self, overrides: &Overrides) {
        fn replace<Value: Clone>(target: &mut Value, value: Option<&Value>) {
            if let Some(value) = value {
                target.clone_from(value);
            }
        }
        replace(&mut self.listen, overrides.listen.as_ref());
        replace(&mut self.storage.url, overrides.storage.as_ref());
        replace(&mut self.path_prefix, overrides.path_prefix.as_ref());
        replace(&mut self.log.format, overrides.log_format.as_ref());
        replace(&mut self.log.filter, overrides.log.as_ref());
        if let Some(url) = &overrides.upstream {
            self.upstreams.insert(MAIN_UPSTREAM.to_owned(), UpstreamSettings::new(url.clone()));
        }
        overrides.github.apply(&mut self.github);
        if overrides.public_url.is_some() {
            self.public_url.clone_from(&overrides.public_url);
        }
    }
}

/// The text of the file that `config` names, or `config` itself where it is the text of one; and what to call it.
fn read(config: &str) -> anyhow::Result<(String, String)> {
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
