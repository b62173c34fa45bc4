use http::HeaderValue;

/// The most bytes of a header that an event repeats.
const LONGEST: usize = 256;

/// What a request says of itself, for events. Cheap to clone: no header is copied.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestOrigin {
    /// The id under which the frontend logs the request.
    pub(crate) id: Option<HeaderValue>,
    /// The client's `User-Agent`.
    pub(crate) client: Option<HeaderValue>,
}

impl RequestOrigin {
    /// Returns the id of the request, for an event.
    pub(crate) fn id_text(&self) -> Option<String> {
        text(self.id.as_ref())
    }

    /// Returns the client's `User-Agent`, for an event.
    pub(crate) fn client_text(&self) -> Option<String> {
        text(self.client.as_ref())
    }
}

/// Returns the header up to a limit, without what is not visible ASCII.
fn text(header: Option<&HeaderValue>) -> Option<String> {
    let visible = |byte: &u8| *byte == b' ' || byte.is_ascii_graphic();
    let bytes = header?.as_bytes().iter().copied().filter(visible).take(LONGEST);
    let text: String = bytes.map(char::from).collect();
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_any_bytes_and_length_is_a_short_visible_text() {
        let header = HeaderValue::from_bytes(b"npm/11.0.0 \xf0\x9f\xa6\x80node\tlinux").unwrap();
        let long = HeaderValue::from_str(&"x".repeat(4000)).unwrap();
        let origin = RequestOrigin { id: Some(long), client: Some(header) };
        assert_eq!(origin.client_text().as_deref(), Some("npm/11.0.0 nodelinux"));
        assert_eq!(origin.id_text().map(|text| text.len()), Some(LONGEST));
        assert_eq!(RequestOrigin::default().client_text(), None);
    }
}
