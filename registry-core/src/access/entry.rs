use std::fmt;

use super::groups::Subject;
use crate::nearest::nearest;

/// The callers that an entry of a rule matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// `@all`: every caller, signed in or not.
    All,
    /// `@authenticated`: every signed-in caller.
    Authenticated,
    /// `user:ana`.
    User(Box<str>),
    /// `group:github:acme/platform`.
    Group(Box<str>),
}

impl Entry {
    /// Parses an entry of a rule, or returns what to write instead.
    pub(super) fn parse(entry: &str) -> Result<Self, String> {
        let named = |name: &str| !name.is_empty() && !name.contains(char::is_whitespace);
        match (entry, entry.split_once(':')) {
            ("@all", _) => Ok(Self::All),
            ("@authenticated", _) => Ok(Self::Authenticated),
            (_, Some(("user", name))) if named(name) => Ok(Self::User(name.into())),
            (_, Some(("group", name))) if named(name) => Ok(Self::Group(name.into())),
            _ => Err(instead_of(entry)),
        }
    }

    pub(super) fn holds(&self, subject: &Subject<'_>) -> bool {
        match (self, subject.principal) {
            (Self::All, _) | (Self::Authenticated, Some(_)) => true,
            (Self::User(name), Some(principal)) => **name == *principal.name,
            (Self::Group(name), Some(_)) => {
                subject.groups.iter().any(|group| group.eq_ignore_ascii_case(name))
            }
            (_, None) => false,
        }
    }

    /// Returns the organization of the entry's group: `acme` of `group:github:acme/platform`.
    pub(super) fn group_organization(&self) -> Option<&str> {
        let Self::Group(group) = self else { return None };
        let group = group.split_once(':').map_or(&**group, |(_, group)| group);
        Some(group.split_once('/').map_or(group, |(organization, _)| organization))
    }

    /// Returns whether the entry names a user or a group.
    pub(super) fn names_principals(&self) -> bool {
        matches!(self, Self::User(_) | Self::Group(_))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => formatter.write_str("@all"),
            Self::Authenticated => formatter.write_str("@authenticated"),
            Self::User(name) => write!(formatter, "user:{name}"),
            Self::Group(name) => write!(formatter, "group:{name}"),
        }
    }
}

/// Returns the probable meaning of an invalid entry.
fn instead_of(entry: &str) -> String {
    let text: String = entry.split_whitespace().collect();
    let word = text.trim_start_matches(['@', '$']).to_ascii_lowercase();
    match (word.as_str(), text.split_once(':')) {
        ("all" | "*" | "**" | "everyone" | "anyone" | "public", _) => "`@all`".into(),
        ("authenticated", _) => "`@authenticated`".into(),
        ("", _) | (_, Some((_, ""))) => {
            "`@all`, `@authenticated`, `user:NAME` or `group:PROVIDER:NAME`, such as `group:local:acme`"
                .into()
        }
        (_, Some((kind, name))) if is_kind(kind, "user") => format!("`user:{name}`"),
        (_, Some((kind, name))) if is_kind(kind, "group") && name.contains(':') => {
            format!("`group:{name}`")
        }
        (_, Some((kind, name))) if is_kind(kind, "group") => group_of_a_provider(name),
        (_, Some(_)) => format!("`group:{text}`"),
        (_, None) if nearest(&word, ["authenticated"]).is_some() => "`@authenticated`".into(),
        (_, None) => {
            let name = text.trim_start_matches(['@', '$']);
            // Not for a plain word: a user may be called almost so, and everybody is many to let in by mistake.
            let is_near_all = name != text && nearest(&word, ["all"]).is_some();
            let all = if is_near_all { "`@all`, " } else { "" };
            format!("{all}`user:{name}` or {}", group_of_a_provider(name))
        }
    }
}

/// Whether `written` is this kind of entry, in other letters or misspelled.
fn is_kind(written: &str, kind: &str) -> bool {
    nearest(&written.to_ascii_lowercase(), [kind]).is_some()
}

/// Returns the group of that name that every registry can have.
fn group_of_a_provider(name: &str) -> String {
    format!("`group:local:{name}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::groups::GroupMask;
    use crate::vocabulary::Principal;

    #[test]
    fn matches_the_callers_that_it_names() {
        let ana = Principal::user("ana").in_group("github:Acme/Platform");
        for (entry, for_ana, for_anonymous) in [
            ("@all", true, true),
            ("@authenticated", true, false),
            ("user:ana", true, false),
            ("user:Ana", false, false),
            ("user:an", false, false),
            ("group:github:acme/platform", true, false),
            ("group:github:acme", false, false),
            ("group:ana", false, false),
        ] {
            let text = entry;
            let entry = Entry::parse(entry).unwrap();
            let mask = GroupMask::of(std::slice::from_ref(&entry));
            assert_eq!(entry.holds(&Subject::of(Some(&ana), mask)), for_ana, "{entry:?}");
            assert_eq!(entry.holds(&Subject::of(None, mask)), for_anonymous, "{entry:?}");
            assert_eq!(entry.to_string(), text);
        }
    }

    #[test]
    fn an_invalid_entry_reports_what_to_write() {
        const ANY: &str =
            "`@all`, `@authenticated`, `user:NAME` or `group:PROVIDER:NAME`, such as `group:local:acme`";
        for (entry, instead) in [
            ("all", "`@all`"),
            ("$all", "`@all`"),
            ("*", "`@all`"),
            ("$authenticated", "`@authenticated`"),
            ("@Authenticated", "`@authenticated`"),
            ("@authenticatd", "`@authenticated`"),
            ("$authenticatd", "`@authenticated`"),
            ("autenticated", "`@authenticated`"),
            ("@al", "`@all`, `user:al` or `group:local:al`"),
            ("al", "`user:al` or `group:local:al`"),
            ("usr:ana", "`user:ana`"),
            ("gruop:github:acme", "`group:github:acme`"),
            ("ana", "`user:ana` or `group:local:ana`"),
            ("@acme", "`user:acme` or `group:local:acme`"),
            ("User:ana", "`user:ana`"),
            ("user: ana", "`user:ana`"),
            ("github:acme", "`group:github:acme`"),
            ("Group:acme", "`group:local:acme`"),
            ("Group:github:acme", "`group:github:acme`"),
            ("group:", ANY),
            ("", ANY),
        ] {
            assert_eq!(Entry::parse(entry).unwrap_err(), instead, "{entry:?}");
        }
    }
}
