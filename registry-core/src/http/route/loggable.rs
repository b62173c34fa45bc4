use std::borrow::Cow;

/// The segments before a secret in a path: the routes of a logout, of a token revocation, and of a browser login's page
/// and client.
const BEFORE_A_SECRET: [&[&str]; 4] = [
    &["-", "user", "token"],
    &["-", "npm", "v1", "tokens", "token"],
    &["-", "v1", "login"],
    &["-", "v1", "done"],
];

/// How often a path may be escaped. The registry decodes once, but a path that it rejects for more may hold a secret
/// too.
const DECODED: usize = 3;

/// Returns the path for a log, with the token or login session of some routes redacted. It is decoded and read segment
/// by segment, so that no spelling of such a route discloses the secret; this also holds for other methods, below a
/// prefix, and for invalid paths.
///
/// ```
/// use registry_core::http::route::loggable_path;
/// assert_eq!(loggable_path("/npm/%2d/user/%74oken/npm_secret"), "/npm/-/user/token/[redacted]");
/// assert_eq!(loggable_path("/@acme%2fpear"), "/@acme%2fpear");
/// ```
pub fn loggable_path(raw_path: &str) -> Cow<'_, str> {
    if has_nothing_to_redact(raw_path) {
        return raw_path.into();
    }
    let mut decoded = Cow::Borrowed(raw_path);
    for _ in 0..=DECODED {
        if let Some(redacted) = redact(&decoded) {
            return redacted.into();
        }
        match decode_leniently(&decoded) {
            Some(further) => decoded = further.into(),
            None => break,
        }
    }
    raw_path.into()
}

/// The prefix of this registry's tokens, and the number of letters and digits that distinguishes one from a package
/// name.
const TOKEN: &str = "npm_";
/// The prefix of a proof that a second factor was shown in the browser.
const PROOF: &str = "web_";
const SHORTEST_TOKEN: usize = 24;

/// The number of letters and digits of this registry's own tokens.
const WHOLE_TOKEN: usize = 36;

/// Whether a decoded path contains what is exactly as long as a token. An address must not be read as a package's or an
/// account's then: names are in logs and events, and upstreams are asked for them.
pub(super) fn has_whole_token(path: &str) -> bool {
    path.split(TOKEN)
        .skip(1)
        .any(|rest| rest.bytes().take_while(u8::is_ascii_alphanumeric).count() == WHOLE_TOKEN)
}

/// Whether a path certainly holds no secret: secrets follow a segment `-`, or are tokens, which contain a `_`.
fn has_nothing_to_redact(path: &str) -> bool {
    !path.bytes().any(|byte| b"%_".contains(&byte)) && path.split(['/', '\\']).all(|segment| segment != "-")
}

fn redact(path: &str) -> Option<String> {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split(['/', '\\']) {
        match segment {
            // A token in an unknown path is redacted too.
            _ if has_token(segment) => return Some(write(&segments)),
            "" | "." => {}
            ".." => drop(segments.pop()),
            // This is a route of its own, with its secret in the query.
            "callback" if follows(&segments, BEFORE_A_SECRET[2]) => segments.push(segment),
            _ if BEFORE_A_SECRET.iter().any(|before| follows(&segments, before)) => {
                return Some(write(&segments));
            }
            _ => segments.push(segment),
        }
    }
    None
}

fn has_token(segment: &str) -> bool {
    let follows = |prefix: &str, is_of_it: fn(&u8) -> bool| {
        segment
            .split(prefix)
            .skip(1)
            .any(|rest| rest.bytes().take_while(is_of_it).take(SHORTEST_TOKEN).count() == SHORTEST_TOKEN)
    };
    segment.contains('_')
        && (follows(TOKEN, u8::is_ascii_alphanumeric)
            || follows(PROOF, |byte| byte.is_ascii_hexdigit() || *byte == b'-'))
}

fn follows(segments: &[&str], before: &[&str]) -> bool {
    segments.len() >= before.len()
        && segments[segments.len() - before.len()..]
            .iter()
            .zip(before)
            .all(|(segment, known)| segment.eq_ignore_ascii_case(known))
}

fn write(segments: &[&str]) -> String {
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~@".contains(&byte);
        path.push_str(if segment.bytes().all(is_plain) { segment } else { "[…]" });
    }
    path + "/[redacted]"
}

