//! The nesting depth of a document. Parsers fail at different depths, and then cannot read the whole document: deno's
//! accepts 127 levels, like this registry's own, and bun's overflows its stack.

use serde_json::value::RawValue;

/// The most levels of a value in a document, or in one of its objects such as `versions`. With the two around it these
/// are the 127 levels that every parser accepts.
const DEEPEST: usize = 125;

/// Whether every parser can read a document with this value.
pub(super) fn is_readable(value: &RawValue) -> bool {
    let json = value.get().as_bytes();
    // This decides nearly all values, at memory bandwidth.
    opened(json) <= DEEPEST || depth(json) <= DEEPEST
}

/// Counts the brackets, including those in strings: an upper bound of the levels.
fn opened(json: &[u8]) -> usize {
    json.iter().filter(|byte| matches!(byte, b'{' | b'[')).count()
}

/// Returns the levels of valid JSON.
fn depth(json: &[u8]) -> usize {
    let (mut level, mut deepest) = (0_usize, 0);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                level += 1;
                deepest = deepest.max(level);
            }
            b'}' | b']' => level = level.saturating_sub(1),
            b'"' => skip_text(&mut bytes),
            _ => {}
        }
    }
    deepest
}

/// Advances past the end of a string whose opening quotation mark was read.
fn skip_text<'json>(bytes: &mut impl Iterator<Item = &'json u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_readable_text(json: &str) -> bool {
        is_readable(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn levels_are_counted_and_brackets_in_texts_are_not() {
        for (json, levels) in [
            ("1", 0),
            ("{}", 1),
            (r#"{"a":[1,{"b":[]}],"c":[]}"#, 4),
            ("[[],[],[[]]]", 3),
            (r#"["[[[[",{"{[":"]\"[[\\"}]"#, 2),
            (r#"{"\\":{"\"":"\\"}}"#, 2),
            (r#"["\u005b\\\"[", "é["]"#, 1),
        ] {
            assert_eq!(depth(json.as_bytes()), levels, "{json}");
            assert!(opened(json.as_bytes()) >= levels, "{json}");
        }
    }

    #[test]
    fn a_value_is_readable_to_all_up_to_a_depth() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            for (levels, expected) in [(0, true), (125, true), (126, false), (200_000, false)] {
                let json = format!("{}1{}", open.repeat(levels), close.repeat(levels));
                assert_eq!(is_readable_text(&json), expected, "{levels}");
            }
        }
        assert!(is_readable_text(&format!("[{}[]]", "[],".repeat(200_000))), "wide is not deep");
        assert!(is_readable_text(&format!(r#"["{}"]"#, "[".repeat(200_000))), "nor is a text");
    }
}
