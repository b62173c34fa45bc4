use std::borrow::Cow;

/// The longest client text that an error repeats, in bytes.
const LONGEST: usize = 60;

/// Returns the beginning of a client's text, short enough for a message.
pub(crate) fn shorten(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("{}…", &text[..text.floor_char_boundary(LONGEST)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_between_characters() {
        assert_eq!(shorten("short"), "short");
        assert_eq!(shorten(&"a".repeat(60)), "a".repeat(60));
        assert_eq!(shorten(&"a".repeat(61)), format!("{}…", "a".repeat(60)));
        assert_eq!(shorten(&format!("a{}", "é".repeat(50))), format!("a{}…", "é".repeat(29)));
    }
}
