use secrecy::ExposeSecret as _;

use super::{Route, parse, shown};

/// Asserts that each of the requests parses to the route.
#[track_caller]
fn assert_spellings(table: &[(&str, &[&str])]) {
    for (expected, requests) in table {
        for request in *requests {
            assert_eq!(&shown(request), expected, "{request}");
        }
    }
}

#[test]
fn packuments() {
    assert_spellings(&[
        (
            "Packument { name: PackageName(pear) }",
            &["GET /pear", "HEAD /pear", "GET /pear/", "GET /%70e%61r"],
        ),
        ("Packument { name: PackageName(JSONStream) }", &["GET /JSONStream"]),
        ("Packument { name: PackageName(-x) }", &["GET /-x", "GET /%2Dx"]),
        (
            "Packument { name: PackageName(@acme/pear) }",
            &[
                "GET /@acme%2fpear",
                "GET /@acme%2Fpear",
                "GET /@acme/pear",
                "GET /@acme/pear/",
                "GET /%40acme%2fpear",
                "GET /%40acme/pear",
                "GET /%40%61cme%2F%70ear",
                "HEAD /@acme%2fpear",
            ],
        ),
        // A scope takes the next segment, even one that looks like a route.
        ("Packument { name: PackageName(@acme/-) }", &["GET /@acme/-", "GET /@acme%2f-"]),
        ("Packument { name: PackageName(@acme/-rev) }", &["GET /@acme/-rev"]),
    ]);
}

#[test]
fn manifests() {
    assert_spellings(&[
        ("Manifest { name: PackageName(a), selector: \"b\" }", &["GET /a/b", "GET /a/b/", "HEAD /a/%62"]),
        (
            "Manifest { name: PackageName(@acme/pear), selector: \"1.0.0\" }",
            &["GET /@acme/pear/1.0.0", "GET /@acme%2fpear/1.0.0", "GET /%40acme%2Fpear/1%2E0%2e0"],
        ),
        (
            "Manifest { name: PackageName(pear), selector: \"1.0.0-rc.1+build\" }",
            &["GET /pear/1.0.0-rc.1+build", "GET /pear/1.0.0-rc.1%2Bbuild", "GET /pear/1.0.0%2Drc.1%2bbuild"],
        ),
        ("Manifest { name: PackageName(pear), selector: \"%2e%2e\" }", &["GET /pear/%252e%252e"]),
    ]);
}

#[test]
fn downloads() {
    assert_spellings(&[
        (
            "Downloads(Point { period: \"last-week\", of: All })",
            &[
                "GET /downloads/point/last-week",
                "HEAD /downloads/point/last-week/",
                "GET /%64ownloads/point/last%2dweek",
            ],
        ),
        (
            "Downloads(Point { period: \"2026-01-01:2026-01-31\", of: One(PackageName(@acme/pear)) })",
            &[
                "GET /downloads/point/2026-01-01:2026-01-31/@acme/pear",
                "GET /downloads/point/2026-01-01:2026-01-31/@acme%2fpear",
                "GET /downloads/point/2026-01-01%3A2026-01-31/%40acme%2Fpear",
            ],
        ),
        (
            "Downloads(Range { period: \"last-day\", of: Each([PackageName(pear), PackageName(fig)]) })",
            &["GET /downloads/range/last-day/pear,fig", "GET /downloads/range/last-day/pear%2Cfig"],
        ),
        (
            "Downloads(Versions { name: PackageName(@acme/pear) })",
            &["GET /versions/@acme%2fpear/last-week", "GET /versions/@acme/pear/last-week/"],
        ),
        // Packages of these names keep their routes.
        ("Packument { name: PackageName(downloads) }", &["GET /downloads"]),
        ("Manifest { name: PackageName(downloads), selector: \"point\" }", &["GET /downloads/point"]),
        ("Manifest { name: PackageName(versions), selector: \"last-week\" }", &["GET /versions/last-week"]),
        (
            "DeletePackument { name: PackageName(versions), revision: \"last-week\" }",
            &["DELETE /versions/-rev/last-week"],
        ),
        (
            "Tarball { name: PackageName(downloads), version: Version(1.0.0) }",
            &["GET /downloads/-/downloads-1.0.0.tgz"],
        ),
    ]);
}

