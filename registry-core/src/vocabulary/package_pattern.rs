use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::GroupName;

/// A pattern of package names: literal text, `*` for any text without a `/`, `**` for any text at all. Ignores case,
/// so that no spelling of a name escapes its rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct PackagePattern(Arc<str>);

impl TryFrom<String> for PackagePattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        Self::parse(&text)
    }
}

/// Why a text is not a pattern. Displays as the rest of a sentence that begins with "it".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// The text is empty.
    #[error("is empty; write `**` for every package")]
    Empty,
    /// Begins with `!`, as exceptions do elsewhere.
    #[error("begins with `!`, and rules know no exceptions; write an earlier rule for the exception")]
    Negated,
    /// Three stars in a row.
    #[error("has three stars in a row; write `*` for any text without a `/`, or `**` for any text")]
    Stars,
    /// Contains a character that no package name contains.
    #[error("holds {character:?}, which no package name holds; only `*` and `**` stand for other text")]
    Character {
        /// The first such character.
        character: char,
    },
    /// A scope without a name, a `/` without a scope, a version.
    #[error("matches no package name; write `{instead}`")]
    Impossible {
        /// The probable meaning.
        instead: String,
    },
}

impl PackagePattern {
    /// Parses a pattern of an access rule.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        if pattern.is_empty() {
            return Err(PatternError::Empty);
        }
        if pattern.starts_with('!') {
            return Err(PatternError::Negated);
        }
        if pattern.contains("***") {
            return Err(PatternError::Stars);
        }
        let fits = |character: char| character.is_ascii_alphanumeric() || "-_.!~*'()@/".contains(character);
        if let Some(character) = pattern.chars().find(|character| !fits(*character)) {
            return Err(PatternError::Character { character });
        }
        let possible = match pattern.split_once('/') {
            None => !pattern.contains('@'),
            Some((scope, name)) => {
                (scope.starts_with('*') || scope.strip_prefix('@').is_some_and(|scope| !scope.is_empty()))
                    && !scope[1..].contains('@')
                    && !name.is_empty()
                    && !name.contains(['@', '/'])
            }
        };
        if possible {
            Ok(Self(pattern.into()))
        } else {
            Err(PatternError::Impossible { instead: possible_instead_of(pattern) })
        }
    }

    /// `**`.
    pub(crate) fn everything() -> Self {
        Self("**".into())
    }

    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the pattern matches a package name, ignoring case.
    pub fn matches(&self, name: &str) -> bool {
        matches(self.0.as_bytes(), name.as_bytes())
    }

    /// Returns whether the pattern is for packages of this scope, or of some scopes that include it, but not of all
    /// scopes.
    pub(crate) fn means_scope(&self, scope: &GroupName) -> bool {
        let is_of_all = |scopes: &str| scopes.bytes().all(|byte| matches!(byte, b'@' | b'*'));
        match self.0.split_once('/') {
            Some((scopes, _)) => {
                !is_of_all(scopes) && matches(scopes.as_bytes(), format!("@{scope}").as_bytes())
            }
            // `**acme**` covers scopes too.
            None => !is_of_all(&self.0) && self.matches(&format!("@{scope}/*")),
        }
    }

    /// Returns whether every name that `other` matches is known to match this pattern too.
    ///
    /// This pattern is matched against the text of `other`. Only a star of this pattern can match a star of `other`,
    /// and it also matches any text that the other star can stand for. A `**` may stand for a `/`, which `*` does not
    /// match, so a pattern with one is only compared as a whole.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        if *self.0 == *"**" || self.0.eq_ignore_ascii_case(&other.0) {
            return true;
        }
        !other.0.contains("**") && self.matches(&other.0)
    }
}

/// Returns the probable meaning of a pattern that matches nothing: `@acme`, `acme/*`, `left-pad@1.0.0`.
fn possible_instead_of(pattern: &str) -> String {
    let without_version = pattern.trim_matches(['@', '/']).split('@').next().unwrap_or_default();
    let text = without_version.trim_end_matches('/');
    match text.split_once('/') {
        None if text.is_empty() => "@*/*".into(),
        None if pattern.starts_with('@') || pattern.contains('/') => format!("@{text}/*"),
        None => text.into(),
        Some((scope, rest)) => {
            let name = rest.trim_start_matches('/').split('/').next().unwrap_or_default();
            format!("@{scope}/{name}")
        }
    }
}

