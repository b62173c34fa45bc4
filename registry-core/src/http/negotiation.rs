//! Content negotiation: the form of a packument, and whether it is compressed.
//!
//! Join several headers of one name with commas first. Invalid elements are ignored and never an error: every client
//! can read the full document, uncompressed.

use crate::upstream::PackumentForm;

/// The media type of abbreviated packuments.
pub(super) const ABBREVIATED_MEDIA_TYPE: &str = "application/vnd.npm.install-v1+json";

/// Returns the form of a packument that an `Accept` header asks for: abbreviated only if the header names
/// `application/vnd.npm.install-v1+json` and does not prefer `application/json`. Wildcards do not count: a client that
/// accepts anything may need fields of the full form.
pub(crate) fn packument_form(accept: Option<&str>) -> PackumentForm {
    let mut abbreviated = 0.0_f32;
    let mut full = 0.0_f32;
    for (media_type, weight) in weighted(accept.unwrap_or_default()) {
        if media_type.eq_ignore_ascii_case(ABBREVIATED_MEDIA_TYPE) {
            abbreviated = abbreviated.max(weight);
        } else if media_type.eq_ignore_ascii_case("application/json") {
            full = full.max(weight);
        }
    }
    if abbreviated > 0.0 && abbreviated >= full { PackumentForm::Abbreviated } else { PackumentForm::Full }
}

/// Whether an `Accept` header is that of a browser that opens an address: it names `text/html`, and weighs it more than
/// any form of JSON. Wildcards do not count: clients of registries send them.
#[cfg(feature = "web")]
pub(crate) fn prefers_page(accept: Option<&str>) -> bool {
    let (mut page, mut json) = (0.0_f32, 0.0_f32);
    for (media_type, weight) in weighted(accept.unwrap_or_default()) {
        if media_type.eq_ignore_ascii_case("text/html")
            || media_type.eq_ignore_ascii_case("application/xhtml+xml")
        {
            page = page.max(weight);
        } else if media_type.to_ascii_lowercase().ends_with("json") {
            json = json.max(weight);
        }
    }
    page > json
}

/// Whether an `Accept-Encoding` header accepts gzip and does not prefer an uncompressed body.
pub(crate) fn accepts_gzip(accept_encoding: Option<&str>) -> bool {
    let mut gzip = None;
    let mut anything = 0.0_f32;
    let mut identity = 0.0_f32;
    for (coding, weight) in weighted(accept_encoding.unwrap_or_default()) {
        if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") {
            gzip = Some(weight);
        } else if coding == "*" {
            anything = weight;
        } else if coding.eq_ignore_ascii_case("identity") {
            identity = weight;
        }
    }
    let gzip = gzip.unwrap_or(anything);
    gzip > 0.0 && gzip >= identity
}

/// Splits a list such as `a;q=0.5, b` into elements and weights: 1 without `q`, 0 if it is invalid.
fn weighted(list: &str) -> impl Iterator<Item = (&str, f32)> {
    list.split(',').map(|element| {
        let mut parts = element.split(';').map(str::trim);
        let value = parts.next().unwrap_or_default();
        let weight = parts
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
            .map_or(1.0, |(_, weight)| readable_weight(weight.trim()));
        (value, weight)
    })
}