#[test]
fn tarballs() {
    assert_spellings(&[
        (
            "Tarball { name: PackageName(pear), version: Version(1.0.0) }",
            &[
                "GET /pear/-/pear-1.0.0.tgz",
                "HEAD /pear/-/pear-1.0.0.tgz",
                "GET /pear/%2d/pear%2D1.0.0%2etgz",
            ],
        ),
        (
            "Tarball { name: PackageName(@acme/pear), version: Version(1.0.0) }",
            &[
                "GET /@acme/pear/-/pear-1.0.0.tgz",
                "GET /@acme%2fpear/-/pear-1.0.0.tgz",
                "GET /@acme%2Fpear/-/pear-1.0.0.tgz",
                "GET /%40acme/pear/-/pear-1.0.0.tgz",
                // Clients write the first form into `dist.tarball` when they publish, and codebox-npm wrote the second.
                "GET /@acme/pear/-/@acme/pear-1.0.0.tgz",
                "GET /@acme/pear/-/@acme%2fpear-1.0.0.tgz",
                "GET /@acme%2fpear/-/%40acme%2Fpear-1.0.0.tgz",
                "GET /@acme%2fpear/-/%40acme/pear-1.0.0.tgz",
            ],
        ),
        // The name is stripped exactly, so hyphens and digits in it do not matter.
        (
            "Tarball { name: PackageName(a-1.0.0), version: Version(2.0.0) }",
            &["GET /a-1.0.0/-/a-1.0.0-2.0.0.tgz"],
        ),
        ("Tarball { name: PackageName(a), version: Version(1.0.0-2.0.0) }", &["GET /a/-/a-1.0.0-2.0.0.tgz"]),
        (
            "Tarball { name: PackageName(a), version: Version(1.0.0-b.1+c.tgz) }",
            &["GET /a/-/a-1.0.0-b.1+c.tgz.tgz", "GET /a/-/a-1.0.0-b.1%2Bc.tgz.tgz"],
        ),
        ("Tarball { name: PackageName(@acme/-), version: Version(1.0.0) }", &["GET /@acme/-/-/--1.0.0.tgz"]),
    ]);
}

#[test]
fn changes_of_packages() {
    assert_spellings(&[
        ("PutPackument { name: PackageName(pear) }", &["PUT /pear"]),
        (
            "PutPackument { name: PackageName(@acme/pear) }",
            &["PUT /@acme%2fpear", "PUT /@acme%2Fpear", "PUT /@acme/pear", "PUT /%40acme%2fpear"],
        ),
        (
            "PutPackumentRevision { name: PackageName(a), revision: \"3-abc\" }",
            &["PUT /a/-rev/3-abc", "PUT /a/-rev/3%2Dabc", "PUT /a/%2Drev/3-abc"],
        ),
        (
            "PutPackumentRevision { name: PackageName(@acme/pear), revision: \"undefined\" }",
            &["PUT /@acme%2fpear/-rev/undefined", "PUT /@acme/pear/-rev/undefined"],
        ),
        (
            "DeletePackument { name: PackageName(@acme/pear), revision: \"3-abc\" }",
            &["DELETE /@acme%2fpear/-rev/3-abc", "DELETE /@acme/pear/-rev/3-abc"],
        ),
        (
            "DeleteTarball { name: PackageName(a), version: Version(1.0.0), revision: \"3-abc\" }",
            &["DELETE /a/-/a-1.0.0.tgz/-rev/3-abc"],
        ),
        (
            "DeleteTarball { name: PackageName(@acme/pear), version: Version(1.0.0), revision: \"3-abc\" }",
            &[
                "DELETE /@acme/pear/-/pear-1.0.0.tgz/-rev/3-abc",
                "DELETE /@acme%2fpear/-/pear-1.0.0.tgz/-rev/3-abc",
                "DELETE /@acme/pear/-/@acme/pear-1.0.0.tgz/-rev/3-abc",
                "DELETE /@acme%2fpear/-/%40acme%2Fpear-1.0.0.tgz/-rev/3-abc",
            ],
        ),
    ]);
}

