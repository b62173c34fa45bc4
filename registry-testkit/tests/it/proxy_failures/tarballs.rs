use std::sync::Arc;

use const_hex::encode;
use registry_core::domain::Integrity;
use registry_core::storage::ObjectStoreBlobs;
use registry_testkit::conformance::ServedPackages;
use registry_testkit::fake_upstream::FakeAnswer;
use registry_testkit::{FixedClock, ScriptedUpstream};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::in_front::{InFront, kept, serve};
use super::raw_upstream::RawUpstream;

const SMALL: &str = "/left-pad/-/left-pad-1.0.0.tgz";
const LARGE: &str = "/left-pad/-/left-pad-1.1.0.tgz";

async fn is_fetched_again(front: &InFront, path: &str) {
    front.fake.answer_as_usual();
    let tarball = front.get(path).await.assert_status(200);
    assert!(tarball.body == *ServedPackages::sample().tarball(path).unwrap());
    assert_eq!(front.kept().await.keys().filter(|key| key.contains("/-/")).count(), 1);
}

async fn keeps_no_tarball(front: &InFront) {
    assert!(front.kept().await.keys().all(|key| !key.contains("/-/")));
}

/// Whether a client without any manners gets fewer bytes than it was promised before the connection ends.
async fn is_broken_off(address: &str, path: &str) -> bool {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: here.example\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is reset shows as an error, and is broken off as well.
    let _ = stream.read_to_end(&mut answer).await;
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        // Broken off so soon that the head was not on its way yet.
        assert!(answer.is_empty());
        return true;
    };
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    answer.len() - end - 4 < length.parse().unwrap()
}

#[tokio::test]
async fn a_tarball_that_is_cut_is_broken_off_and_not_kept() {
    for path in [SMALL, LARGE] {
        let front = InFront::start().await;
        let whole = ServedPackages::sample().tarball(path).unwrap().len();
        for bytes in [0, 1, whole / 2, whole - 1] {
            front.fake.answer(path, FakeAnswer::usual().cut_after(bytes));
            let cut = front.try_get(path).await;
            assert!(cut.is_err(), "{path} cut after {bytes}: {cut:?}");
            assert!(is_broken_off(front.address(), path).await, "{path} cut after {bytes}");
            // Without a length no client could tell, so that it begins only when it is whole.
            front.fake.answer(path, FakeAnswer::usual().without_length().cut_after(bytes));
            let _ = front.get(path).await.assert_status(503).error();
            keeps_no_tarball(&front).await;
        }
        is_fetched_again(&front, path).await;
    }
}

#[tokio::test]
async fn other_bytes_of_the_same_length_are_broken_off_and_not_kept() {
    for path in [SMALL, LARGE] {
        let front = InFront::start().await;
        let mut bytes = ServedPackages::sample().tarball(path).unwrap().to_vec();
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            bytes[at] ^= 1;
            front.fake.answer(path, FakeAnswer::usual().body(bytes.clone()));
            assert!(front.try_get(path).await.is_err());
            assert!(is_broken_off(front.address(), path).await, "{path}, {at}: the client took it for whole");
            front.fake.answer(path, FakeAnswer::usual().body(bytes.clone()).without_length());
            let _ = front.get(path).await.assert_status(502).error();
            bytes[at] ^= 1;
            keeps_no_tarball(&front).await;
        }
        is_fetched_again(&front, path).await;
    }
}

fn packument(url: &str, dist: Value) -> FakeAnswer {
    let mut dist = dist;
    dist["tarball"] = url.into();
    let manifest = json!({ "name": "left-pad", "version": "1.0.0", "dist": dist });
    let packument =
        json!({ "name": "left-pad", "dist-tags": { "latest": "1.0.0" }, "versions": { "1.0.0": manifest } });
    FakeAnswer::usual().body(packument.to_string())
}

#[tokio::test]
async fn one_that_is_longer_or_shorter_than_it_says_is_broken_off() {
    let tarball = b"the bytes of a tarball";
    let integrity = Integrity::of(tarball).to_string();
    // More than was declared is never read. Less is missed.
    for (declared, sent) in
        [(tarball.len() - 1, tarball.len()), (tarball.len() + 1, tarball.len()), (1 << 30, tarball.len())]
    {
        let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {declared}\r\n\r\n").into_bytes();
        answer.extend(&tarball[..sent]);
        let raw = RawUpstream::start(answer).await;
        let front = InFront::start_allowing(&raw.base_url).await;
        front.fake.answer("/left-pad", packument(&raw.base_url, json!({ "integrity": integrity })));
        assert!(front.try_get(SMALL).await.is_err(), "declared {declared}");
        assert!(is_broken_off(front.address(), SMALL).await, "declared {declared}");
        keeps_no_tarball(&front).await;
    }
    // What follows the declared length is no part of the tarball.
    let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", tarball.len()).into_bytes();
    answer.extend(tarball);
    answer.extend(b"and more");
    let raw = RawUpstream::start(answer).await;
    let front = InFront::start_allowing(&raw.base_url).await;
    front.fake.answer("/left-pad", packument(&raw.base_url, json!({ "integrity": integrity })));
    assert_eq!(front.get(SMALL).await.assert_status(200).body, tarball[..]);
    front.kept().await;
}

