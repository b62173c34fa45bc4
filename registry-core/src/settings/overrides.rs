use std::ffi::OsString;
use std::fmt::Display;
use std::str::FromStr;

use super::{
    GithubTable, LogFilter, LogFormat, MAIN_UPSTREAM, PathPrefix, PublicUrl, Settings, SettingsError,
    StorageUrl, UpstreamSettings, UpstreamUrl,
};

/// Settings that take precedence over the file: command-line flags, or environment variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The file to read, or its text.
    pub config: Option<String>,
    /// The store of the registry.
    pub storage: Option<StorageUrl>,
    /// The upstream that rules call [`MAIN_UPSTREAM`].
    pub upstream: Option<UpstreamUrl>,
    /// The URL at which clients reach the registry.
    pub public_url: Option<PublicUrl>,
    /// A path below which the routes answer too.
    pub path_prefix: Option<PathPrefix>,
    /// The format of log lines.
    pub log_format: Option<LogFormat>,
    /// The filter of log lines.
    pub log: Option<LogFilter>,
    /// Signing in with GitHub.
    pub github: GithubOverrides,
}

/// Overrides of `[github]`. Any of them enables it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GithubOverrides {
    /// The base URL of the sign-in pages.
    pub url: Option<UpstreamUrl>,
    /// The client id of the OAuth app.
    pub client_id: Option<String>,
    /// The organizations whose members may sign in.
    pub organizations: Option<Vec<String>>,
    /// The logins in the group `github-admins`.
    pub admins: Option<Vec<String>>,
}

impl Overrides {
    /// The variables that [`Overrides::from_environment`] reads.
    pub const VARIABLES: [&'static str; 11] = [
        "REGISTRY_CONFIG",
        "REGISTRY_STORAGE",
        "REGISTRY_UPSTREAM",
        "REGISTRY_PUBLIC_URL",
        "REGISTRY_PATH_PREFIX",
        "REGISTRY_LOG_FORMAT",
        "REGISTRY_LOG",
        "REGISTRY_GITHUB_URL",
        "REGISTRY_GITHUB_CLIENT_ID",
        "REGISTRY_GITHUB_ORGANIZATIONS",
        "REGISTRY_GITHUB_ADMINS",
    ];

    /// Reads the `REGISTRY_…` variables of this process, which are named like the server's flags.
    pub fn from_environment() -> Result<Self, SettingsError> {
        Self::from_variables(|name| std::env::var_os(name))
    }

    /// Reads the variables from a function.
    ///
    /// ```
    /// use registry_core::settings::Overrides;
    /// let overrides = Overrides::from_variables(|name| (name == "REGISTRY_STORAGE").then(|| "memory:".into()));
    /// assert_eq!(overrides.unwrap().storage.unwrap().to_string(), "memory:");
    /// let refusal = Overrides::from_variables(|name| (name == "REGISTRY_STORAGE").then(|| "data".into())).unwrap_err();
    /// assert!(refusal.to_string().starts_with("REGISTRY_STORAGE: `data` is not a storage URL"));
    /// ```
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, SettingsError> {
        let variables = Variables(variable);
        Ok(Self {
            config: variables.text("REGISTRY_CONFIG")?,
            storage: variables.parsed("REGISTRY_STORAGE")?,
            upstream: variables.parsed("REGISTRY_UPSTREAM")?,
            public_url: variables.parsed("REGISTRY_PUBLIC_URL")?,
            path_prefix: variables.parsed("REGISTRY_PATH_PREFIX")?,
            log_format: variables.parsed("REGISTRY_LOG_FORMAT")?,
            log: variables.parsed("REGISTRY_LOG")?,
            github: GithubOverrides {
                url: variables.parsed("REGISTRY_GITHUB_URL")?,
                client_id: variables.text("REGISTRY_GITHUB_CLIENT_ID")?,
                organizations: variables.list("REGISTRY_GITHUB_ORGANIZATIONS")?,
                admins: variables.list("REGISTRY_GITHUB_ADMINS")?,
            },
        })
    }

    pub(super) fn apply(&self, settings: &mut Settings) {
        replace(&mut settings.storage.url, self.storage.as_ref());
        replace(&mut settings.path_prefix, self.path_prefix.as_ref());
        replace(&mut settings.log.format, self.log_format.as_ref());
        replace(&mut settings.log.filter, self.log.as_ref());
        if let Some(url) = &self.upstream {
            settings.upstreams.insert(MAIN_UPSTREAM.to_owned(), UpstreamSettings::new(url.clone()));
        }
        self.github.apply(&mut settings.github);
        if self.public_url.is_some() {
            settings.public_url.clone_from(&self.public_url);
        }
    }
}

impl GithubOverrides {
    fn apply(&self, github: &mut Option<GithubTable>) {
        if *self == Self::default() {
            return;
        }
        let table = github.get_or_insert_default();
        replace(&mut table.url, self.url.as_ref());
        replace(&mut table.organizations, self.organizations.as_ref());
        replace(&mut table.admins, self.admins.as_ref());
        if self.client_id.is_some() {
            table.client_id.clone_from(&self.client_id);
        }
    }
}

fn replace<Value: Clone>(target: &mut Value, value: Option<&Value>) {
    if let Some(value) = value {
        target.clone_from(value);
    }
}

struct Variables<Find>(Find);

impl<Find: Fn(&str) -> Option<OsString>> Variables<Find> {
    fn text(&self, name: &str) -> Result<Option<String>, SettingsError> {
        let text = self.0(name).map(OsString::into_string).transpose();
        text.map_err(|_| SettingsError::new(format!("{name} is not text in UTF-8; set it to one")))
    }

    fn parsed<Value: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<Value>, SettingsError> {
        let value = self.text(name)?.map(|text| text.parse()).transpose();
        value.map_err(|error| SettingsError::new(format!("{name}: {error}")))
    }

    fn list(&self, name: &str) -> Result<Option<Vec<String>>, SettingsError> {
        Ok(self.text(name)?.map(|text| text.split(',').map(str::to_owned).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_wrong_is_named() {
        let refusal = |name: &'static str, value: &'static str| {
            let found = Overrides::from_variables(|asked| (asked == name).then(|| value.into()));
            found.unwrap_err().to_string()
        };
        for (name, value, told) in [
            ("REGISTRY_STORAGE", "ftp://x", "not a storage URL"),
            ("REGISTRY_UPSTREAM", "", "not the URL of a registry"),
            ("REGISTRY_LOG_FORMAT", "xml", "text or json"),
            ("REGISTRY_GITHUB_URL", "github", "not the URL of a registry"),
        ] {
            let refusal = refusal(name, value);
            assert!(refusal.starts_with(&format!("{name}: ")) && refusal.contains(told), "{refusal}");
        }
    }

    #[test]
    fn every_variable_that_is_read_is_listed() {
        let read = std::cell::RefCell::new(Vec::new());
        let found = Overrides::from_variables(|name| {
            read.borrow_mut().push(name.to_owned());
            None
        });
        assert_eq!(found.unwrap(), Overrides::default());
        assert_eq!(read.into_inner(), Overrides::VARIABLES);
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_no_text_is_refused() {
        use std::os::unix::ffi::OsStringExt as _;
        let broken = |_: &str| Some(OsString::from_vec(vec![0xff]));
        let refusal = Overrides::from_variables(broken).unwrap_err().to_string();
        assert!(refusal.starts_with("REGISTRY_CONFIG is not text in UTF-8"), "{refusal}");
    }
}
