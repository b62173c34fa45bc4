use super::parse;

/// The page that asks for a second factor shows these words.
#[test]
fn users_confirm_words_and_no_paths() {
    for (request, words) in [
        ("PUT /@acme%2fpear", "change @acme/pear"),
        ("PUT /@acme%2fpear/-rev/3-abc", "change @acme/pear"),
        ("DELETE /@acme%2fpear/-rev/3-abc", "unpublish @acme/pear"),
        ("DELETE /@acme%2fpear/-/pear-1.0.0.tgz/-rev/3-abc", "unpublish versions of @acme/pear"),
        ("PUT /-/package/@acme%2fpear/dist-tags/next", "set the dist-tag next of @acme/pear"),
        ("DELETE /-/package/@acme%2fpear/dist-tags/next", "remove the dist-tag next of @acme/pear"),
        ("PUT /-/package/@acme%2fpear/owners", "add an owner to @acme/pear"),
        ("DELETE /-/package/@acme%2fpear/owners/ben", "remove the owner ben from @acme/pear"),
        ("POST /-/package/@acme%2fpear/access", "change who sees @acme/pear, or its second factor"),
        ("POST /-/package/@acme%2fpear/trust", "let other builds publish @acme/pear"),
        ("POST /-/stage/package/@acme%2fpear", "stage a version of @acme/pear"),
        ("POST /-/npm/v1/tokens", "create a token"),
        ("DELETE /-/npm/v1/tokens/token/0a", "revoke a token"),
        ("POST /-/npm/v1/user", "change the account"),
        ("POST /-/npm/v1/hooks/hook", "create a hook"),
        ("PUT /-/org/acme/user", "add a member to the organization acme"),
        ("DELETE /-/org/acme/user", "remove a member from the organization acme"),
        ("PUT /-/org/acme/team", "create a team in the organization acme"),
        ("DELETE /-/team/acme/platform", "delete the team acme:platform"),
        ("PUT /-/team/acme/platform/user", "add a member to the team acme:platform"),
        ("DELETE /-/team/acme/platform/user", "remove a member from the team acme:platform"),
        ("PUT /-/team/acme/platform/package", "grant a package to the team acme:platform"),
        ("DELETE /-/team/acme/platform/package", "take a package from the team acme:platform"),
    ] {
        let route = parse(request).unwrap_or_else(|error| panic!("{request}: {error:?}"));
        assert_eq!(route.phrase().as_deref(), Some(words), "{request}");
    }
}
