use super::EventKind;

impl EventKind {
    /// What the kinds are called in the audit log.
    pub const NAMES: [&'static str; 58] = [
        "published",
        "indexed",
        "imported",
        "staged",
        "stage-approved",
        "stage-rejected",
        "dist-tag-set",
        "dist-tag-removed",
        "deprecated",
        "undeprecated",
        "unpublished",
        "package-unpublished",
        "owners-changed",
        "starred",
        "unstarred",
        "withdrawn-upstream",
        "signed-up",
        "account-removed",
        "logged-in",
        "login-failed",
        "credential-refused",
        "web-login-started",
        "web-login-approved",
        "web-login-refused",
        "logged-out",
        "token-created",
        "token-expiring",
        "token-revoked",
        "trust-created",
        "trust-revoked",
        "id-token-exchanged",
        "id-token-refused",
        "password-changed",
        "profile-changed",
        "two-factor-changed",
        "two-factor-failed",
        "two-factor-missing",
        "recovery-code-used",
        "package-access-changed",
        "access-granted",
        "access-revoked",
        "organization-created",
        "organization-member-set",
        "organization-member-removed",
        "team-created",
        "team-destroyed",
        "team-member-added",
        "team-member-removed",
        "versions-blocked",
        "versions-unblocked",
        "recalled",
        "recall-undone",
        "advisories-updated",
        "advisory-added",
        "advisory-removed",
        "similar-name",
        "downloaded",
        "denied",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing but the source lists the variants of an enum.
    #[test]
    fn every_kind_is_listed() {
        let source = include_str!("event.rs");
        let (_, body) = source.split_once("pub enum EventKind {\n").unwrap();
        let (body, _) = body.split_once("\n}\n").unwrap();
        let variants = body.lines().filter_map(|line| line.strip_prefix("    "));
        let variants = variants.filter(|line| line.starts_with(char::is_uppercase));
        let kebab = |line: &str| {
            let name = line.trim_end_matches([',', '{', ' ']);
            let letters = name.chars().enumerate();
            letters.fold(String::new(), |mut text, (at, letter)| {
                if at > 0 && letter.is_uppercase() {
                    text.push('-');
                }
                text.push(letter.to_ascii_lowercase());
                text
            })
        };
        assert_eq!(variants.map(kebab).collect::<Vec<_>>(), EventKind::NAMES);
        let json = serde_json::to_value(EventKind::PasswordChanged).unwrap();
        assert!(EventKind::NAMES.iter().any(|name| json["kind"] == *name), "{json}");
    }
}
