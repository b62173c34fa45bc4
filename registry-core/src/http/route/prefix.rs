/// Strips a configured prefix such as `/registry` or `/prod/registry` from a raw path; `None` if the path is not below
/// it.
///
/// Whole segments have to match, and every path is below an empty prefix. The registry also answers at the root, so use
/// the path unchanged on `None`; a package named like the prefix is reached below it.
///
/// ```
/// use registry_core::http::route::strip_prefix;
/// assert_eq!(strip_prefix("/prod/registry/pear", "/prod/registry"), Some("/pear"));
/// assert_eq!(strip_prefix("/prod/registry", "/prod/registry"), Some("/"));
/// assert_eq!(strip_prefix("/prod/registry-2/pear", "/prod/registry"), None);
/// ```
pub fn strip_prefix<'path>(raw_path: &'path str, prefix: &str) -> Option<&'path str> {
    let prefix = prefix.trim_matches('/');
    if prefix.is_empty() {
        return Some(raw_path);
    }
    let below = raw_path.strip_prefix('/')?.strip_prefix(prefix)?;
    match below.bytes().next() {
        None => Some("/"),
        Some(b'/') => Some(below),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_the_same_however_its_ends_are_written() {
        for prefix in ["registry", "/registry", "registry/", "/registry/"] {
            assert_eq!(strip_prefix("/registry/@a%2fb", prefix), Some("/@a%2fb"), "{prefix}");
            assert_eq!(strip_prefix("/registry/", prefix), Some("/"), "{prefix}");
            assert_eq!(strip_prefix("/registry", prefix), Some("/"), "{prefix}");
        }
    }

    #[test]
    fn only_whole_segments_from_the_start_match() {
        for path in ["/registryx", "/registry-a/b", "/a/registry/b", "/", "", "registry/a"] {
            assert_eq!(strip_prefix(path, "/registry"), None, "{path}");
        }
        assert_eq!(strip_prefix("/prod/pear", "/prod/registry"), None);
    }

    #[test]
    fn everything_is_below_the_empty_prefix() {
        for prefix in ["", "/"] {
            assert_eq!(strip_prefix("/pear", prefix), Some("/pear"));
        }
    }

    #[test]
    fn the_prefix_is_taken_off_once() {
        assert_eq!(strip_prefix("/registry/registry/1.0.0", "/registry"), Some("/registry/1.0.0"));
    }
}