/// Decodes every valid escape; `None` if there is none.
fn decode_leniently(path: &str) -> Option<String> {
    let decoded: Vec<u8> = percent_encoding::percent_decode_str(path).collect();
    (decoded != path.as_bytes()).then(|| String::from_utf8_lossy(&decoded).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_of_a_route_with_a_secret_is_redacted() {
        for (path, expected) in [
            ("/-/user/token/SECRET", "/-/user/token/[redacted]"),
            ("/-/user/token/SECRET/", "/-/user/token/[redacted]"),
            ("/-/user/%74oken/SECRET", "/-/user/token/[redacted]"),
            ("/%2d/user/token/SECRET", "/-/user/token/[redacted]"),
            ("/%2D/us%65r/t%6Fken/SE%43RET", "/-/user/token/[redacted]"),
            ("/-%2fuser%2ftoken%2fSECRET", "/-/user/token/[redacted]"),
            ("/%252d/user/token/SECRET", "/-/user/token/[redacted]"),
            ("/-/USER/token/SECRET", "/-/USER/token/[redacted]"),
            ("//-/user//token///SECRET", "/-/user/token/[redacted]"),
            ("/-/./user/x/../token/SECRET", "/-/user/token/[redacted]"),
            ("/-\\user\\token\\SECRET", "/-/user/token/[redacted]"),
            ("/-/user/token/SECRET%zz%", "/-/user/token/[redacted]"),
            ("/-/user/%74oken/SECRET%ff%00", "/-/user/token/[redacted]"),
            ("/registry/-/user/token/SECRET/-rev/1", "/registry/-/user/token/[redacted]"),
            ("/a%0ab/-/user/token/SECRET", "/[…]/-/user/token/[redacted]"),
            ("/-/npm/v1/tokens/%74oken/SECRET", "/-/npm/v1/tokens/token/[redacted]"),
            ("/-/v1/%6cogin/SECRET", "/-/v1/login/[redacted]"),
            ("/-/v1/done/SECRET", "/-/v1/done/[redacted]"),
            ("/web_1767323765-387ec812cd6aded65e68e918610e0e53-SECRET", "/[redacted]"),
            ("/-/user/token%00/npm_SECRET78901234567890123456", "/-/user/[…]/[redacted]"),
            ("/-/user/token;x/npm_SECRET78901234567890123456", "/-/user/[…]/[redacted]"),
            ("/-/user/tok%zzen/npm_SECRET78901234567890123456", "/-/user/[…]/[redacted]"),
            ("/-/user/token/../npm_SECRET78901234567890123456", "/-/user/[redacted]"),
            ("/-/v1/login/callback/npm_SECRET78901234567890123456", "/-/v1/login/callback/[redacted]"),
            ("//x%2f%6epm_SECRET78901234567890123456", "/x/[redacted]"),
            ("/npm_lazy/-/npm_lazy-1.0.0.tgz", "/npm_lazy/-/npm_lazy-1.0.0.tgz"),
            ("/-/v1/login/callback/SECRET", "/-/v1/login/callback/SECRET"),
        ] {
            assert_eq!(loggable_path(path), expected, "{path}");
        }
    }

    #[test]
    fn other_paths_stay_as_they_are() {
        for path in [
            "/",
            "",
            "/pear",
            "/@acme%2fpear",
            "/pear/-/pear-1.0.0.tgz",
            "/-/v1/login",
            "/-/v1/login/callback",
            "/-/npm/v1/tokens",
            "/-/user/org.couchdb.user:ana",
            "/%zz",
            "/token/pear",
            "/-/user/token",
        ] {
            assert!(matches!(loggable_path(path), Cow::Borrowed(same) if same == path), "{path}");
        }
    }

    proptest! {
        /// However its characters are escaped, a route that carries a secret parses to that route or to none, and
        /// discloses nothing of it.
        #[test]
        fn no_escape_shows_a_secret(which in 0..4_usize, escaped in proptest::collection::vec(any::<bool>(), 64)) {
            let path = format!("/{}/npm_SECRET", BEFORE_A_SECRET[which].join("/"));
            let spelled: String = path
                .bytes()
                .enumerate()
                .map(|(at, byte)| if at > 0 && escaped[at % 64] { format!("%{byte:02x}") } else { char::from(byte).to_string() })
                .collect();
            prop_assert!(!loggable_path(&spelled).contains("SECRET"), "{spelled}");
            prop_assert!(loggable_path(&spelled).ends_with("[redacted]"), "{spelled}");
        }
    }
}
