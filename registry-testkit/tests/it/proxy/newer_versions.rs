//! Versions, tags and ranges that are younger than the packument that is known.

use std::time::Duration;

use futures::future::join_all;
use http::StatusCode;

use super::{Proxy, TARBALL};

const NEWER: &str = "/pear/-/pear-1.1.0.tgz";
const SOON: Duration = Duration::from_mins(1);

/// A packument that is fresh for four minutes more, and a version that it lacks.
async fn behind(full: bool) -> Proxy {
    let proxy = Proxy::start();
    if full {
        proxy.json("/pear").await;
    } else {
        assert_eq!(proxy.get("/pear/-/pear-1.0.0.tgz").await.0, 200);
    }
    proxy.clock.advance(SOON);
    proxy.upstream.publish("pear", "1.1.0", TARBALL);
    proxy.upstream.take_asked();
    proxy
}

fn packuments(proxy: &Proxy) -> usize {
    proxy.upstream.take_asked().iter().filter(|asked| asked.starts_with("packument")).count()
}

#[tokio::test]
async fn a_tarball_of_a_lockfile_is_served_after_one_question() {
    for full in [true, false] {
        let proxy = behind(full).await;
        for answer in join_all((0..20).map(|_| proxy.get(NEWER))).await {
            assert_eq!(answer, (StatusCode::OK, TARBALL.to_vec()), "{full}");
        }
        assert_eq!(packuments(&proxy), 1, "{full}");
        // From then on, everything knows of it.
        assert_eq!(proxy.json("/pear").await["dist-tags"]["latest"], "1.1.0");
        assert_eq!(proxy.json("/pear/latest").await["version"], "1.1.0");
    }
}

#[tokio::test]
async fn a_version_a_tag_and_a_range_are_served_too() {
    for path in ["/pear/1.1.0", "/pear/next", "/pear/^1.1", "/pear/%5E1.1.0", "/pear/%3E1.0.0", "/pear/1.1.x"]
    {
        let proxy = behind(true).await;
        proxy.upstream.tag("pear", "next", "1.1.0");
        assert_eq!(proxy.json(path).await["version"], "1.1.0", "{path}");
        assert_eq!(packuments(&proxy), 1, "{path}");
    }
}

#[tokio::test]
async fn a_range_that_the_known_packument_satisfies_asks_nothing() {
    let proxy = behind(true).await;
    for path in ["/pear/^1", "/pear/%5E1.0.0", "/pear/*", "/pear/1"] {
        assert_eq!(proxy.json(path).await["version"], "1.0.0", "{path}");
    }
    assert_eq!(packuments(&proxy), 0);
}

#[tokio::test]
async fn what_is_not_there_is_asked_for_once_in_a_while() {
    let proxy = behind(true).await;
    proxy.upstream.withdraw("pear", "1.1.0");
    for path in
        [NEWER, NEWER, "/pear/1.1.0", "/pear/1.1.1", "/pear/-/pear-1.1.2.tgz", "/pear/no-tag", "/pear/^1.1"]
    {
        assert_eq!(proxy.get(path).await.0, 404, "{path}");
    }
    assert_eq!(packuments(&proxy), 1, "one for a package, whatever is asked for");
    proxy.clock.advance(Duration::from_secs(3));
    assert_eq!(proxy.get(NEWER).await.0, 404);
    assert_eq!(packuments(&proxy), 0, "that this one is not there is still known");
    assert_eq!(proxy.get("/pear/-/pear-1.1.3.tgz").await.0, 404);
    assert_eq!(packuments(&proxy), 1);
    proxy.upstream.publish("pear", "1.1.0", TARBALL);
    proxy.clock.advance(Duration::from_secs(31));
    assert_eq!(proxy.get(NEWER).await, (StatusCode::OK, TARBALL.to_vec()));
}

/// That it could not be asked does not make a version absent.
#[tokio::test]
async fn an_upstream_that_is_down_proves_nothing() {
    let proxy = behind(true).await;
    proxy.upstream.set_down(true);
    for path in [NEWER, "/pear/1.1.0", "/pear/^1.1.0"] {
        assert_eq!(proxy.get(path).await.0, 503, "{path}");
        proxy.clock.advance(Duration::from_secs(3));
    }
    assert_eq!(proxy.json("/pear").await["dist-tags"]["latest"], "1.0.0", "what is kept is served");
    proxy.upstream.set_down(false);
    assert_eq!(proxy.get(NEWER).await, (StatusCode::OK, TARBALL.to_vec()));
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_hangs_is_not_waited_for_long() {
    let proxy = behind(true).await;
    proxy.upstream.set_packuments_hang(true);
    let begun = tokio::time::Instant::now();
    assert_eq!(proxy.get(NEWER).await.0, 503);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}
