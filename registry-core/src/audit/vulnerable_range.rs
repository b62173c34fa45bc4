use semver::{Comparator, Op, Version, VersionReq};

/// Returns whether a version is in a range of `vulnerable_versions`, such as `>=1.0.0 <1.2.3 || =2.0.0`. Prereleases
/// count by their order, as in npm's audit. An unreadable range contains every version: the upstream returned the
/// advisory because it affects one of them.
pub(super) fn is_affected(range: &str, version: &Version) -> bool {
    range.split("||").any(|alternative| match comparators(alternative) {
        Some(comparators) => comparators.iter().all(|comparator| holds(comparator, version)),
        None => true,
    })
}

fn comparators(alternative: &str) -> Option<Vec<Comparator>> {
    let mut joined = String::new();
    for part in alternative.split([' ', ',']).filter(|part| !part.is_empty()) {
        let follows_operator = joined.ends_with(['<', '>', '=', '~', '^']);
        if !joined.is_empty() && !follows_operator {
            joined.push(',');
        }
        // npm reads a bare version as exact; this parser would read it as a caret range.
        let is_whole = part.split('.').count() >= 3 && part.starts_with(|first: char| first.is_ascii_digit());
        if !follows_operator && is_whole && !part.contains(['x', 'X', '*']) {
            joined.push('=');
        }
        joined.push_str(part);
    }
    match joined.as_str() {
        "" | "*" => Some(Vec::new()),
        range => VersionReq::parse(range).ok().map(|range| range.comparators),
    }
}

fn holds(comparator: &Comparator, version: &Version) -> bool {
    let Comparator { op, major, minor: Some(minor), patch: Some(patch), pre } = comparator else {
        return comparator.matches(version);
    };
    let bound = Version { pre: pre.clone(), ..Version::new(*major, *minor, *patch) };
    let order = version.cmp_precedence(&bound);
    match op {
        Op::Exact => order.is_eq(),
        Op::Greater => order.is_gt(),
        Op::GreaterEq => order.is_ge(),
        Op::Less => order.is_lt(),
        Op::LessEq => order.is_le(),
        _ => comparator.matches(version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_advisories_match_npm() {
        for (range, inside, outside) in [
            ("<1.0.1", &["1.0.0", "0.1.0", "1.0.1-rc.1"][..], &["1.0.1", "2.0.0"][..]),
            (">=1.0.0 <1.2.3", &["1.0.0", "1.2.2", "1.2.0-rc.1"], &["1.2.3", "1.0.0-rc.1"]),
            (">= 1.0.0, < 1.2.3", &["1.0.0"], &["0.9.0", "1.2.3"]),
            ("<1.0.0 || >=2.0.0 <2.1.0", &["0.9.0", "2.0.5"], &["1.0.0", "2.1.0"]),
            ("=1.2.3", &["1.2.3"], &["1.2.4"]),
            ("1.2.3", &["1.2.3"], &["1.3.0"]),
            ("1.2.x", &["1.2.9"], &["1.3.0"]),
            ("*", &["0.0.1", "1.0.0-rc.1"], &[]),
            ("what is this", &["1.0.0"], &[]),
        ] {
            let is_in = |version: &&str| is_affected(range, &Version::parse(version).unwrap());
            assert!(inside.iter().all(is_in), "{range}");
            assert!(!outside.iter().any(is_in), "{range}");
        }
    }
}
