use futures::TryStreamExt as _;
use futures::future::join_all;
use http::{Request, StatusCode};
use registry_core::Body;
use registry_core::storage::BlobPrefix;

use super::{PATH, Proxy, TARBALL, read, request};

async fn kept(proxy: &Proxy) -> Vec<String> {
    let listed: Vec<_> = proxy.store.list(&BlobPrefix::ROOT).try_collect().await.unwrap();
    listed.into_iter().map(|blob| blob.path.to_string()).filter(|path| path.contains(".tgz")).collect()
}

#[tokio::test]
async fn a_tarball_is_fetched_once_and_kept() {
    let proxy = Proxy::start();
    let answers = join_all((0..20).map(|_| proxy.get(PATH))).await;
    for answer in answers {
        assert_eq!(answer, (StatusCode::OK, TARBALL.to_vec()));
    }
    let asked = proxy.upstream.take_asked();
    assert_eq!(asked, ["packument pear", "tarball https://registry.example/files/pear-1.0.0.tgz"]);
    assert_eq!(proxy.get(PATH).await, (StatusCode::OK, TARBALL.to_vec()));
    assert!(proxy.upstream.take_asked().is_empty());
    assert_eq!(kept(&proxy).await.len(), 1);
}

#[tokio::test]
async fn a_wrong_tarball_is_never_whole_at_a_client_and_never_kept() {
    let proxy = Proxy::start();
    proxy.upstream.replace_tarball("pear", "1.0.0", b"the bytes of a tarbomb");
    for _ in 0..3 {
        let (_, body) = proxy.get(PATH).await;
        assert!(body.is_empty(), "a wrong tarball came through");
        assert!(kept(&proxy).await.is_empty());
    }
    proxy.upstream.replace_tarball("pear", "1.0.0", TARBALL);
    assert_eq!(proxy.get(PATH).await, (StatusCode::OK, TARBALL.to_vec()));
}

/// Of a host that the packument chose, no byte, length or status tells anything before the digest is right.
#[tokio::test]
async fn a_tarball_elsewhere_begins_when_it_is_whole_and_fails_in_one_way() {
    let proxy = Proxy::start();
    proxy.upstream.have_tarballs_elsewhere(Some("files.example"));
    let mut told = Vec::new();
    proxy.upstream.replace_tarball("pear", "1.0.0", b"the bytes of a tarbomb");
    told.push(proxy.get(PATH).await);
    proxy.upstream.replace_tarball("pear", "1.0.0", b"longer than it should be, by a few bytes");
    told.push(proxy.get(PATH).await);
    proxy.upstream.replace_tarball("pear", "1.0.0", TARBALL);
    for bytes in [0, 1, TARBALL.len() - 1] {
        proxy.upstream.cut_tarballs_after(Some(bytes));
        told.push(proxy.get(PATH).await);
    }
    proxy.upstream.cut_tarballs_after(None);
    for declared in [0, 1, 1 << 20, 1 << 40] {
        proxy.upstream.declare_tarballs(Some(declared));
        told.push(proxy.get(PATH).await);
        assert!(kept(&proxy).await.is_empty());
    }
    assert!(told.iter().all(|answer| *answer == told[0]), "{told:?}");
    assert_eq!(told[0].0, 502);
    assert!(String::from_utf8_lossy(&told[0].1).contains("another host, files.example"), "{told:?}");
}

#[tokio::test]
async fn a_right_tarball_elsewhere_is_served_and_kept() {
    let proxy = Proxy::start();
    proxy.upstream.have_tarballs_elsewhere(Some("files.example"));
    assert_eq!(proxy.get(PATH).await, (StatusCode::OK, TARBALL.to_vec()));
    assert_eq!(kept(&proxy).await.len(), 1);
}

#[tokio::test]
async fn one_that_is_too_large_is_refused_with_the_limit_and_asked_for_once() {
    let proxy = Proxy::start();
    proxy.upstream.declare_tarballs(Some((1 << 30) + 1));
    let answers = join_all((0..5).map(|_| proxy.get(PATH))).await;
    for (status, body) in answers {
        assert_eq!(status, 403);
        assert!(String::from_utf8_lossy(&body).contains("larger than 1024 MiB"), "{body:?}");
    }
    assert_eq!(proxy.get(PATH).await.0, 403);
    let head = proxy.registry.handle(Request::head(PATH).body(Body::empty()).unwrap()).await;
    assert_eq!(head.status(), 403);
    let asked = proxy.upstream.take_asked();
    assert_eq!(asked.iter().filter(|asked| asked.starts_with("tarball")).count(), 1, "{asked:?}");
}

#[tokio::test]
async fn a_tarball_that_is_cut_off_is_never_kept() {
    let proxy = Proxy::start();
    for bytes in [0, 1, TARBALL.len() / 2, TARBALL.len() - 1] {
        proxy.upstream.cut_tarballs_after(Some(bytes));
        let (_, body) = proxy.get(PATH).await;
        assert!(body.is_empty(), "{bytes}");
        assert!(kept(&proxy).await.is_empty(), "{bytes}");
    }
    proxy.upstream.cut_tarballs_after(None);
    assert_eq!(proxy.get(PATH).await, (StatusCode::OK, TARBALL.to_vec()));
}

#[tokio::test]
async fn a_client_that_goes_away_takes_nothing_along() {
    let proxy = Proxy::start();
    drop(proxy.registry.handle(request(PATH)).await);
    assert_eq!(proxy.get(PATH).await, (StatusCode::OK, TARBALL.to_vec()));
    let asked = proxy.upstream.take_asked();
    assert_eq!(asked.iter().filter(|asked| asked.starts_with("tarball")).count(), 1, "{asked:?}");
}

#[tokio::test]
async fn a_part_and_a_length_are_told_of_the_checked_whole() {
    let proxy = Proxy::start();
    let part = Request::get(PATH).header("range", "bytes=4-8").body(Body::empty()).unwrap();
    assert_eq!(
        read(proxy.registry.handle(part).await).await,
        (StatusCode::PARTIAL_CONTENT, b"bytes".to_vec())
    );
    let head = Request::head(PATH).body(Body::empty()).unwrap();
    let answer = proxy.registry.handle(head).await;
    assert_eq!(answer.headers()["content-length"], TARBALL.len().to_string());
}

#[tokio::test]
async fn a_version_that_the_packument_does_not_name_is_not_asked_for() {
    let proxy = Proxy::start();
    assert_eq!(proxy.get("/pear/-/pear-9.9.9.tgz").await.0, 404);
    assert_eq!(proxy.upstream.take_asked(), ["packument pear"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_delays_no_other_and_misses_nothing() {
    let proxy = Proxy::start();
    let slow = proxy.registry.handle(request(PATH)).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(proxy.get(PATH).await, (StatusCode::OK, TARBALL.to_vec()));
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(read(slow).await, (StatusCode::OK, TARBALL.to_vec()));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_never_gets_the_rest_of_a_wrong_tarball() {
    let proxy = Proxy::start();
    proxy.upstream.replace_tarball("pear", "1.0.0", b"the bytes of a tarbomb");
    let slow = proxy.registry.handle(request(PATH)).await;
    assert_eq!(proxy.get(PATH).await.0, 502);
    assert!(read(slow).await.1.is_empty(), "a wrong tarball came through");
}
