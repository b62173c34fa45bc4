use crate::access::AccessRules;
use crate::domain::PackageName;
use crate::domain::search::SearchText;

/// Fewer bytes of a longer name do not disclose it, and many texts contain words of one or two letters.
const TELLING: usize = 3;

/// The letters and digits of a hosted package's name, which are compared with search texts.
#[derive(Debug, Clone)]
pub(super) struct PrivateName {
    folded: String,
    scope: String,
    base: String,
}

impl PrivateName {
    pub(super) fn new(name: &PackageName) -> Self {
        Self {
            folded: name.as_str().to_lowercase(),
            scope: letters(name.scope().unwrap_or_default()),
            base: letters(name.base()),
        }
    }

    fn begins_with(&self, piece: &str) -> bool {
        let after_scope =
            || piece.strip_prefix(self.scope.as_str()).is_some_and(|rest| self.base.starts_with(rest));
        begins(&self.scope, piece) || begins(&self.base, piece) || (!self.scope.is_empty() && after_scope())
    }
}

/// A text that a user typed, which is sent to an upstream only if it cannot name anything private.
///
/// A user who looks for a private package types its name, its scope, or the beginning of either, with other characters
/// in between and around it. So a text is withheld if any part of it, letters and digits only, is the whole scope or
/// name of a hosted package, or at least three bytes of its beginning, regardless of the readers of that package, or
/// matches a rule whose names are withheld from the upstream. That also withholds many texts that name nothing private.
#[derive(Debug)]
pub(super) struct TypedText {
    /// As typed, split at characters that cannot occur in a name.
    words: Vec<String>,
    /// Letters and digits: of each whole word, and of its parts between other characters.
    pieces: Vec<String>,
    scopes: Vec<String>,
    is_readable: bool,
}

impl TypedText {
    pub(super) fn new(text: &str) -> Self {
        let words = text.split(|c: char| c.is_whitespace() || ":,;\"'`|()[]{}<>".contains(c));
        let words: Vec<_> = words.filter(|word| !word.is_empty()).map(str::to_owned).collect();
        let mut pieces: Vec<_> = words.iter().map(|word| letters(word)).collect();
        for word in &words {
            pieces.extend(word.split(|c: char| !c.is_alphanumeric()).map(letters));
        }
        pieces.retain(|piece| !piece.is_empty());
        pieces.sort_unstable();
        pieces.dedup();
        let after_at = words.iter().filter_map(|word| word.strip_prefix('@')?.split('/').next());
        let scopes = after_at.map(str::to_owned).collect();
        // An escaped text could be anything.
        Self { words, pieces, scopes, is_readable: !text.contains('%') }
    }

    /// Whether the text may be sent to `upstream`.
    pub(super) fn may_be_seen_by<'a>(
        &self,
        upstream: &str,
        rules: &AccessRules,
        mut hosted: impl Iterator<Item = &'a PrivateName>,
    ) -> bool {
        self.is_readable && !self.fits_a_hidden_rule(upstream, rules) && !hosted.any(|name| self.names(name))
    }

    fn names(&self, name: &PrivateName) -> bool {
        self.pieces.iter().any(|piece| name.begins_with(piece))
            // Names without letters have no pieces.
            || self.words.iter().any(|word| word.eq_ignore_ascii_case(&name.folded))
    }

    fn fits_a_hidden_rule(&self, upstream: &str, rules: &AccessRules) -> bool {
        let is_hidden = |name: &str| {
            let name = PackageName::parse(name).ok();
            name.is_some_and(|name| !rules.origin(&name).upstreams.iter().any(|id| **id == *upstream))
        };
        let with_version = |word: &str| word.rfind('@').filter(|at| *at > 0).map(|at| word[..at].to_owned());
        let mut names = self.words.iter().flat_map(|word| {
            [Some(word.clone()), Some(word.to_lowercase()), with_version(word)].into_iter().flatten()
        });
        let fits_literal = |literal: &str| {
            let literal = letters(literal);
            let fits = |piece: &String| {
                begins(&literal, piece) || (!literal.is_empty() && piece.starts_with(&literal))
            };
            self.pieces.iter().any(fits)
        };
        let typed = SearchText::parse(&self.words.join(" "));
        let mut scopes = self.scopes.iter().map(String::as_str).chain(typed.scopes());
        names.any(|name| is_hidden(&name))
            || scopes.any(|scope| !rules.scope_comes_from(scope, upstream))
            || rules.literals_hidden_from(upstream).any(fits_literal)
    }
}

/// Whether a piece of text is the beginning of a name, or all of it.
fn begins(name: &str, piece: &str) -> bool {
    name == piece || (piece.len() >= TELLING && name.starts_with(piece))
}

/// The letters and digits of a text, in lowercase.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::access::RuleSettings;

    fn rules() -> AccessRules {
        let rules: Vec<RuleSettings> = serde_json::from_value(json!([
            { "match": "@acme/*", "read": ["@all"] },
            { "match": "tool-*", "read": ["@all"] },
            { "match": "@*-corp/*", "read": ["@all"] },
            { "match": "**", "read": ["@all"], "origin": ["hosted", "npm"] },
        ]))
        .unwrap();
        AccessRules::compile_with_upstreams(&rules, &["npm"]).unwrap()
    }

    fn is_sent(text: &str) -> bool {
        let hosted = ["@pear/secret-project", "Titan", "blue_moon.js", "~"];
        let hosted: Vec<_> = hosted.iter().map(|name| PrivateName::new(&name.parse().unwrap())).collect();
        TypedText::new(text).may_be_seen_by("npm", &rules(), hosted.iter())
    }

    #[test]
    fn texts_that_name_nothing_private_are_sent() {
        for text in [
            "react",
            "keywords:react,vue",
            "scope:babel core",
            "@babel/core",
            "left-pad",
            "är",
            "!",
            "a to b",
        ] {
            assert!(is_sent(text), "{text}");
        }
    }

    #[test]
    fn hosted_names_their_scopes_and_their_prefixes_are_withheld() {
        for text in [
            "@pear/secret-project",
            "@pear/secret-project@1.0.0",
            "@PEAR",
            "pear",
            "pea",
            "secret-project",
            "secret project",
            "SecretProject",
            "pearsecretpro",
            "react secret",
            "react-titan",
            "tit",
            "author:titan",
            "keywords:x,titan",
            "\"titan\"",
            "(titan)",
            "blue moon",
            "bluemoon",
            "blue-moon.js",
            "~",
            "%74itan",
        ] {
            assert!(!is_sent(text), "{text}");
        }
    }

    #[test]
    fn names_of_hidden_rules_are_withheld_even_if_not_hosted() {
        for text in [
            "@acme/new",
            "@acme",
            "acme",
            "acm",
            "scope:acme",
            "scope:@acme x",
            "tool-x",
            "toolx",
            "tool",
            "tools for x",
            "@my-corp/x",
            "@my-corp",
            "scope:my-corp",
        ] {
            assert!(!is_sent(text), "{text}");
        }
        assert!(!TypedText::new("react").may_be_seen_by("other", &rules(), std::iter::empty()));
    }
}