#[test]
fn dist_tags_and_owners() {
    assert_spellings(&[
        (
            "DistTags { name: PackageName(@acme/pear) }",
            &["GET /-/package/@acme%2fpear/dist-tags", "HEAD /-/package/@acme/pear/dist-tags"],
        ),
        ("DistTags { name: PackageName(@acme/dist-tags) }", &["GET /-/package/@acme/dist-tags/dist-tags"]),
        (
            "SetDistTag { name: PackageName(@acme/pear), tag: DistTag(next-1) }",
            &["PUT /-/package/@acme%2fpear/dist-tags/next-1", "PUT /-/package/@acme/pear/dist-tags/next%2D1"],
        ),
        (
            "RemoveDistTag { name: PackageName(pear), tag: \"next\" }",
            &["DELETE /-/package/pear/dist-tags/next"],
        ),
        // An older registry may have stored a tag that is invalid now; it can still be removed.
        ("RemoveDistTag { name: PackageName(pear), tag: \"v1\" }", &["DELETE /-/package/pear/dist-tags/v1"]),
        (
            "Owners { name: PackageName(@acme/pear) }",
            &["GET /-/package/@acme%2Fpear/owners", "GET /-/package/@acme/pear/owners"],
        ),
        (
            "Sbom { name: PackageName(@acme/pear), version: Version(1.0.0-rc.1+build) }",
            &["GET /-/sbom/@acme%2Fpear/1.0.0-rc.1+build", "GET /-/sbom/@acme/pear/1.0.0-rc.1%2Bbuild"],
        ),
        ("Policy(Check)", &["POST /-/policy/check"]),
        ("AddOwner { name: PackageName(pear) }", &["PUT /-/package/pear/owners"]),
        (
            "RemoveOwner { name: PackageName(@acme/n), account: \"@x\" }",
            &["DELETE /-/package/@acme%2fn/owners/%40x", "DELETE /-/package/@acme/n/owners/@x"],
        ),
    ]);
}

#[test]
fn accounts_and_stars() {
    assert_spellings(&[
        ("Root", &["GET /", "HEAD /"]),
        ("Ping", &["GET /-/ping", "HEAD /-/ping", "GET /-/ping/", "GET /%2D/ping"]),
        ("Whoami", &["GET /-/whoami"]),
        ("Search", &["GET /-/v1/search"]),
        (
            "Login { account: \"bob\" }",
            &["PUT /-/user/org.couchdb.user:bob", "PUT /-/user/org.couchdb.user%3Abob"],
        ),
        ("Login { account: \"bo b@ü\" }", &["PUT /-/user/org.couchdb.user:bo%20b%40%C3%BC"]),
        (
            "LoginRevision { account: \"bob\", revision: \"1-0\" }",
            &["PUT /-/user/org.couchdb.user:bob/-rev/1-0"],
        ),
        ("User { account: \"bob\" }", &["GET /-/user/org.couchdb.user:bob"]),
        ("Star { name: None }", &["PUT /-/user/v1/star"]),
        ("Unstar { name: None }", &["DELETE /-/user/v1/star"]),
        (
            "Star { name: Some(PackageName(@acme/pear)) }",
            &["PUT /-/user/package/@acme%2Fpear/star", "PUT /-/user/package/@acme/pear/star"],
        ),
        ("Unstar { name: Some(PackageName(pear)) }", &["DELETE /-/user/package/pear/star"]),
        ("Stars { account: None }", &["GET /-/user/v1/star"]),
        ("Stars { account: Some(\"bob\") }", &["GET /-/user/bob/stars", "GET /-/util/user/bob/stars"]),
        ("Stars { account: Some(\"package\") }", &["GET /-/user/package/stars"]),
        ("StarredBy", &["GET /-/_view/starredByUser"]),
    ]);
}

#[test]
fn audits_and_signatures() {
    assert_spellings(&[
        ("Audit(Advisories)", &["POST /-/npm/v1/security/advisories/bulk"]),
        ("Audit(Report)", &["POST /-/npm/v1/security/audits/quick", "POST /-/npm/v1/security/audits"]),
        ("Audit(Keys)", &["GET /-/npm/v1/keys", "HEAD /-/npm/v1/keys"]),
        (
            "Audit(Attestations { name: PackageName(@acme/pear), version: Version(1.0.0+b) })",
            &[
                "GET /-/npm/v1/attestations/@acme/pear@1.0.0+b",
                "GET /-/npm/v1/attestations/@acme%2fpear@1.0.0%2Bb",
                "GET /-/npm/v1/attestations/%40acme%2Fpear%401.0.0+b",
            ],
        ),
        (
            "Audit(Attestations { name: PackageName(pear), version: Version(1.0.0) })",
            &["GET /-/npm/v1/attestations/pear@1.0.0"],
        ),
    ]);
}

