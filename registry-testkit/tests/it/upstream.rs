use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use registry_core::domain::{PackageName, Version};
use registry_core::upstream::{
    PackumentForm, Upstream, UpstreamError, UpstreamPackument, UpstreamTarball, Validators,
};
use registry_testkit::conformance::{self, ServedPackages};

const BASE_URL: &str = "https://registry.example/npm";

/// An upstream in memory, with something an upstream must not do.
#[derive(Debug)]
struct InMemory {
    served: ServedPackages,
    flaw: Flaw,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    AlwaysAbbreviates,
    ForgetsValidators,
    TakesAnyValidators,
    IgnoresCapitals,
    CutsTarballs,
    DeclaresTooMuch,
    AnswersHtml,
}

impl fmt::Display for InMemory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(BASE_URL)
    }
}

#[async_trait]
impl Upstream for InMemory {
    async fn packument(
        &self,
        name: &PackageName,
        form: PackumentForm,
        known: &Validators,
    ) -> Result<UpstreamPackument, UpstreamError> {
        let mut packages = self.served.0.iter();
        let found = packages.find(|package| match self.flaw {
            Flaw::IgnoresCapitals => package.name.as_str().eq_ignore_ascii_case(name.as_str()),
            _ => package.name == *name,
        });
        let Some(package) = found else {
            return Ok(UpstreamPackument::Missing);
        };
        let form = if self.flaw == Flaw::AlwaysAbbreviates { PackumentForm::Abbreviated } else { form };
        let mut packument = package.packument(BASE_URL, form);
        packument["name"] = name.as_str().into();
        let validators = Validators { etag: Some(format!("\"{name} {form:?}\"")), last_modified: None };
        let is_known = match self.flaw {
            Flaw::ForgetsValidators => false,
            Flaw::TakesAnyValidators => !known.is_empty(),
            _ => *known == validators,
        };
        if is_known {
            return Ok(UpstreamPackument::Unchanged);
        }
        Ok(UpstreamPackument::Found { bytes: packument.to_string().into(), form, validators })
    }

    async fn tarball(&self, url: &str) -> Result<Option<UpstreamTarball>, UpstreamError> {
        let found = url.strip_prefix(BASE_URL).and_then(|path| self.served.tarball(path));
        Ok(found.map(|bytes| {
            let kept = if self.flaw == Flaw::CutsTarballs { bytes.len().min(1_000) } else { bytes.len() };
            let chunks: Vec<_> =
                bytes[..kept].chunks(10_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
            let surplus = u64::from(self.flaw == Flaw::DeclaresTooMuch);
            UpstreamTarball::new(stream::iter(chunks).boxed(), Some(bytes.len() as u64 + surplus))
        }))
    }

    async fn search(&self, _query: &str) -> Result<Option<Bytes>, UpstreamError> {
        let html = self.flaw == Flaw::AnswersHtml;
        Ok(Some(Bytes::from_static(if html { b"<!doctype html>" } else { br#"{"objects":[],"total":0}"# })))
    }

    async fn advisories(&self, _packages: Bytes) -> Result<Option<Bytes>, UpstreamError> {
        Ok(Some(Bytes::from_static(b"{}")))
    }

    async fn keys(&self) -> Result<Option<Bytes>, UpstreamError> {
        Ok(Some(Bytes::from_static(br#"{"keys":[]}"#)))
    }

    async fn attestations(&self, _: &PackageName, _: &Version) -> Result<Option<Bytes>, UpstreamError> {
        Ok(None)
    }
}

async fn check(flaw: Flaw) {
    conformance::upstream(async |served| Arc::new(InMemory { served, flaw }) as _).await;
}

#[tokio::test]
async fn an_upstream_in_memory_keeps_the_contract() {
    check(Flaw::None).await;
}

#[tokio::test]
#[should_panic(expected = "is not sent less")]
async fn an_upstream_that_abbreviates_everything_is_found_out() {
    check(Flaw::AlwaysAbbreviates).await;
}

#[tokio::test]
#[should_panic(expected = "is still what")]
async fn an_upstream_that_forgets_validators_is_found_out() {
    check(Flaw::ForgetsValidators).await;
}

#[tokio::test]
#[should_panic(expected = "and not in the state")]
async fn an_upstream_that_takes_any_validators_is_found_out() {
    check(Flaw::TakesAnyValidators).await;
}

#[tokio::test]
#[should_panic(expected = "the upstream has no jsonstream")]
async fn an_upstream_that_ignores_capitals_is_found_out() {
    check(Flaw::IgnoresCapitals).await;
}

#[tokio::test]
#[should_panic(expected = "arrives whole and unchanged")]
async fn an_upstream_that_cuts_tarballs_is_found_out() {
    check(Flaw::CutsTarballs).await;
}

#[tokio::test]
#[should_panic(expected = "the declared length of")]
async fn an_upstream_that_declares_too_much_is_found_out() {
    check(Flaw::DeclaresTooMuch).await;
}

#[tokio::test]
#[should_panic(expected = "an upstream answers JSON")]
async fn an_upstream_that_answers_html_is_found_out() {
    check(Flaw::AnswersHtml).await;
}
