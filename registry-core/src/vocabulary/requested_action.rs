use sha2::{Digest as _, Sha256};

/// The longest description that a page shows, in bytes. Of a longer one, a user would confirm the end without seeing it.
const LONGEST: usize = 400;

/// What a request does, as a user confirms it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestedAction {
    text: String,
    content: Vec<u8>,
}

impl RequestedAction {
    /// Creates an action from the words for it, and what else a request must have to be the same.
    pub(crate) fn new(text: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { text: text.into(), content: content.into() }
    }

    /// Returns the words for it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the words for it; `None` if a page would not show all of them as they are.
    pub(crate) fn shown(&self) -> Option<&str> {
        let is_whole = self.text.len() <= LONGEST && !self.text.chars().any(changes_the_line);
        is_whole.then_some(&self.text)
    }

    /// Returns the SHA-256 that only the same request has, in hex.
    pub(crate) fn digest(&self) -> String {
        let mut digest = Sha256::new();
        digest.update((self.text.len() as u64).to_be_bytes());
        digest.update(&self.text);
        digest.update(&self.content);
        const_hex::encode(digest.finalize())
    }
}

/// Whether a character breaks lines, or changes the direction of those after it.
fn changes_the_line(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_confirmed_unseen() {
        assert_eq!(RequestedAction::new("publish pear", "").shown(), Some("publish pear"));
        for hidden in ["a\nb", "a\u{202e}b", "a\u{2028}b", "a\u{200b}b", &"a".repeat(401)] {
            assert_eq!(RequestedAction::new(hidden, "").shown(), None, "{hidden:?}");
        }
    }

    #[test]
    fn words_and_content_are_told_apart() {
        let digest = |text: &str, content: &str| RequestedAction::new(text, content).digest();
        assert_eq!(digest("publish", "a"), digest("publish", "a"));
        assert_ne!(digest("publish", "a"), digest("publish", "b"));
        assert_ne!(digest("publish", "a"), digest("publisha", ""));
    }
}
