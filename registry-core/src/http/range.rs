//! Range requests for tarballs (RFC 9110, section 14).

/// How to answer a `Range` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RangeRequest {
    /// 200 and everything.
    Whole,
    /// 206 and the bytes from `start` to `end_inclusive`, counted from 0, as in `Content-Range`.
    Part {
        /// The first byte.
        start: u64,
        /// The last byte, which exists.
        end_inclusive: u64,
    },
    /// 416: no byte of the range exists.
    Unsatisfiable,
}

/// Parses the headers `Range` and `If-Range` of a `GET` for `length` bytes with this strong `ETag`, quotes included.
///
/// Only a single byte range is honored. The whole is sent for several ranges, for an invalid header, and if `If-Range`
/// holds anything but the `ETag`, dates included.
pub(crate) fn parse(range: Option<&str>, if_range: Option<&str>, etag: &str, length: u64) -> RangeRequest {
    if if_range.is_some_and(|known| known.trim() != etag) {
        return RangeRequest::Whole;
    }
    range.and_then(|range| single(range, length)).unwrap_or(RangeRequest::Whole)
}

/// `None` if the header is anything but one range of bytes.
fn single(range: &str, length: u64) -> Option<RangeRequest> {
    let (unit, range) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let (start, end) = match (first, last) {
        ("", suffix) => {
            let suffix = position(suffix)?;
            if suffix > 0 && length == 0 {
                return None;
            }
            (length.saturating_sub(suffix), length)
        }
        (first, "") => (position(first)?, length),
        (first, last) => {
            let (first, last) = (position(first)?, position(last)?);
            if first > last {
                return None;
            }
            (first, last.saturating_add(1).min(length))
        }
    };
    if start >= length {
        return Some(RangeRequest::Unsatisfiable);
    }
    Some(RangeRequest::Part { start, end_inclusive: end - 1 })
}

/// Digits only. A number beyond `u64` saturates, and so lies past every end.
fn position(digits: &str) -> Option<u64> {
    let well_formed = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    well_formed.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ETAG: &str = r#""sha512-ab""#;

    fn part(start: u64, end_inclusive: u64) -> RangeRequest {
        RangeRequest::Part { start, end_inclusive }
    }

    #[test]
    fn one_range_of_bytes_is_answered() {
        let huge = "9".repeat(40);
        for (range, expected) in [
            ("bytes=0-0", part(0, 0)),
            ("bytes=0-", part(0, 99)),
            ("bytes=0-99", part(0, 99)),
            ("bytes=0-100", part(0, 99)),
            ("bytes=99-", part(99, 99)),
            ("bytes=10-19", part(10, 19)),
            ("BYTES = 10-19 ", part(10, 19)),
            ("bytes=-1", part(99, 99)),
            ("bytes=-100", part(0, 99)),
            ("bytes=-101", part(0, 99)),
            (&format!("bytes=5-{huge}"), part(5, 99)),
            (&format!("bytes=5-{}", u64::MAX), part(5, 99)),
            (&format!("bytes=-{huge}"), part(0, 99)),
            ("bytes=100-", RangeRequest::Unsatisfiable),
            ("bytes=100-200", RangeRequest::Unsatisfiable),
            (&format!("bytes={huge}-"), RangeRequest::Unsatisfiable),
            ("bytes=-0", RangeRequest::Unsatisfiable),
        ] {
            assert_eq!(parse(Some(range), None, ETAG, 100), expected, "{range}");
        }
    }

    #[test]
    fn an_invalid_range_gets_the_whole() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5",
            "bytes=20-10",
            "bytes=0-1,5-6",
            "bytes=0-1,",
            "bytes=a-b",
            "bytes=+1-5",
            "bytes=1--5",
            "bytes=--5",
            "bytes=1-5x",
            "bytes=0x1-5",
            "items=0-5",
            "0-5",
        ] {
            assert_eq!(parse(Some(range), None, ETAG, 100), RangeRequest::Whole, "{range}");
        }
        assert_eq!(parse(None, None, ETAG, 100), RangeRequest::Whole);
    }

    #[test]
    fn if_range_has_to_be_the_same_strong_etag() {
        assert_eq!(parse(Some("bytes=1-2"), Some(ETAG), ETAG, 100), part(1, 2));
        for other in [
            r#"W/"sha512-ab""#,
            r#""sha512-cd""#,
            "Sat, 01 Aug 2026 12:00:00 GMT",
            "*",
            "",
            r#""sha512-ab", "sha512-cd""#,
        ] {
            assert_eq!(parse(Some("bytes=1-2"), Some(other), ETAG, 100), RangeRequest::Whole, "{other}");
            assert_eq!(parse(Some("bytes=100-"), Some(other), ETAG, 100), RangeRequest::Whole, "{other}");
        }
    }

    #[test]
    fn an_empty_file_has_no_ranges() {
        assert_eq!(parse(Some("bytes=0-"), None, ETAG, 0), RangeRequest::Unsatisfiable);
        assert_eq!(parse(Some("bytes=-0"), None, ETAG, 0), RangeRequest::Unsatisfiable);
        assert_eq!(parse(Some("bytes=-5"), None, ETAG, 0), RangeRequest::Whole);
    }

    proptest! {
        #[test]
        fn a_part_is_never_outside_of_the_whole(
            range in prop_oneof!["bytes=[0-9]{0,3}-[0-9]{0,3}", "bytes=[0-9]{0,30}-[0-9]{0,30}", any::<String>()],
            length in prop_oneof![0..300_u64, any::<u64>()],
        ) {
            if let RangeRequest::Part { start, end_inclusive } = parse(Some(&range), None, ETAG, length) {
                prop_assert!(start <= end_inclusive && end_inclusive < length);
            }
        }

        #[test]
        fn an_existing_range_is_sent(start in 0..500_u64, extra in 0..500_u64, beyond in 1..500_u64) {
            let end = start + extra;
            let range = format!("bytes={start}-{end}");
            prop_assert_eq!(parse(Some(&range), None, ETAG, end + beyond), part(start, end));
        }
    }
}