#[test]
fn a_logout_hides_its_token() {
    let route = parse("DELETE /-/user/token/npm_s%65cret%2B%2F").unwrap();
    assert!(!format!("{route:?}").contains("npm"), "{route:?}");
    let Route::Logout { token } = route else { panic!("not a logout: {route:?}") };
    assert_eq!(token.expose_secret(), "npm_secret+/");
}

#[test]
fn the_kind_is_the_same_for_all_packages() {
    for (kind, requests) in [
        ("root", ["GET /", "HEAD /"]),
        ("packument", ["GET /pear", "GET /@acme%2ffig"]),
        ("manifest", ["GET /pear/1.0.0", "GET /@acme/fig/latest"]),
        ("tarball", ["GET /pear/-/pear-1.0.0.tgz", "HEAD /@acme/fig/-/fig-2.0.0.tgz"]),
        ("put-packument", ["PUT /pear", "PUT /@acme/fig"]),
        ("delete-tarball", ["DELETE /a/-/a-1.0.0.tgz/-rev/1", "DELETE /b/-/b-2.0.0.tgz/-rev/2"]),
        ("remove-dist-tag", ["DELETE /-/package/a/dist-tags/x", "DELETE /-/package/b/dist-tags/y"]),
        ("logout", ["DELETE /-/user/token/a", "DELETE /-/user/token/b"]),
        ("stars", ["GET /-/user/v1/star", "GET /-/user/bob/stars"]),
        ("attestations", ["GET /-/npm/v1/attestations/a@1.0.0", "GET /-/npm/v1/attestations/@b/c@2.0.0"]),
    ] {
        for request in requests {
            assert_eq!(parse(request).unwrap().kind(), kind, "{request}");
        }
    }
}

#[test]
fn staged_versions() {
    const ID: &str = "1de6f3db-2ed9-4d72-b3dd-8f0e2b474a2f";
    let one = |form: &str| form.replace("ID", ID);
    for (expected, requests) in [
        ("Stage(List)", vec!["GET /-/stage".to_owned(), "HEAD /-/stage/".into()]),
        ("Stage(Submit { name: PackageName(pear) })", vec!["POST /-/stage/package/pear".into()]),
        (
            "Stage(Submit { name: PackageName(@acme/pear) })",
            ["%2f", "%2F", "/"].map(|slash| format!("POST /-/stage/package/@acme{slash}pear")).to_vec(),
        ),
        (
            "Stage(View { id: StageId(ID) })",
            vec![
                one("GET /-/stage/ID"),
                one("GET /-/stage/ID").replace("-b3", "%2Db3"),
                one("GET /-/stage/ID").replace("b3dd", "B3DD"),
            ],
        ),
        ("Stage(Reject { id: StageId(ID) })", vec![one("DELETE /-/stage/ID")]),
        ("Stage(Approve { id: StageId(ID) })", vec![one("POST /-/stage/ID/approve")]),
        ("Stage(Tarball { id: StageId(ID) })", vec![one("GET /-/stage/ID/tarball")]),
    ] {
        for request in requests {
            assert_eq!(shown(&request), one(expected), "{request}");
        }
    }
}

#[test]
fn hooks() {
    assert_spellings(&[
        ("Hook(List)", &["GET /-/npm/v1/hooks", "HEAD /-/npm/v1/hooks"]),
        ("Hook(Create)", &["POST /-/npm/v1/hooks/hook"]),
        ("Hook(Find { id: \"0a\" })", &["GET /-/npm/v1/hooks/hook/0a", "GET /-/npm/v1/hooks/hook/%30a"]),
        ("Hook(Update { id: \"0a\" })", &["PUT /-/npm/v1/hooks/hook/0a"]),
        ("Hook(Delete { id: \"0a\" })", &["DELETE /-/npm/v1/hooks/hook/0a"]),
    ]);
}
