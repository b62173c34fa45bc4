use crate::domain::Version;

/// Returns the channel of a prerelease: the letters that its first identifier begins with. `1.0.0-beta.3`, `1.0.0-beta3` and
/// `1.0.0-beta-20260101` are of `beta`, `1.0.0-3` of none.
pub(super) fn channel_of(version: &Version) -> &str {
    let prerelease = version.parsed().pre.as_str();
    let end = prerelease.find(|character: char| !character.is_ascii_alphabetic()).unwrap_or(prerelease.len());
    &prerelease[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_what_its_prereleases_have_in_common() {
        let cases = [
            ("1.0.0-beta", "beta"),
            ("1.0.0-beta.3", "beta"),
            ("1.0.0-beta3", "beta"),
            ("1.0.0-pr-41.2", "pr"),
            ("0.0.0-canary-0a1b2c-20260101", "canary"),
            ("1.0.0-3", ""),
            ("1.0.0--", ""),
            ("1.0.0-rc.1+build", "rc"),
        ];
        for (version, channel) in cases {
            assert_eq!(channel_of(&Version::parse(version).unwrap()), channel, "{version}");
        }
    }
}
