use registry_core::upstream::{Upstream as _, UpstreamError, UpstreamPackument};
use registry_testkit::fake_upstream::FakeAnswer;

use super::{attestations, bounded, connect, fake, full, settings};

#[tokio::test]
async fn each_status_of_a_packument_means_one_thing() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    for (status, expected) in [
        (200, "unusable: a document that is not a packument of left-pad"),
        (202, "unusable: an answer with status 202"),
        (204, "unusable: an answer with status 204"),
        (304, "unusable: an answer with status 304"),
        (300, "unusable: an answer with status 300"),
        (400, "refused 400"),
        (401, "refused 401"),
        (403, "refused 403"),
        (404, "missing"),
        (405, "refused 405"),
        (408, "unavailable"),
        (410, "missing"),
        (429, "unavailable"),
        (451, "refused 451"),
        (500, "unavailable"),
        (501, "unavailable"),
        (503, "unavailable"),
    ] {
        fake.answer("/left-pad", FakeAnswer::status(status));
        let meaning = match full(&upstream).await {
            Ok(UpstreamPackument::Found { .. }) => "found".to_owned(),
            Ok(UpstreamPackument::Unchanged) => "unchanged".to_owned(),
            Ok(UpstreamPackument::Missing) => "missing".to_owned(),
            Err(error) => meaning(&error),
        };
        assert_eq!(meaning, expected, "{status}");
    }
}

#[tokio::test]
async fn what_a_registry_may_lack_is_none() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    for (status, expected) in [
        (400, "refused 400"),
        (401, "refused 401"),
        (404, "none"),
        (405, "none"),
        (410, "none"),
        (500, "unavailable"),
        (501, "none"),
    ] {
        fake.answer_everything(FakeAnswer::status(status));
        let answers = [
            bounded(upstream.search("text=pear")).await,
            bounded(upstream.advisories("{}".into())).await,
            bounded(upstream.keys()).await,
            attestations(&upstream).await,
        ];
        for answer in answers {
            let meaning = match answer {
                Ok(None) => "none".to_owned(),
                Ok(Some(bytes)) => panic!("found {bytes:?}"),
                Err(error) => meaning(&error),
            };
            assert_eq!(meaning, expected, "{status}");
        }
    }
}

#[tokio::test]
async fn each_status_of_a_tarball_means_one_thing() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    let url = format!("{}/left-pad/-/left-pad-1.0.0.tgz", fake.base_url());
    for (status, expected) in [
        (206, "unusable: an answer with status 206"),
        (401, "refused 401"),
        (404, "none"),
        (410, "none"),
        (503, "unavailable"),
    ] {
        fake.answer_everything(FakeAnswer::status(status));
        let meaning = match bounded(upstream.tarball(&url)).await {
            Ok(None) => "none".to_owned(),
            Ok(Some(_)) => "found".to_owned(),
            Err(error) => meaning(&error),
        };
        assert_eq!(meaning, expected, "{status}");
    }
    for url in ["", "http://", "file:///etc/passwd", "ftp://registry.example/a.tgz"] {
        let error = upstream.tarball(url).await.unwrap_err();
        assert_eq!(meaning(&error), "unusable: the URL of a tarball that is no http or https URL", "{url}");
    }
}

fn meaning(error: &UpstreamError) -> String {
    match error {
        UpstreamError::Unavailable { .. } => "unavailable".to_owned(),
        UpstreamError::Refused { status, .. } => format!("refused {status}"),
        UpstreamError::Unusable { reason, .. } => format!("unusable: {reason}"),
        error => panic!("unknown: {error:?}"),
    }
}
