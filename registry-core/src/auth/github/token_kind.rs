/// The longest token that GitHub may create, by its documentation.
const LONGEST: usize = 255;

/// The kind of a token, by its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Issued for an app (`gho_`, `ghu_`, and 40 hex digits from before 2021). Only that app can have it checked, so
    /// that other apps cannot present their users' tokens here.
    OfApp,
    /// Created by its user, classic (`ghp_`) or fine-grained (`github_pat_`).
    Personal,
    /// A GitHub token of no user: of an installation (`ghs_`), or a refresh token (`ghr_`).
    WithoutUser,
}

impl TokenKind {
    /// Returns the kind of a token; `None` if it is not GitHub's.
    pub(super) fn of(token: &str) -> Option<Self> {
        /// The shortest text after a prefix that may be a token.
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
            ("ghs_", Self::WithoutUser),
            ("ghr_", Self::WithoutUser),
        ];
        let begins = |prefix: &str| token.strip_prefix(prefix).is_some_and(|rest| rest.len() >= SHORTEST);
        kinds.into_iter().find(|(prefix, _)| begins(prefix)).map(|(_, kind)| kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_kinds_are_recognized_by_prefix() {
        let of = |prefix: &str| TokenKind::of(&format!("{prefix}0123456789abcdefghijABCDEFGHIJ012345"));
        for prefix in ["gho_", "ghu_"] {
            assert_eq!(of(prefix), Some(TokenKind::OfApp));
        }
        for prefix in ["ghp_", "github_pat_"] {
            assert_eq!(of(prefix), Some(TokenKind::Personal));
        }
        for prefix in ["ghs_", "ghr_"] {
            assert_eq!(of(prefix), Some(TokenKind::WithoutUser));
        }
        assert_eq!(TokenKind::of(&"0123456789abcdef0123".repeat(2)), Some(TokenKind::OfApp));
    }

    #[test]
    fn other_tokens_are_not_recognized() {
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
