use serde::Deserialize;

use crate::limits::TokenLifetimes;

/// `[tokens]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenTokens")]
pub struct TokenSettings {
    /// The default lifetime in days of a token of `npm token create`; 0 for the maximum.
    pub default_days: u32,
    /// The maximum lifetime in days; 0 for no limit.
    pub most_days: u32,
}

/// The section as written: a default that is not written is reduced to the maximum, and one that is written must fit.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTokens {
    default_days: Option<u32>,
    most_days: Option<u32>,
}

impl TryFrom<WrittenTokens> for TokenSettings {
    type Error = String;

    fn try_from(written: WrittenTokens) -> Result<Self, String> {
        let usual = Self::default();
        let most_days = written.most_days.unwrap_or(usual.most_days);
        match written.default_days {
            Some(days) if most_days > 0 && days > most_days => Err(format!(
                "default_days is {days}, which is more than most_days ({most_days}): lower default_days, or raise most_days"
            )),
            Some(default_days) => Ok(Self { default_days, most_days }),
            None => Ok(Self { most_days, ..usual }),
        }
    }
}

impl Default for TokenSettings {
    fn default() -> Self {
        let TokenLifetimes { default_days, most_days } = TokenLifetimes::default();
        Self { default_days: default_days.unwrap_or(0), most_days: most_days.unwrap_or(0) }
    }
}

impl TokenSettings {
    /// Converts the section to the library's settings. A default beyond the maximum is reduced to it.
    pub(crate) fn to_lifetimes(&self) -> TokenLifetimes {
        let set = |days: u32| Some(days).filter(|days| *days > 0);
        let most_days = set(self.most_days);
        let default_days = set(self.default_days).map(|days| days.min(most_days.unwrap_or(days)));
        TokenLifetimes { default_days, most_days }
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    #[test]
    fn a_default_beyond_the_maximum_is_refused_if_it_is_written() {
        for (section, days) in [
            ("default_days = 91\nmost_days = 90", None),
            ("default_days = 4000", None),
            ("default_days = 90\nmost_days = 90", Some((90, 90))),
            ("default_days = 91\nmost_days = 0", Some((91, 0))),
        ] {
            let read = Settings::from_toml(&format!("[tokens]\n{section}"));
            let read = read.map(|settings| (settings.tokens.default_days, settings.tokens.most_days));
            match (read, days) {
                (Ok(read), Some(days)) => assert_eq!(read, days, "{section}"),
                (Err(error), None) => {
                    let error = error.to_string();
                    assert!(error.contains("line 1") && error.contains("lower default_days"), "{error}");
                }
                (read, _) => panic!("{section}: {read:?}"),
            }
        }
        let low = Settings::from_toml("[tokens]\nmost_days = 1").unwrap().tokens.to_lifetimes();
        assert_eq!((low.default_days, low.most_days), (Some(1), Some(1)));
    }
}
