use crate::access::AccessRules;
use crate::domain::PackageName;
use crate::domain::search::SearchText;

/// Fewer bytes of a longer name tell nobody what it is, and many a text has words of one or two letters.
const TELLING: usize = 3;

/// The letters and digits of a hosted package's name, by which a text that was typed is compared with it.
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

/// A text that somebody typed, on its way to an upstream if it cannot name anything private.
///
/// Somebody who looks for a private package types its name, its scope, or the beginning of either, with other
/// signs in between and around it. So a text is held back if any part of it, letters and digits only, is the
/// whole scope or name of a hosted package, or at least three bytes of its beginning, whoever may read that package,
/// or fits a rule whose names the upstream must not hear of. That holds back many a text which names nothing private,
/// too.
#[derive(Debug)]
pub(super) struct TypedText {
    /// As typed, divided where no name goes on.
    words: Vec<String>,
    /// Letters and digits: of each word as a whole, and of what is between its other signs.
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
        // What is escaped could be anything.
        Self { words, pieces, scopes, is_readable: !text.contains('%') }
    }

    /// Whether `upstream` may see the text.
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
            // Of names without letters there are no pieces.
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

/// Whether a piece of text tells how a name begins, or all of it.
fn begins(name: &str, piece: &str) -> bool {
    name == piece || (piece.len() >= TELLING && name.starts_with(piece))
}

/// The letters and digits of a text, small.
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
    fn what_names_nothing_private_is_sent() {
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
    fn hosted_names_their_scopes_and_their_beginnings_are_held_back() {
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
    fn names_of_hidden_rules_are_held_back_though_nobody_hosts_them() {
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
