use std::time::Duration;

use registry_core::domain::Version;
use registry_testkit::conformance::{ServedPackages, ServedVersion};
use registry_testkit::http_client::HttpClient;

use super::in_front::{INSTALL, InFront};

const NEW: &str = "/left-pad/-/left-pad-2.0.0.tgz";

fn publish_another(front: &InFront) {
    let mut served = ServedPackages::sample();
    let version = Version::parse("2.0.0").unwrap();
    served.0[0].versions.push(ServedVersion { version, tarball: "another".into() });
    front.fake.serve(served);
}

/// Behind one address, the packument may come from one process and the tarball be asked of the other.
#[tokio::test]
async fn a_version_that_one_process_shows_has_its_tarball_in_the_other() {
    let front = InFront::start().await;
    let other = front.replica().await;
    for client in [front.client(), &other.client] {
        let _ = client.get("/left-pad").header("accept", INSTALL).send().await.assert_status(200);
    }
    publish_another(&front);
    front.clock.advance(Duration::from_hours(1));
    assert!(front.install("/left-pad").await.text().contains("2.0.0"));
    // The other one asked an hour ago, too, but believes for a while what it heard in this minute.
    let tarball = other.client.get(NEW).send().await.assert_status(200);
    assert_eq!(tarball.body, "another");
}

#[tokio::test]
async fn a_process_that_believes_an_old_packument_looks_into_the_store_before_it_denies_a_version() {
    for accept in ["*/*", INSTALL] {
        let front = InFront::start().await;
        let other = front.replica().await;
        let read = async |client: &HttpClient, accept| {
            client.get("/left-pad").header("accept", accept).send().await.assert_status(200).text()
        };
        read(front.client(), accept).await;
        read(&other.client, INSTALL).await;
        front.clock.advance(Duration::from_secs(601));
        // The one heard of the old state just now, the other hears of the new one.
        read(&other.client, INSTALL).await;
        publish_another(&front);
        assert!(read(front.client(), accept).await.contains("2.0.0"));
        assert!(!read(&other.client, INSTALL).await.contains("2.0.0"));
        assert_eq!(other.client.get(NEW).send().await.assert_status(200).body, "another");
        assert_eq!(front.get(NEW).await.assert_status(200).body, "another");
    }
}

/// An install asks for one form of a packument, `npm view` for the other, at different times. The full one is asked for
/// anew, unless it is known already; then the abbreviated one is made of it, and tells no more than it does.
#[tokio::test]
async fn a_version_that_one_form_shows_has_its_tarball_whatever_the_other_says() {
    for first_full in [true, false] {
        let front = InFront::start().await;
        let accepts = if first_full { ["*/*", INSTALL] } else { [INSTALL, "*/*"] };
        let ask = async |accept| {
            front.client().get("/left-pad").header("accept", accept).send().await.assert_status(200).text()
        };
        assert!(!ask(accepts[0]).await.contains("2.0.0"));
        publish_another(&front);
        let is_shown = ask(accepts[1]).await.contains("2.0.0");
        assert_eq!(is_shown, !first_full);
        assert_eq!(front.get(NEW).await.status, if is_shown { 200 } else { 404 });
        front.clock.advance(Duration::from_hours(1));
        for accept in accepts {
            assert!(ask(accept).await.contains("2.0.0"));
        }
        assert_eq!(front.get(NEW).await.assert_status(200).body, "another");
        assert_eq!(front.fake.requests_of("/left-pad"), if first_full { 2 } else { 3 });
    }
}

/// After a restart, whichever form is kept tells where the kept tarballs are.
#[tokio::test]
async fn a_process_that_begins_while_the_upstream_is_down_serves_what_is_kept() {
    for accept in ["*/*", INSTALL] {
        let front = InFront::start().await;
        let kept = "/left-pad/-/left-pad-1.0.0.tgz";
        let _ = front.client().get("/left-pad").header("accept", accept).send().await.assert_status(200);
        let _ = front.get(kept).await.assert_status(200);
        front.fake.go_away();
        front.clock.advance(Duration::from_hours(24));
        let other = front.replica().await;
        let tarball = other.client.get(kept).send().await;
        assert_eq!(tarball.status, 200, "{accept}: {}", tarball.text());
    }
}
