use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::Principal;

/// The public part of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The principal, with its current groups.
    pub principal: Principal,
    /// The email address, if known.
    pub email: Option<String>,
    /// Further details.
    pub details: ProfileDetails,
}

/// Optional details of an account. Empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfileDetails {
    /// The profile fields, without the email address; each field occurs once.
    pub fields: Vec<(ProfileField, String)>,
    /// When the account was created.
    pub created: Option<DateTime<Utc>>,
    /// When it was last changed.
    pub updated: Option<DateTime<Utc>>,
    /// Sessions that began before this time have ended, even if their tokens exist.
    pub sessions_since: Option<DateTime<Utc>>,
}

impl ProfileDetails {
    /// Returns the value of a field, if set.
    pub fn get(&self, field: ProfileField) -> Option<&str> {
        self.fields.iter().find(|(known, _)| *known == field).map(|(_, text)| text.as_str())
    }
}

/// A profile field, by its name in `npm profile set`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProfileField {
    /// `email`
    Email,
    /// `fullname`
    FullName,
    /// `homepage`
    Homepage,
    /// `github`
    GitHub,
    /// `twitter`
    Twitter,
    /// `freenode`
    Freenode,
}

impl ProfileField {
    /// All fields, in the order in which npm displays them.
    pub const ALL: [Self; 6] =
        [Self::Email, Self::FullName, Self::Homepage, Self::GitHub, Self::Twitter, Self::Freenode];

    /// Returns npm's name for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::FullName => "fullname",
            Self::Homepage => "homepage",
            Self::GitHub => "github",
            Self::Twitter => "twitter",
            Self::Freenode => "freenode",
        }
    }
}

/// A change of an account. It applies as a whole or not at all.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    /// A new password. It ends all sessions of the account.
    pub password: Option<NewPassword>,
    /// Fields to set, or with `None` to clear.
    pub fields: Vec<(ProfileField, Option<String>)>,
}

/// The old and the new password.
#[derive(Debug, Clone)]
pub struct NewPassword {
    /// The current password, which is checked.
    pub old: SecretString,
    /// The new password.
    pub new: SecretString,
}

/// The result of a change of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountChanged {
    /// The account was changed and now looks like this.
    Profile(Profile),
    /// The old password is wrong. Nothing was changed.
    WrongPassword,
    /// This provider has no such account, or does not change them: ask the next one.
    NotOffered,
}
