//! Conditional requests (RFC 9110, section 13).

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

/// Whether to answer 304 to a `GET` or `HEAD` of a document that now has this `ETag`, quotes included, and this time.
///
/// `If-None-Match` takes precedence, and compares weakly. `"x"` and `"x-gzip"` are one entity, plain and compressed. A
/// date counts once the second of the change is over. Join several headers of one name with commas first. An invalid
/// header matches nothing.
pub(crate) fn not_modified(
    if_none_match: Option<&str>,
    if_modified_since: Option<&str>,
    etag: &str,
    last_modified: Option<DateTime<Utc>>,
    now: impl FnOnce() -> DateTime<Utc>,
) -> bool {
    if let Some(known) = if_none_match {
        let is_known = |etag| opaque_tags(known).any(|known| without_coding(known) == without_coding(etag));
        return known.trim() == "*" || opaque_tags(etag).next().is_some_and(is_known);
    }
    let (Some(since), Some(last_modified)) = (if_modified_since, last_modified) else { return false };
    // The header has whole seconds only.
    httpdate::parse_http_date(since.trim())
        .is_ok_and(|since| last_modified.trunc_subsecs(0) <= DateTime::<Utc>::from(since))
        && is_settled(last_modified, now())
}

/// Whether a modification time identifies a state. Another change may follow within the same second, which the header
/// cannot express.
pub(super) fn is_settled(last_modified: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now.signed_duration_since(last_modified.trunc_subsecs(0)) >= TimeDelta::seconds(1)
}

/// The opaque part of each `ETag` in a list, weak or strong. The quotes may enclose commas.
fn opaque_tags(list: &str) -> impl Iterator<Item = &str> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let (_, from_quote) = rest.split_once('"')?;
        let (tag, after) = from_quote.split_once('"')?;
        rest = after;
        Some(tag)
    })
}

fn without_coding(tag: &str) -> &str {
    tag.strip_suffix("-gzip").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ETAG: &str = r#""6-9f""#;

    fn time() -> DateTime<Utc> {
        "2026-08-01T12:00:00.750Z".parse().unwrap()
    }

    fn later() -> DateTime<Utc> {
        time() + TimeDelta::hours(1)
    }

    #[test]
    fn a_date_within_the_second_of_the_change_does_not_count() {
        let since = Some("Sat, 01 Aug 2026 12:00:00 GMT");
        for (milliseconds, expected) in [(-1000, false), (0, false), (249, false), (250, true), (5000, true)]
        {
            let now = || time() + TimeDelta::milliseconds(milliseconds);
            assert_eq!(not_modified(None, since, ETAG, Some(time()), now), expected, "{milliseconds}");
            assert!(not_modified(Some(ETAG), since, ETAG, Some(time()), now), "an ETag always does");
        }
    }

    #[test]
    fn an_etag_is_compared_weakly_and_without_its_coding() {
        for known in [
            r#""6-9f""#,
            r#"W/"6-9f""#,
            r#""6-9f-gzip""#,
            r#"W/"6-9f-gzip""#,
            "*",
            " * ",
            r#""1", "6-9f""#,
            r#""a,b","6-9f","c""#,
            r#", ,"6-9f","#,
            r#"garbage "6-9f""#,
        ] {
            assert!(not_modified(Some(known), None, ETAG, None, later), "{known}");
            assert!(
                not_modified(Some(known), None, r#""6-9f-gzip""#, None, later),
                "{known}, served compressed"
            );
        }
    }

    #[test]
    fn another_entity_does_not_match() {
        for known in [
            "",
            "6-9f",
            r#""6-9F""#,
            r#""6-9f"#,
            r#""6-9f-br""#,
            r#""6-9f-gzip-gzip""#,
            r#""x6-9f""#,
            r#""1", "2""#,
            r#""1,6-9f,2""#,
            "**",
            r#"*, "1""#,
            r#"""#,
            r#""""#,
        ] {
            assert!(!not_modified(Some(known), None, ETAG, None, later), "{known}");
        }
    }

    #[test]
    fn a_date_counts_in_whole_seconds() {
        for (since, expected) in [
            ("Sat, 01 Aug 2026 12:00:00 GMT", true),
            ("Sat, 01 Aug 2026 12:00:01 GMT", true),
            ("Sat, 01 Aug 2026 11:59:59 GMT", false),
            ("Saturday, 01-Aug-26 12:00:00 GMT", true),
            ("Sat Aug  1 12:00:00 2026", true),
            ("2026-08-01T12:00:00.750Z", false),
            ("yesterday", false),
            ("", false),
        ] {
            assert_eq!(not_modified(None, Some(since), ETAG, Some(time()), later), expected, "{since}");
            assert!(!not_modified(None, Some(since), ETAG, None, later), "{since}, and no time is known");
        }
        assert!(!not_modified(None, None, ETAG, Some(time()), later));
    }

    #[test]
    fn the_etag_decides_against_the_date() {
        let tomorrow = httpdate::fmt_http_date((time() + TimeDelta::days(1)).into());
        assert!(!not_modified(Some(r#""5-00""#), Some(&tomorrow), ETAG, Some(time()), later));
        assert!(!not_modified(Some("garbage"), Some(&tomorrow), ETAG, Some(time()), later));
        assert!(not_modified(Some(ETAG), Some("Thu, 01 Jan 1970 00:00:00 GMT"), ETAG, Some(time()), later));
    }

    proptest! {
        #[test]
        fn any_list_with_the_etag_in_it_matches(
            before in proptest::collection::vec("(W/)?\"[!#-~]{0,8}\"", 0..4),
            after in proptest::collection::vec("(W/)?\"[!#-~]{0,8}\"", 0..4),
        ) {
            let list = [before, vec![ETAG.to_owned()], after].concat().join(", ");
            prop_assert!(not_modified(Some(&list), None, ETAG, None, later));
        }

        #[test]
        fn no_header_is_an_error(known in any::<String>(), since in any::<String>()) {
            not_modified(Some(&known), Some(&since), ETAG, Some(time()), later);
            not_modified(None, Some(&since), &known, Some(time()), later);
        }
    }
}
