use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::Principal;

/// What is publicly known of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Who it is, with the groups as they are now.
    pub principal: Principal,
    /// The mail address, where one is known.
    pub email: Option<String>,
    /// What else is known.
    pub details: ProfileDetails,
}

/// What a provider may know of an account beside who it is. Nothing, by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfileDetails {
    /// What the holder says of themselves, without the mail address; no field is there twice.
    pub fields: Vec<(ProfileField, String)>,
    /// When the account was made.
    pub created: Option<DateTime<Utc>>,
    /// When it was last changed.
    pub updated: Option<DateTime<Utc>>,
    /// Sessions that began before this moment have ended, whatever their tokens say.
    pub sessions_since: Option<DateTime<Utc>>,
}

impl ProfileDetails {
    /// What a field holds, if anything.
    pub fn get(&self, field: ProfileField) -> Option<&str> {
        self.fields.iter().find(|(known, _)| *known == field).map(|(_, text)| text.as_str())
    }
}

/// What holders say of themselves, as `npm profile set` names it.
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
    /// All of them, in the order in which npm shows them.
    pub const ALL: [Self; 6] =
        [Self::Email, Self::FullName, Self::Homepage, Self::GitHub, Self::Twitter, Self::Freenode];

    /// The name that npm has for it.
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

/// What is to be changed of an account: all of it, or nothing.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    /// Another password. It ends all sessions of the account.
    pub password: Option<NewPassword>,
    /// What is to be set, or with `None` to be cleared.
    pub fields: Vec<(ProfileField, Option<String>)>,
}

/// A password and the one that comes after it.
#[derive(Debug, Clone)]
pub struct NewPassword {
    /// The password so far, which is checked.
    pub old: SecretString,
    /// The password from now on.
    pub new: SecretString,
}

/// What came of changing an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountChanged {
    /// All was changed, and the account is now so.
    Profile(Profile),
    /// The old password is wrong. Nothing was changed.
    WrongPassword,
    /// This provider has no such account, or does not change them: ask the next one.
    NotOffered,
}