#[tokio::test]
async fn one_in_chunks_that_do_not_end_is_not_kept() {
    let tarball = b"the bytes of a tarball";
    let dist = json!({ "integrity": Integrity::of(tarball).to_string() });
    let mut answer =
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n", tarball.len()).into_bytes();
    answer.extend(tarball);
    answer.extend(b"\r\n");
    let raw = RawUpstream::start(answer).await;
    let front = InFront::start_allowing(&raw.base_url).await;
    front.fake.answer("/left-pad", packument(&raw.base_url, dist));
    let _ = front.get(SMALL).await.assert_status(503).error();
    keeps_no_tarball(&front).await;
}

#[tokio::test]
async fn the_digest_decides_whichever_there_is() {
    let tarball = ServedPackages::sample().tarball(SMALL).unwrap().clone();
    let (integrity, shasum) = (Integrity::of(&tarball).to_string(), encode(Sha1::digest(&tarball)));
    let (wrong, wrong_shasum) = (Integrity::of(b"else").to_string(), encode(Sha1::digest(b"else")));
    let rights = [
        json!({ "integrity": integrity }),
        json!({ "integrity": format!("sha1-AAAA {integrity}") }),
        json!({ "integrity": integrity, "shasum": wrong_shasum }),
        json!({ "shasum": shasum }),
        json!({ "shasum": shasum.to_uppercase() }),
    ];
    for dist in rights {
        let front = InFront::start().await;
        front.fake.answer("/left-pad", packument(&format!("{}{SMALL}", front.fake.base_url()), dist.clone()));
        assert_eq!(front.get(SMALL).await.assert_status(200).body, tarball, "{dist}");
        assert_eq!(front.kept().await.len(), 2, "{dist}");
    }
    for dist in [
        json!({ "integrity": wrong }),
        json!({ "integrity": wrong, "shasum": shasum }),
        json!({ "shasum": wrong_shasum }),
    ] {
        let front = InFront::start().await;
        front.fake.answer("/left-pad", packument(&format!("{}{SMALL}", front.fake.base_url()), dist.clone()));
        assert!(front.try_get(SMALL).await.is_err(), "{dist}");
        assert!(is_broken_off(front.address(), SMALL).await, "{dist}");
        keeps_no_tarball(&front).await;
    }
    for dist in [
        json!({}),
        json!({ "integrity": "sha1-AAAA" }),
        json!({ "shasum": "abc" }),
        json!({ "integrity": "sha512-AAAA" }),
    ] {
        let front = InFront::start().await;
        front.fake.answer("/left-pad", packument(&format!("{}{SMALL}", front.fake.base_url()), dist.clone()));
        let answer = front.get(SMALL).await.assert_status(502);
        assert!(answer.error().contains("an invalid response"), "{dist}");
        keeps_no_tarball(&front).await;
    }
}

/// HTTP/2 ends many a body with an empty piece. It is not the last one: that came before it, and is the one that a
/// client must not get before the digest is right.
#[tokio::test]
async fn an_empty_piece_at_the_end_gives_nothing_away() {
    let upstream = ScriptedUpstream::default();
    upstream.publish("pear", "1.0.0", b"the bytes of a tarball");
    upstream.replace_tarball("pear", "1.0.0", b"the bytes of a tarbomb");
    upstream.end_tarballs_with_an_empty_piece(true);
    let (store, clock) = (ObjectStoreBlobs::in_memory(), Arc::new(FixedClock::new()));
    let serving = serve(Arc::new(upstream), &store, &clock).await;
    let path = "/pear/-/pear-1.0.0.tgz";
    let taken = serving.client.get(path).try_send().await;
    assert!(taken.is_err(), "a wrong tarball came through whole: {taken:?}");
    assert!(is_broken_off(&serving.address, path).await, "a wrong tarball came through whole");
    assert!(kept(&store).await.keys().all(|key| !key.contains("/-/")));
}

/// An adapter that declares less than it sends must not get a part taken for the whole.
#[tokio::test]
async fn more_than_was_declared_gives_nothing_away() {
    let upstream = ScriptedUpstream::default();
    upstream.publish("pear", "1.0.0", b"the bytes of a tarball");
    for declared in [0, 1, 10, 20, 21] {
        upstream.declare_tarballs(Some(declared));
        let (store, clock) = (ObjectStoreBlobs::in_memory(), Arc::new(FixedClock::new()));
        let serving = serve(Arc::new(upstream.clone()), &store, &clock).await;
        let taken = serving.client.get("/pear/-/pear-1.0.0.tgz").try_send().await;
        let refused = taken.as_ref().map_or(true, |answer| answer.status == 502);
        assert!(refused, "declared {declared}: {taken:?}");
        assert!(kept(&store).await.keys().all(|key| !key.contains("/-/")), "declared {declared}");
    }
}