/// Gives each star the shortest text, and lengthens it when the rest does not match. Only the last star of each kind
/// needs lengthening: a longer text for an earlier one leaves less to the later ones.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut pattern_at, mut name_at) = (0, 0);
    let mut any_text: Option<(usize, usize)> = None;
    let mut any_segment: Option<(usize, usize)> = None;
    loop {
        let rest = &pattern[pattern_at..];
        if rest.starts_with(b"**") {
            pattern_at += 2;
            any_text = Some((pattern_at, name_at));
            any_segment = None;
        } else if rest.first() == Some(&b'*') {
            pattern_at += 1;
            any_segment = Some((pattern_at, name_at));
        } else if name_at < name.len()
            && rest.first().is_some_and(|byte| byte.eq_ignore_ascii_case(&name[name_at]))
        {
            pattern_at += 1;
            name_at += 1;
        } else if rest.is_empty() && name_at == name.len() {
            return true;
        } else if let Some((after, from)) =
            any_segment.filter(|(_, from)| !matches!(name.get(*from), None | Some(b'/')))
        {
            any_segment = Some((after, from + 1));
            (pattern_at, name_at) = (after, from + 1);
        } else if let Some((after, from)) = any_text.filter(|(_, from)| *from < name.len()) {
            any_text = Some((after, from + 1));
            any_segment = None;
            (pattern_at, name_at) = (after, from + 1);
        } else {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> PackagePattern {
        PackagePattern::parse(text).unwrap()
    }

    #[test]
    fn a_star_does_not_cross_a_slash() {
        for (text, matching, other) in [
            ("**", &["left-pad", "@acme/web", "@acme/web-app"][..], &[][..]),
            ("*", &["left-pad", "a"], &["@acme/web"]),
            ("left-pad", &["left-pad", "Left-Pad"], &["left-pa", "left-padd"]),
            ("Left-Pad", &["left-pad", "Left-pad"], &["left-pa"]),
            ("acme-*", &["acme-web", "acme-"], &["acme", "my-acme-web", "@acme-x/web"]),
            ("*-web-*", &["a-web-b", "web-web-web", "a-web-web-"], &["web-", "a-web"]),
            ("@acme/*", &["@acme/web", "@acme/_x", "@ACME/Web"], &["acme", "@acme2/web", "@acm/e"]),
            ("@ACME/*", &["@acme/web", "@Acme/web"], &["@acme2/web"]),
            ("@acme/**", &["@acme/web"], &["@other/web"]),
            ("@*/*", &["@acme/web", "@b/c"], &["left-pad"]),
            ("@*/config", &["@acme/config"], &["config", "@acme/config2"]),
            ("@acme-*/web*", &["@acme-x/web", "@acme-/web2"], &["@acme/web", "@acme-x/eweb"]),
            ("**-internal", &["a-internal", "@acme/a-internal"], &["a-internal-b"]),
        ] {
            for name in matching {
                assert!(pattern(text).matches(name), "{text} matches {name}");
            }
            for name in other {
                assert!(!pattern(text).matches(name), "{text} does not match {name}");
            }
        }
    }

    #[test]
    fn a_pattern_refers_to_the_scopes_that_it_names() {
        let scope = GroupName::parse("acme-tools").unwrap();
        for text in [
            "@acme-tools/*",
            "@Acme-Tools/web",
            "@acme-*/*",
            "@acme-*/web",
            "@*-tools/**",
            "@acme**/web",
            "*acme*/web",
            "**acme-**",
        ] {
            assert!(pattern(text).means_scope(&scope), "{text}");
        }
        for text in [
            "**",
            "*",
            "@*/*",
            "@**/*",
            "*/*",
            "**/web",
            "@*/acme-tools",
            "@acme/*",
            "@acme-too/*",
            "acme-tools",
            "acme-*",
            "*-tools",
            "**-tools",
        ] {
            assert!(!pattern(text).means_scope(&scope), "{text}");
        }
    }

    #[test]
    fn an_invalid_pattern_reports_what_to_write() {
        for (text, said) in [
            ("", "is empty; write `**` for every package"),
            (
                "!@acme/*",
                "begins with `!`, and rules know no exceptions; write an earlier rule for the exception",
            ),
            ("a***", "has three stars in a row; write `*` for any text without a `/`, or `**` for any text"),
            ("a b", "holds ' ', which no package name holds; only `*` and `**` stand for other text"),
            ("a?", "holds '?', which no package name holds; only `*` and `**` stand for other text"),
            ("@acme", "matches no package name; write `@acme/*`"),
            ("@acme/", "matches no package name; write `@acme/*`"),
            ("acme/*", "matches no package name; write `@acme/*`"),
            ("@acme/a/b", "matches no package name; write `@acme/a`"),
            ("/", "matches no package name; write `@*/*`"),
            ("@", "matches no package name; write `@*/*`"),
            ("@/a", "matches no package name; write `@a/*`"),
            ("@@a/b", "matches no package name; write `@a/b`"),
            ("left-pad@1.0.0", "matches no package name; write `left-pad`"),
            ("@acme/web@1.0.0", "matches no package name; write `@acme/web`"),
        ] {
            assert_eq!(PackagePattern::parse(text).unwrap_err().to_string(), said, "{text:?}");
        }
    }

    #[test]
    fn a_pattern_covers_narrower_ones() {
        for (wide, narrow) in [
            ("**", "@acme/**"),
            ("*", "left-pad"),
            ("*", "acme-*"),
            ("@acme/*", "@acme/secret"),
            ("@*/*", "@acme/*"),
            ("@acme/**", "@acme/*"),
            ("a*b", "a*b"),
            ("@acme/*", "@ACME/*"),
            ("@ACME/*", "@acme/secret"),
            ("React", "react"),
        ] {
            assert!(pattern(wide).covers(&pattern(narrow)), "{wide} covers {narrow}");
        }
        for (one, other) in
            [("*", "**"), ("*", "@*/*"), ("@acme/secret", "@acme/*"), ("a*b", "a*"), ("*a", "**a")]
        {
            assert!(!pattern(one).covers(&pattern(other)), "{one} does not cover {other}");
        }
    }

    /// The same by trying every length for every star.
    fn matches_naively(pattern: &str, name: &str) -> bool {
        if let Some(rest) = pattern.strip_prefix("**") {
            (0..=name.len()).any(|taken| matches_naively(rest, &name[taken..]))
        } else if let Some(rest) = pattern.strip_prefix('*') {
            (0..=name.len())
                .take_while(|taken| !name[..*taken].contains('/'))
                .any(|taken| matches_naively(rest, &name[taken..]))
        } else {
            match (pattern.chars().next(), name.chars().next()) {
                (None, None) => true,
                (Some(one), Some(other)) => {
                    one.eq_ignore_ascii_case(&other) && matches_naively(&pattern[1..], &name[1..])
                }
                _ => false,
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn matching_agrees_with_a_naive_search(text in "[abAB/*]{0,8}", name in "[abAB/]{0,10}") {
            prop_assume!(!text.contains("***"));
            prop_assert_eq!(matches(text.as_bytes(), name.as_bytes()), matches_naively(&text, &name));
        }

        #[test]
        fn a_suggestion_is_a_valid_pattern(text in "[a*@/!]{0,8}") {
            if let Err(PatternError::Impossible { instead }) = PackagePattern::parse(&text) {
                prop_assert!(PackagePattern::parse(&instead).is_ok(), "{text}: {instead}");
            }
        }

        #[test]
        fn a_covered_pattern_is_matched(
            wide in "@?[abA*]{1,4}(/[abA*]{1,3})?",
            narrow in "@?[abA*]{1,4}(/[abA*]{1,3})?",
            name in "@?[abA]{1,5}(/[abA]{1,4})?",
        ) {
            if let (Ok(wide), Ok(narrow)) = (PackagePattern::parse(&wide), PackagePattern::parse(&narrow))
                && wide.covers(&narrow)
                && narrow.matches(&name)
            {
                prop_assert!(wide.matches(&name), "{wide:?} covers {narrow:?} but not {name}");
            }
        }
    }
}
