use serde::Deserialize;

/// `[login]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoginSettings {
    /// Whether clients may log in with the browser, and request a one-time password there.
    pub web: bool,
}

impl Default for LoginSettings {
    fn default() -> Self {
        Self { web: true }
    }
}
