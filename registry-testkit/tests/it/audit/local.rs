//! Audits that are answered from the advisories in the store.

use registry_core::advisories::AdvisoryDump;
use registry_core::domain::PackageName;

use super::*;

const QUICK: &str = "/-/npm/v1/security/audits/quick";

/// An advisory of a database, with the range that audits tell.
fn osv(id: &str, aliases: &[&str], package: &str) -> Value {
    json!({
        "id": id, "aliases": aliases, "summary": "Pears rot", "database_specific": { "severity": "HIGH", "cwe_ids": ["CWE-1"] },
        "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H" }],
        "affected": [{ "package": { "ecosystem": "npm", "name": package }, "ranges": [
            { "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "1.0.1" }] },
        ] }],
    })
}

async fn load(front: &Front, advisories: &[Value]) {
    let mut dump = AdvisoryDump::new();
    for advisory in advisories {
        dump.add(advisory.to_string().as_bytes()).unwrap();
    }
    front.registry.update_advisories(dump, "a test", false).await.unwrap();
}

fn front(source: AuditSource) -> Front {
    Front::with(AuditFallback::Error, source)
}

fn titles(body: &Value, package: &str) -> Vec<String> {
    let told = body[package].as_array().map(Vec::as_slice).unwrap_or_default();
    told.iter()
        .map(|advisory| advisory["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn an_audit_is_answered_without_an_upstream_for_hosted_packages_too() {
    let front = front(AuditSource::Local);
    front.host("@ours/web").await;
    load(
        &front,
        &[
            osv("GHSA-aaaa", &["CVE-1"], "pear"),
            osv("OURS-1", &[], "@ours/web"),
            osv("GHSA-bbbb", &[], "plum"),
        ],
    )
    .await;
    let asked =
        json!({ "pear": ["1.0.0", "1.0.1"], "@ours/web": ["1.0.0"], "plum": ["1.0.1"], "apple": ["1.0.0"] });
    let (status, body) = front.post(BULK, &asked).await;
    assert_eq!(status, 200);
    assert_eq!(
        body["pear"],
        json!([{
            "id": body["pear"][0]["id"], "url": "https://github.com/advisories/GHSA-aaaa", "title": "Pears rot",
            "severity": "high", "vulnerable_versions": "<1.0.1", "patched_versions": ">=1.0.1", "cwe": ["CWE-1"],
            "cvss": { "score": 7.5, "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H" },
        }])
    );
    assert!(body["pear"][0]["id"].as_u64().unwrap() < 1 << 53);
    assert_eq!(titles(&body, "@ours/web"), ["OURS-1"]);
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    assert_eq!(front.take_asked(), [vec![], vec![] as Vec<String>]);
}

#[tokio::test]
async fn the_older_reports_are_answered_alike() {
    let front = front(AuditSource::Local);
    load(&front, &[osv("GHSA-aaaa", &[], "pear")]).await;
    let tree = json!({ "name": "app", "dependencies": { "pear": { "version": "1.0.0" }, "fig": { "version": "1.0.0" } } });
    for path in [QUICK, "/-/npm/v1/security/audits"] {
        let (status, report) = front.post(path, &tree).await;
        assert_eq!(status, 200);
        assert_eq!(report["metadata"]["vulnerabilities"]["high"], 1, "{report}");
        let advisory = report["advisories"].as_object().unwrap().values().next().unwrap();
        assert_eq!(
            (&advisory["module_name"], &advisory["findings"][0]["paths"]),
            (&json!("pear"), &json!(["pear"]))
        );
    }
    assert_eq!(front.take_asked(), [vec![], vec![] as Vec<String>]);
}

#[tokio::test]
async fn what_both_tell_is_told_once() {
    let front = front(AuditSource::Both);
    front.host("@ours/web").await;
    load(
        &front,
        &[
            osv("GHSA-aaaa", &["CVE-1"], "pear"),
            osv("MAL-1", &["GHSA-aaaa"], "pear"),
            osv("GHSA-cccc", &[], "pear"),
            osv("OURS-1", &[], "@ours/web"),
        ],
    )
    .await;
    let mut of_upstream = advisory(1, "<1.0.1");
    of_upstream["url"] = "https://advisories.example/GHSA-aaaa".into();
    front.npm.tell("advisories", &json!({ "pear": [of_upstream, advisory(2, "<1.0.1")] }).to_string());
    let (status, body) = front.post(BULK, &json!({ "pear": ["1.0.0"], "@ours/web": ["1.0.0"] })).await;
    assert_eq!(status, 200);
    assert_eq!(titles(&body, "pear"), ["GHSA-aaaa", "2", "GHSA-cccc"]);
    assert_eq!(titles(&body, "@ours/web"), ["OURS-1"]);
    // The name of the hosted package did not leave.
    assert_eq!(front.take_asked(), [vec![r#"advisories {"pear":["1.0.0"]}"#.to_owned()], vec![]]);
}

#[tokio::test]
async fn an_audit_without_advisories_is_no_clean_one() {
    let strict = front(AuditSource::Local);
    let asked = json!({ "pear": ["1.0.0"] });
    assert_refused(strict.post(BULK, &asked).await, 503, "has no advisories");
    let lenient = Front::with(AuditFallback::Empty, AuditSource::Local);
    assert_eq!(lenient.post(BULK, &asked).await, (StatusCode::OK, json!({})));
    let both = front(AuditSource::Both);
    both.npm.tell("advisories", "{}");
    assert_refused(both.post(BULK, &asked).await, 503, "has no advisories");
}

#[tokio::test]
async fn own_advisories_are_told_to_those_who_may_see_the_package() {
    let front = front(AuditSource::Local);
    front.host("@members/secret").await;
    let own = osv("OURS-1", &[], "@members/secret");
    front.registry.add_advisory(own.to_string().as_bytes()).await.unwrap();
    let asked = json!({ "@members/secret": ["1.0.0"] });
    // Only accounts may read it.
    assert_eq!(front.post(BULK, &asked).await.1, json!({}));
    let name = PackageName::parse("@members/secret").unwrap();
    let packages = registry_core::audit::AuditedPackages::from_bulk(asked.to_string().as_bytes()).unwrap();
    let told = front.registry.advisories(&ana(), &packages).await.unwrap();
    assert_eq!(told[name.as_str()].len(), 1);
}
