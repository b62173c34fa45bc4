/// Escapes a capital as `=` and the lowercase letter. No package name contains a `=`.
pub(super) fn escape_capitals(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            escaped.push('=');
        }
        escaped.push(character.to_ascii_lowercase());
    }
    escaped
}

/// Escapes any text as one segment: all but lowercase letters, digits, `-` and inner `.` become `=` and two hex digits.
pub(super) fn escape_segment(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' => escaped.push(char::from(byte)),
            b'.' if at > 0 => escaped.push('.'),
            _ => {
                escaped.push('=');
                escaped.push_str(&const_hex::encode([byte]));
            }
        }
    }
    escaped
}

/// Reverses [`escape_segment`] for a text without a `/`; `None` for more than one segment, and for what it never writes.
pub(super) fn unescape_segment(segment: &str) -> Option<String> {
    unescape_text(segment).filter(|text| !text.contains('/'))
}

/// Reverses [`escape_segment`]; `None` for more than one segment, and for what it never writes.
pub(super) fn unescape_text(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut parts = segment.split('=');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let (byte, rest) = part.split_at_checked(2)?;
        bytes.extend(const_hex::decode(byte).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok().filter(|text| escape_segment(text) == segment)
}
