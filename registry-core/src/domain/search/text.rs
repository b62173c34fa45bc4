/// The most words of a text that are evaluated.
const MOST_TERMS: usize = 32;

/// A search text as typed: words, all of which must occur in a package, and qualifiers.
///
/// | qualifier | finds |
/// |---|---|
/// | `scope:acme` | packages of the scope, with or without the `@` |
/// | `author:ana` | packages that ana wrote or published |
/// | `maintainer:ana` | packages that ana owns |
/// | `keywords:a,b,-c` | packages with one of the keywords `a` and `b`, and without `c` |
/// | `is:deprecated`, `not:deprecated` | packages whose `latest` is deprecated, or not |
/// | `is:unstable`, `not:unstable` | packages whose `latest` is below 1.0.0 or a prerelease, or not |
/// | `boost-exact:false` | the same, without putting the package of exactly this name first |
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SearchText {
    pub(super) terms: Vec<String>,
    /// All words joined to one name.
    pub(super) whole: String,
    pub(super) scopes: Vec<String>,
    pub(super) authors: Vec<String>,
    pub(super) maintainers: Vec<String>,
    pub(super) keywords: Vec<String>,
    pub(super) without_keywords: Vec<String>,
    /// States that a package must have, or must not have.
    pub(super) states: Vec<(State, bool)>,
    pub(super) exact_comes_later: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Unstable,
    Deprecated,
    Insecure,
}

impl SearchText {
    /// Parses a text. Every text is valid: a word that is not a qualifier is a search term.
    pub(crate) fn parse(text: &str) -> Self {
        let folded = text.to_lowercase();
        let mut parsed = Self::default();
        for word in folded.split_whitespace().map(|word| word.trim_matches('"')) {
            if !word.is_empty() && !parsed.take_qualifier(word) && parsed.terms.len() < MOST_TERMS {
                parsed.terms.push(word.to_owned());
            }
        }
        parsed.whole = parsed.terms.join(" ");
        parsed
    }

    /// Returns the scopes of `scope:` qualifiers.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().map(String::as_str)
    }

    /// Whether the word is a qualifier with a value. One without a value is an ordinary word.
    fn take_qualifier(&mut self, word: &str) -> bool {
        let Some((qualifier, value)) = word.split_once(':').filter(|(_, value)| !value.is_empty()) else {
            return false;
        };
        match qualifier {
            "scope" => {
                let scope = value.trim_start_matches('@').trim_end_matches('/');
                self.scopes.push(scope.to_owned());
            }
            "author" => self.authors.push(value.to_owned()),
            "maintainer" => self.maintainers.push(value.to_owned()),
            "keywords" => {
                for keyword in value.split(',').filter(|keyword| !keyword.is_empty()) {
                    match keyword.strip_prefix('-') {
                        Some(keyword) => self.without_keywords.push(keyword.to_owned()),
                        None => self.keywords.push(keyword.to_owned()),
                    }
                }
            }
            "is" | "not" => {
                let state = match value {
                    "unstable" => State::Unstable,
                    "deprecated" => State::Deprecated,
                    "insecure" => State::Insecure,
                    _ => return false,
                };
                self.states.push((state, qualifier == "is"));
            }
            "boost-exact" => self.exact_comes_later = value == "false",
            // Weights for a ranking by usage, which this registry does not measure.
            "quality-weight" | "popularity-weight" | "maintenance-weight" => {}
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualifiers_are_distinguished_from_words() {
        let text =
            SearchText::parse("Green \"fruit\" scope:@Acme keywords:a,,-b is:unstable boost-exact:false");
        assert_eq!(text.terms, ["green", "fruit"]);
        assert_eq!(text.whole, "green fruit");
        assert_eq!(text.scopes, ["acme"]);
        assert_eq!((text.keywords, text.without_keywords), (vec!["a".to_owned()], vec!["b".to_owned()]));
        assert_eq!(text.states, [(State::Unstable, true)]);
        assert!(text.exact_comes_later);
    }

    #[test]
    fn other_words_are_search_terms() {
        let words = ["author:", "is:green", "http://x", "a:b"];
        assert_eq!(SearchText::parse(&words.join(" ")).terms, words);
    }
}
