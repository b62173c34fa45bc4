use crate::domain::Version;

use super::text::State;
use super::{Findable, SearchEntry, SearchText};

/// How well a package matches. Greater is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Relevance {
    is_exact: bool,
    score: u32,
}

/// The score of every match of a search that has only qualifiers.
const QUALIFIED: u32 = 50;

impl Relevance {
    /// Returns the score, from 0 to 100.
    pub(crate) fn score(self) -> u32 {
        self.score
    }
}

impl SearchText {
    /// Returns how well a package matches; `None` if it does not.
    pub(crate) fn relevance(&self, package: &Findable) -> Option<Relevance> {
        let entry = package.entry.as_ref()?;
        if !self.qualifies(package, entry) {
            return None;
        }
        let mut sum = 0;
        for term in &self.terms {
            sum += of_term(package, term)?;
        }
        // There are only a few terms.
        let mean = u32::try_from(self.terms.len()).ok().and_then(|terms| sum.checked_div(terms));
        let score = mean.unwrap_or(QUALIFIED);
        Some(Relevance {
            is_exact: !self.exact_comes_later && package.folded_name == self.whole,
            score: if entry.deprecated { score / 2 } else { score },
        })
    }

    fn qualifies(&self, package: &Findable, entry: &SearchEntry) -> bool {
        let any = |wanted: &[String], found: &[String]| {
            wanted.is_empty() || wanted.iter().any(|wanted| found.contains(wanted))
        };
        let scope = package.scope();
        let is_in_scope = self.scopes.is_empty() || self.scopes().any(|wanted| scope == Some(wanted));
        is_in_scope
            && any(&self.authors, &package.authors)
            && any(&self.maintainers, &package.maintainers)
            && any(&self.keywords, &package.keywords)
            && !self.without_keywords.iter().any(|keyword| package.keywords.contains(keyword))
            && self.states.iter().all(|(state, wanted)| is(entry, *state) == *wanted)
    }
}

fn is(entry: &SearchEntry, state: State) -> bool {
    match state {
        State::Deprecated => entry.deprecated,
        // The index has no advisories.
        State::Insecure => false,
        State::Unstable => {
            let is_zero = entry.version.starts_with("0.");
            is_zero || Version::parse(&entry.version).is_ok_and(|version| version.is_prerelease())
        }
    }
}

/// Scores a matching word: highest in the name, lowest within the description.
fn of_term(package: &Findable, term: &str) -> Option<u32> {
    let (name, base) = (package.folded_name.as_str(), package.base());
    let is_word_of = |text: &str| text.split(|c: char| !c.is_alphanumeric()).any(|word| word == term);
    let scope_asked_for = term.strip_prefix('@').unwrap_or(term).trim_end_matches('/');
    let among = |found: &[String]| found.iter().any(|found| found == term);
    let begins = |found: &[String]| found.iter().any(|found| found.starts_with(term));
    let worth = if name == term {
        100
    } else if base == term {
        90
    } else if is_word_of(base) {
        75
    } else if package.scope() == Some(scope_asked_for) {
        70
    } else if name.starts_with(term) || base.starts_with(term) {
        65
    } else if name.contains(term) {
        50
    } else if among(&package.keywords) {
        45
    } else if begins(&package.keywords) {
        30
    } else if is_word_of(&package.description) {
        25
    } else if among(&package.maintainers) || among(&package.authors) {
        20
    } else if package.description.contains(term) {
        15
    } else if begins(&package.maintainers) {
        10
    } else {
        return None;
    };
    Some(worth)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::packument::Person;

    fn package(name: &str, change: impl FnOnce(&mut SearchEntry)) -> Findable {
        let mut entry = SearchEntry { version: "1.0.0".into(), ..SearchEntry::default() };
        change(&mut entry);
        Findable::new(name.parse().unwrap(), Some(entry))
    }

    fn score(text: &str, package: &Findable) -> Option<u32> {
        SearchText::parse(text).relevance(package).map(Relevance::score)
    }

    #[test]
    fn a_name_counts_more_than_a_keyword_and_that_more_than_a_description() {
        let packages = [
            package("pear", |_| ()),
            package("@acme/pear", |_| ()),
            package("green-pear", |_| ()),
            package("pearson", |_| ()),
            package("spears", |_| ()),
            package("a", |entry| entry.keywords = vec!["Pear".into()]),
            package("b", |entry| entry.keywords = vec!["pears".into()]),
            package("c", |entry| entry.description = "Peels a pear.".into()),
            package("d", |entry| {
                entry.maintainers = vec![Person { name: "pear".into(), email: String::new() }];
            }),
            package("e", |entry| entry.description = "spearmint".into()),
        ];
        let scores: Vec<_> = packages.iter().map(|package| score("Pear", package).unwrap()).collect();
        assert!(scores.is_sorted_by(|better, worse| better > worse), "{scores:?}");
        assert_eq!(score("pear", &package("apple", |_| ())), None);
    }

    #[test]
    fn all_words_must_be_found() {
        let pear = package("pear", |entry| entry.description = "a green fruit".into());
        assert!(score("pear green", &pear).is_some());
        assert_eq!(score("pear blue", &pear), None);
    }

    #[test]
    fn the_exact_name_comes_first_by_default() {
        let pear = package("pear", |entry| entry.deprecated = true);
        let other = package("@acme/pear", |_| ());
        let order = |text: &str| {
            let text = SearchText::parse(text);
            text.relevance(&pear).cmp(&text.relevance(&other))
        };
        assert!(order("pear").is_gt());
        assert!(order("pear boost-exact:false").is_lt());
    }

    #[test]
    fn qualifiers_narrow() {
        let pear = package("@acme/pear", |entry| {
            entry.version = "0.9.0".into();
            entry.author = Some("Ana".into());
            entry.maintainers = vec![Person { name: "ben".into(), email: String::new() }];
            entry.keywords = vec!["fruit".into(), "green".into()];
        });
        for found in [
            "scope:acme",
            "scope:@acme pear",
            "author:ana",
            "maintainer:ben",
            "keywords:x,fruit",
            "is:unstable",
            "not:deprecated",
            "not:insecure",
        ] {
            assert!(score(found, &pear).is_some(), "{found}");
        }
        for hidden in [
            "scope:acm",
            "author:ben",
            "maintainer:ana",
            "keywords:x",
            "keywords:-green",
            "not:unstable",
            "is:deprecated",
            "is:insecure",
        ] {
            assert_eq!(score(hidden, &pear), None, "{hidden}");
        }
    }
}