fn readable_weight(text: &str) -> f32 {
    text.parse().ok().filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[cfg(feature = "web")]
    #[test]
    fn only_browsers_get_pages() {
        for accept in [
            // Chromium, Firefox, Safari; a text browser.
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "text/html",
            "text/html;q=0.9, application/json;q=0.5",
            "text/html, text/plain, text/sgml, text/css, application/xhtml+xml, */*;q=0.01",
        ] {
            assert!(prefers_page(Some(accept)), "{accept}");
        }
        for accept in [
            "*/*",
            "application/json",
            "application/json; q=1.0, application/vnd.npm.install-v1+json; q=0.9, */*; q=0.1",
            "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*",
            "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8",
            "text/html;q=0.5, application/json",
            "application/json, text/html",
            "text/html;q=0, */*",
            "text/*",
            "",
        ] {
            assert!(!prefers_page(Some(accept)), "{accept}");
        }
        assert!(!prefers_page(None));
    }

    #[test]
    fn the_form_follows_the_named_types_only() {
        let table = [
            // npm ci, pnpm, yarn 1, bun; corepack.
            ("application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*", true),
            ("application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8", true),
            ("application/vnd.npm.install-v1+json", true),
            // npm install; pnpm view; bun with an age gate; deno.
            ("application/json", false),
            ("application/json; q=1.0, */*", false),
            ("application/json, */*", false),
            ("*/*", false),
            ("application/*", false),
            ("", false),
            // The weights decide, not the order.
            ("application/json;q=0.8,application/vnd.npm.install-v1+json", true),
            ("application/json,application/vnd.npm.install-v1+json", true),
            ("application/json,application/vnd.npm.install-v1+json;q=0.9", false),
            ("application/vnd.npm.install-v1+json;q=0.1, */*;q=1", true),
            ("application/vnd.npm.install-v1+json;q=0", false),
            ("application/vnd.npm.install-v1+json;q=0.000", false),
            ("APPLICATION/VND.npm.install-v1+JSON ; charset=utf-8 ; Q = 0.5", true),
            // Invalid weights count as zero.
            ("application/vnd.npm.install-v1+json;q=often", false),
            ("application/vnd.npm.install-v1+json;q=2", false),
            ("application/vnd.npm.install-v1+json;q=-1", false),
            ("application/vnd.npm.install-v1+json;q=NaN", false),
            ("application/vnd.npm.install-v2+json", false),
            (";;,=,q=1;q=1,", false),
        ];
        for (accept, abbreviated) in table {
            let expected = if abbreviated { PackumentForm::Abbreviated } else { PackumentForm::Full };
            assert_eq!(packument_form(Some(accept)), expected, "{accept}");
        }
        assert_eq!(packument_form(None), PackumentForm::Full, "yarn 4 sends no Accept");
    }

    #[test]
    fn gzip_is_used_where_it_is_welcome() {
        for welcome in [
            "gzip",
            "gzip,deflate",
            "zstd,gzip,deflate",
            "gzip, deflate, br, zstd",
            "br;q=1.0, gzip;q=0.8, *;q=0.1",
            "GZip ; Q=0.001",
            "x-gzip",
            "*",
            "br;q=0, *;q=0.5",
            "identity;q=0.5, gzip",
            "identity;q=0, *",
        ] {
            assert!(accepts_gzip(Some(welcome)), "{welcome}");
        }
        for unwelcome in [
            "",
            "identity",
            "br",
            "gzip;q=0",
            "gzip;q=0.0, *",
            "*, gzip;q=0",
            "*;q=0",
            "gzip;q=0.5, identity",
            "gzip/deflate",
            "gzip;q=",
            "gzip;q=inf",
            "notgzip",
        ] {
            assert!(!accepts_gzip(Some(unwelcome)), "{unwelcome}");
        }
        assert!(!accepts_gzip(None));
    }

    /// A list of some of these elements, each with or without a weight.
    fn list_of(elements: &'static [&'static str]) -> impl Strategy<Value = String> {
        let element = (proptest::sample::select(elements), "(;q=(1|0|0\\.[0-9]))?");
        proptest::collection::vec(element.prop_map(|(value, weight)| value.to_owned() + &weight), 0..5)
            .prop_map(|elements| elements.join(", "))
    }

    proptest! {
        #[test]
        fn a_wildcard_never_changes_the_form(
            accept in list_of(&["application/vnd.npm.install-v1+json", "application/json", "text/html", "*/*"]),
            wildcard in list_of(&["*/*", "application/*"]),
        ) {
            let with_wildcard = format!("{wildcard}, {accept}, {wildcard}");
            prop_assert_eq!(packument_form(Some(&with_wildcard)), packument_form(Some(&accept)));
        }

        #[test]
        fn refusing_gzip_holds_against_any_wildcard(others in list_of(&["br", "zstd", "*", "identity"])) {
            let first = format!("gzip;q=0, {others}");
            let last = format!("{others}, gzip;q=0");
            prop_assert!(!accepts_gzip(Some(&first)));
            prop_assert!(!accepts_gzip(Some(&last)));
        }

        #[test]
        fn no_header_is_an_error(header in any::<String>()) {
            prop_assert_eq!(packument_form(Some(&header)), PackumentForm::Full);
            accepts_gzip(Some(&header));
        }
    }
}
