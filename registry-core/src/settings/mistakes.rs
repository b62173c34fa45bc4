//! Finds every mistake of a file, and not only the first one, at which deserialization ends.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::complaint::{complaint, line_of};
use super::{FrontendSections, Settings, SettingsError};

/// The most mistakes that are told of one file.
const MOST: usize = 20;

/// Deserializes a document. An entry with a mistake is removed, and the rest is read again.
pub(super) fn read_all<Own: FrontendSections>(
    text: &str,
    read: impl Fn(Spanned<DeTable<'_>>) -> Result<(Settings, Own), toml::de::Error>,
) -> Result<(Settings, Own), SettingsError> {
    let (mut document, broken) = DeTable::parse_recoverable(text);
    let mut mistakes = Mistakes { text, own: Own::KEYS, found: Vec::new() };
    if !broken.is_empty() {
        for error in &broken {
            mistakes.add(error);
        }
        return Err(mistakes.told());
    }
    let mut removed = Vec::new();
    loop {
        let error = match read(document.clone()) {
            Ok(parts) if mistakes.found.is_empty() => return Ok(parts),
            Ok(_) => break,
            Err(error) => error,
        };
        // A key is missing that was only removed here.
        if !removed.iter().any(|key| error.message() == format!("missing field `{key}`")) {
            mistakes.add(&error);
        }
        let at = error.span().map(|span| span.start);
        match at.and_then(|at| remove(document.get_mut(), at)) {
            Some(key) if mistakes.found.len() < MOST => removed.push(key),
            _ => break,
        }
    }
    Err(mistakes.told())
}

struct Mistakes<'a> {
    text: &'a str,
    own: &'a [&'a str],
    /// Each with the line that it is in.
    found: Vec<(usize, SettingsError)>,
}

impl Mistakes<'_> {
    /// Adds an error, unless the line already has one: a missing quote breaks what follows it too.
    fn add(&mut self, error: &toml::de::Error) {
        let line = error.span().map_or(0, |span| line_of(self.text, span.start));
        if self.found.iter().all(|(known, _)| *known != line) {
            self.found.push((line, SettingsError::new(complaint(self.text, error, self.own))));
        }
    }

    fn told(mut self) -> SettingsError {
        self.found.sort_by_key(|(line, _)| *line);
        SettingsError::of_several(self.found.into_iter().map(|(_, error)| error).collect())
    }
}

/// Removes the innermost entry whose key or value is at this byte, and returns its key. A table's span covers only its
/// header, so its content is searched first.
fn remove(table: &mut DeTable<'_>, at: usize) -> Option<String> {
    for (_, value) in table.iter_mut() {
        if let Some(key) = remove_in(value, at) {
            return Some(key);
        }
    }
    let is_there = |key: &Spanned<_>, value: &Spanned<DeValue<'_>>| {
        key.span().contains(&at)
            || value.span().contains(&at)
            || value
                .get_ref()
                .as_array()
                .is_some_and(|items| items.iter().any(|item| item.span().contains(&at)))
    };
    let key =
        table.iter().find(|(key, value)| is_there(key, value)).map(|(key, _)| key.get_ref().to_string())?;
    table.remove(key.as_str()).map(|_| key)
}

fn remove_in(value: &mut Spanned<DeValue<'_>>, at: usize) -> Option<String> {
    match value.get_mut() {
        DeValue::Table(table) => remove(table, at),
        DeValue::Array(items) => items.iter_mut().find_map(|item| match item.get_mut() {
            DeValue::Table(table) => remove(table, at),
            _ => None,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<String> {
        let told = Settings::from_toml(text).unwrap_err().to_string();
        told.lines().map(|line| line.trim_start_matches("- ").to_owned()).collect()
    }

    #[test]
    fn every_mistake_of_a_file_is_told() {
        let told = mistakes(
            "public_ur = \"x\"\n[storage]\nurl = 5\nmust_exist = \"yes\"\n[upstreams.npm]\nurl = 7\n[limits]\nowners = 0\n\
             [[packages]]\nmatch = \"**\"\nreed = []\n[[packages]]\nread = []\n",
        );
        let begins = [
            "7 mistakes:",
            "line 1: ",
            "line 3: ",
            "line 4: ",
            "line 6: ",
            "line 8: ",
            "line 11: ",
            "line 12: ",
        ];
        assert_eq!(told.len(), begins.len(), "{told:#?}");
        for (line, begin) in told.iter().zip(begins) {
            assert!(line.starts_with(begin), "no {begin} in {told:#?}");
        }
    }

    #[test]
    fn one_mistake_is_told_alone_and_causes_no_other() {
        for text in ["[upstreams.npm]\nurl = 7", "[openid]\nissuer = 1\nclient_id = \"x\"", "listen ="] {
            assert_eq!(mistakes(text).len(), 1, "{:#?}", mistakes(text));
        }
    }

    #[test]
    fn mistakes_of_the_syntax_are_all_told() {
        let told = mistakes("public_url = \n[storage]\nurl = memory:\n");
        assert!(told.len() > 2, "{told:#?}");
    }

    #[test]
    fn every_rule_with_a_mistake_is_told() {
        let rule = |entry: &str| format!("[[packages]]\nmatch = \"**\"\nread = [\"{entry}\"]\n");
        let told = mistakes(&[rule("@al"), rule("@all"), rule("user"), rule("group:acme")].concat());
        let begins = ["3 mistakes:", "the rule at line 1", "the rule at line 7", "the rule at line 10"];
        assert_eq!(told.len(), begins.len(), "{told:#?}");
        for (line, begin) in told.iter().zip(begins) {
            assert!(line.starts_with(begin), "no {begin} in {told:#?}");
        }
    }
}
