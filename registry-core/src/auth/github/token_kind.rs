/// The longest token that GitHub says it may make.
const LONGEST: usize = 255;

/// What GitHub calls a token, told by how it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Made for an app (`gho_`, `ghu_`, and 40 hex digits from before 2021). Only the app that it was made for can
    /// have it checked, which keeps other apps from showing what their users gave them.
    OfApp,
    /// Made by its user for themselves, classic (`ghp_`) or fine-grained (`github_pat_`).
    Personal,
    /// GitHub's, and nobody's: of an installation (`ghs_`), or good for getting other tokens only (`ghr_`).
    OfNobody,
}

impl TokenKind {
    /// The kind of a token; `None` if it is not GitHub's.
    pub(super) fn of(token: &str) -> Option<Self> {
        /// From this length on, what follows a prefix can be a token.
        const SHORTEST: usize = 16;
        let is_plain = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if token.len() > LONGEST || !is_plain {
            return None;
        }
        let is_old_hex =
            |byte: u8| byte.is_ascii_digit() || (byte.is_ascii_lowercase() && byte.is_ascii_hexdigit());
        if token.len() == 40 && token.bytes().all(is_old_hex) {
            return Some(Self::OfApp);
        }
        let kinds = [
            ("gho_", Self::OfApp),
            ("ghu_", Self::OfApp),
            ("ghp_", Self::Personal),
            ("github_pat_", Self::Personal),
            ("ghs_", Self::OfNobody),
            ("ghr_", Self::OfNobody),
        ];
        let begins = |prefix: &str| token.strip_prefix(prefix).is_some_and(|rest| rest.len() >= SHORTEST);
        kinds.into_iter().find(|(prefix, _)| begins(prefix)).map(|(_, kind)| kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_by_how_they_begin() {
        let of = |prefix: &str| TokenKind::of(&format!("{prefix}0123456789abcdefghijABCDEFGHIJ012345"));
        for prefix in ["gho_", "ghu_"] {
            assert_eq!(of(prefix), Some(TokenKind::OfApp));
        }
        for prefix in ["ghp_", "github_pat_"] {
            assert_eq!(of(prefix), Some(TokenKind::Personal));
        }
        for prefix in ["ghs_", "ghr_"] {
            assert_eq!(of(prefix), Some(TokenKind::OfNobody));
        }
        assert_eq!(TokenKind::of(&"0123456789abcdef0123".repeat(2)), Some(TokenKind::OfApp));
    }

    #[test]
    fn what_is_not_githubs_is_not_taken_for_it() {
        for token in [
            "",
            "orange tree",
            "npm_0123456789abcdefghijklmnopqrstuvwxyz",
            "ghp_short",
            "GHP_0123456789abcdefghijABCDEFGHIJ012345",
            "ghp_0123456789abcdefghij/../ABCDEFGHIJ0",
            "ghp_0123456789abcdefghij\nABCDEFGHIJ0123",
            "0123456789ABCDEF0123456789ABCDEF01234567",
            &format!("ghp_{}", "a".repeat(252)),
        ] {
            assert_eq!(TokenKind::of(token), None, "{token}");
        }
    }
}
