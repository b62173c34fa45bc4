use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest name, so that it fits into a key of the store.
const LONGEST: usize = 64;

/// The name of an organization, or of a team in one: lowercase letters, digits, `-`, `_` and `.`, beginning with a
/// letter or a digit, at most 64 characters. An organization belongs to the scope of the same name.
///
/// ```
/// use registry_core::domain::GroupName;
/// // Clients write organizations with and without the `@` of the scope.
/// assert_eq!(GroupName::parse("@acme")?.as_str(), "acme");
/// assert!(GroupName::parse("Acme").is_err());
/// # Ok::<(), registry_core::domain::GroupNameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GroupName(String);

/// The text is not a valid name of an organization or a team.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of an organization or a team has 1 to {LONGEST} lowercase letters, digits, `-`, `_` or `.`, \
     and begins with a letter or a digit: choose another one"
)]
pub struct GroupNameError;

impl GroupName {
    /// Parses a name. Strips a leading `@`.
    pub fn parse(text: &str) -> Result<Self, GroupNameError> {
        let name = text.strip_prefix('@').unwrap_or(text);
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let begins_well = name.bytes().next().is_some_and(is_plain);
        let goes_on = name.bytes().all(|byte| is_plain(byte) || matches!(byte, b'-' | b'_' | b'.'));
        if begins_well && goes_on && name.len() <= LONGEST {
            Ok(Self(name.to_owned()))
        } else {
            Err(GroupNameError)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<GroupName> for String {
    fn from(name: GroupName) -> Self {
        name.0
    }
}

impl TryFrom<String> for GroupName {
    type Error = GroupNameError;

    fn try_from(text: String) -> Result<Self, GroupNameError> {
        Self::parse(&text)
    }
}

/// The role of a member in an organization. A greater role may do more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrganizationRole {
    /// A member, who sees the other members.
    Developer,
    /// May also change teams, and members who are not owners.
    Admin,
    /// May do everything.
    Owner,
}

impl fmt::Display for OrganizationRole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Developer => "developer",
            Self::Admin => "admin",
            Self::Owner => "owner",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_safe_everywhere_is_a_name() {
        for name in ["a", "7", "acme-web_1.x", &"a".repeat(64)] {
            assert_eq!(GroupName::parse(name).unwrap().as_str(), name);
        }
        for text in
            ["", "@", "@@a", ".a", "-a", "_a", "A", "a b", "a/b", "a:b", "ä", "a\r\n", &"a".repeat(65)]
        {
            assert_eq!(GroupName::parse(text), Err(GroupNameError), "{text:?}");
        }
    }
}
