/// The longest license expression in bytes.
const LONGEST: usize = 1000;

/// Whether an SPDX expression is satisfied by the allowed licenses: of `OR`, one must be allowed, of `AND` both. An
/// expression that cannot be read must be allowed as it is.
pub(super) fn is_licensed(license: &str, allowed: &[String]) -> bool {
    let is_allowed = |id: &str| allowed.iter().any(|known| known.eq_ignore_ascii_case(id));
    if is_allowed(license) {
        return true;
    }
    if license.len() > LONGEST {
        return false;
    }
    let spaced = license.replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut expression = Expression { words: &words, is_allowed: &is_allowed, depth: 0 };
    expression.any() == Some(true) && expression.words.is_empty()
}

/// Reads an expression from left to right.
struct Expression<'a> {
    words: &'a [&'a str],
    is_allowed: &'a dyn Fn(&str) -> bool,
    depth: usize,
}

impl<'a> Expression<'a> {
    /// The most parentheses within each other.
    const DEEPEST: usize = 32;

    fn next(&mut self) -> Option<&'a str> {
        let (word, rest) = self.words.split_first()?;
        self.words = rest;
        Some(word)
    }

    fn skip(&mut self, word: &str) -> bool {
        let is_next = self.words.first().is_some_and(|next| next.eq_ignore_ascii_case(word));
        if is_next {
            self.words = &self.words[1..];
        }
        is_next
    }

    /// `A OR B`; `None` if it cannot be read.
    fn any(&mut self) -> Option<bool> {
        let mut is_satisfied = self.all()?;
        while self.skip("OR") {
            is_satisfied |= self.all()?;
        }
        Some(is_satisfied)
    }

    /// `A AND B`
    fn all(&mut self) -> Option<bool> {
        let mut is_satisfied = self.one()?;
        while self.skip("AND") {
            is_satisfied &= self.one()?;
        }
        Some(is_satisfied)
    }

    fn one(&mut self) -> Option<bool> {
        let word = self.next()?;
        if word == "(" {
            self.depth += 1;
            let inside = (self.depth <= Self::DEEPEST).then(|| self.any()).flatten()?;
            self.depth -= 1;
            return self.skip(")").then_some(inside);
        }
        if [")", "AND", "OR", "WITH"].contains(&word) {
            return None;
        }
        if self.skip("WITH") {
            let exception = self.next()?;
            return Some((self.is_allowed)(&format!("{word} WITH {exception}")));
        }
        Some((self.is_allowed)(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_satisfied_by_what_is_allowed() {
        let allowed: Vec<String> =
            ["MIT", "ISC", "GPL-2.0-only WITH Classpath-exception-2.0", "SEE LICENSE IN x"]
                .map(Into::into)
                .to_vec();
        for (license, expected) in [
            ("MIT", true),
            ("mit", true),
            ("(MIT OR GPL-3.0-only)", true),
            ("GPL-3.0-only OR (MIT AND ISC)", true),
            ("MIT AND GPL-3.0-only", false),
            ("(MIT OR ISC) AND GPL-3.0-only", false),
            ("GPL-2.0-only WITH Classpath-exception-2.0", true),
            ("GPL-2.0-only", false),
            ("SEE LICENSE IN x", true),
            ("SEE LICENSE IN y", false),
            ("MIT OR", false),
            ("(MIT", false),
            ("MIT)", false),
            ("", false),
            ("UNLICENSED", false),
        ] {
            assert_eq!(is_licensed(license, &allowed), expected, "{license}");
        }
        assert!(!is_licensed(&format!("{}MIT", "(".repeat(900)), &allowed));
    }
}
