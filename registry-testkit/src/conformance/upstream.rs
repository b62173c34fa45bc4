use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use futures::future::join_all;
use registry_core::domain::{PackageName, Version};
use registry_core::upstream::{PackumentForm, Upstream, UpstreamError, UpstreamPackument, Validators};
use serde_json::Value;

use super::served_packages::{ServedPackage, ServedPackages};

/// Checks that an adapter keeps the contract of [`Upstream`], as far as answers show it.
///
/// `make` makes an upstream that serves the packages it is given, and nothing else. How an adapter behaves when
/// the other registry is slow, broken or redirects is for its own tests, since only they can break it.
///
/// # Panics
///
/// Where the contract is not kept.
pub async fn upstream<Making>(make: impl Fn(ServedPackages) -> Making + Send + Sync)
where
    Making: Future<Output = Arc<dyn Upstream>> + Send,
{
    let served = ServedPackages::sample();
    let upstream = &*make(served.clone()).await;
    assert!(!upstream.to_string().is_empty(), "an upstream displays itself by a name, for logs and errors");
    for package in &served.0 {
        for form in [PackumentForm::Full, PackumentForm::Abbreviated] {
            serves_the_packument(upstream, package, form).await;
        }
        serves_the_tarballs(upstream, package).await;
    }
    join_all(served.0.iter().map(|package| serves_the_tarballs(upstream, package))).await;
    says_what_it_does_not_have(upstream).await;
    answers_json_where_it_answers(upstream, &served).await;
}

async fn serves_the_packument(upstream: &dyn Upstream, package: &ServedPackage, form: PackumentForm) {
    let name = &package.name;
    let unknown = Validators::default();
    let (document, sent, validators) = found(upstream, name, form, &unknown).await;
    assert_eq!(document, expected_versions(package), "the packument of {name} lists what there is");
    if form == PackumentForm::Full {
        assert_eq!(sent, PackumentForm::Full, "a caller that asks for everything on {name} is not sent less");
    }

    let (again, ..) = found(upstream, name, form, &unknown).await;
    assert_eq!(again, document, "to ask for {name} changes nothing");
    let outdated = Validators { etag: Some("\"conformance\"".into()), last_modified: None };
    found(upstream, name, form, &outdated).await;
    if !validators.is_empty() {
        let unchanged = answer(upstream.packument(name, form, &validators).await);
        assert_eq!(unchanged, UpstreamPackument::Unchanged, "{name} is still what {validators:?} stand for");
    }
}

/// The versions that a packument lists, with the URLs' last parts, and what came along.
async fn found(
    upstream: &dyn Upstream,
    name: &PackageName,
    form: PackumentForm,
    known: &Validators,
) -> (Vec<(String, String)>, PackumentForm, Validators) {
    let UpstreamPackument::Found { bytes, form, validators } =
        answer(upstream.packument(name, form, known).await)
    else {
        panic!("the upstream has {name}, and not in the state {known:?}");
    };
    let document = json(&bytes);
    assert_eq!(document["name"], name.as_str(), "the packument is the one that was asked for");
    let versions = document["versions"].as_object().into_iter().flatten();
    let file = |manifest: &Value| manifest["dist"]["tarball"].as_str()?.rsplit('/').next().map(str::to_owned);
    let listed = versions.map(|(version, manifest)| (version.clone(), file(manifest).unwrap_or_default()));
    (listed.collect(), form, validators)
}

fn expected_versions(package: &ServedPackage) -> Vec<(String, String)> {
    let file = |version: &Version| format!("{}-{version}.tgz", package.name.base());
    package.versions.iter().map(|served| (served.version.to_string(), file(&served.version))).collect()
}

async fn serves_the_tarballs(upstream: &dyn Upstream, package: &ServedPackage) {
    let name = &package.name;
    let asked = upstream.packument(name, PackumentForm::Full, &Validators::default()).await;
    let UpstreamPackument::Found { bytes, .. } = answer(asked) else {
        panic!("the upstream has {name}");
    };
    let document = json(&bytes);
    for served in &package.versions {
        let url =
            document["versions"][served.version.as_str()]["dist"]["tarball"].as_str().unwrap_or_default();
        let Some(tarball) = answer(upstream.tarball(url).await) else {
            panic!("the upstream has the tarball at {url}");
        };
        let length = served.tarball.len() as u64;
        assert!(
            tarball.length.is_none_or(|declared| declared == length),
            "the declared length of {url} is right"
        );
        let chunks: Vec<Bytes> = answer(tarball.stream.try_collect().await);
        assert!(chunks.concat() == served.tarball, "the tarball at {url} arrives whole and unchanged");

        let gone = url.replace(".tgz", "-gone.tgz");
        assert!(answer(upstream.tarball(&gone).await).is_none(), "the upstream has no tarball at {gone}");
    }
}

#[expect(clippy::expect_used, reason = "the names and the version here are good ones")]
async fn says_what_it_does_not_have(upstream: &dyn Upstream) {
    for name in ["conformance-no-such-package", "@conformance/no-such-package", "left-pad2", "jsonstream"] {
        let name = PackageName::parse(name).expect("a name");
        for form in [PackumentForm::Full, PackumentForm::Abbreviated] {
            let missing = answer(upstream.packument(&name, form, &Validators::default()).await);
            assert_eq!(missing, UpstreamPackument::Missing, "the upstream has no {name}");
        }
        let version = Version::parse("1.0.0").expect("a version");
        let attestations = answer(upstream.attestations(&name, &version).await);
        assert_eq!(attestations, None, "the upstream has no {name} to attest anything of");
    }
}

async fn answers_json_where_it_answers(upstream: &dyn Upstream, served: &ServedPackages) {
    if let Some(found) = answer(upstream.search("text=left-pad&size=20").await) {
        assert!(json(&found)["objects"].is_array(), "a search is answered in npm's form");
    }
    if let Some(all) = answer(upstream.all_packages().await) {
        let all = json(&all);
        let is_listed = |package: &ServedPackage| all.get(package.name.as_str()).is_some();
        assert!(served.0.iter().all(is_listed), "a list of all packages has each by its name");
    }
    let question = Bytes::from_static(br#"{"left-pad":["1.0.0"]}"#);
    if let Some(advisories) = answer(upstream.advisories(question).await) {
        assert!(json(&advisories).is_object(), "advisories are in npm's bulk form");
    }
    if let Some(keys) = answer(upstream.keys().await) {
        assert!(json(&keys)["keys"].is_array(), "keys are in npm's form");
    }
    for package in &served.0 {
        for served in &package.versions {
            if let Some(found) = answer(upstream.attestations(&package.name, &served.version).await) {
                assert!(json(&found)["attestations"].is_array(), "attestations are in npm's form");
            }
        }
    }
}

fn answer<Answer>(outcome: Result<Answer, UpstreamError>) -> Answer {
    outcome.unwrap_or_else(|error| panic!("an upstream that is there answers, yet: {error:?}"))
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("an upstream answers JSON, yet: {error}"))
}
