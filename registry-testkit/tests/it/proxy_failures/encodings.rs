//! Tarballs that the upstream calls compressed once more, rightly or wrongly.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use registry_testkit::conformance::ServedPackages;
use registry_testkit::fake_upstream::FakeAnswer;

use super::in_front::InFront;

const SMALL: &str = "/left-pad/-/left-pad-1.0.0.tgz";
const LARGE: &str = "/left-pad/-/left-pad-1.1.0.tgz";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn whichever_reading_has_the_digest_is_served_and_kept() {
    for path in [SMALL, LARGE] {
        let tarball = ServedPackages::sample().tarball(path).unwrap().clone();
        for (encoding, sent) in [
            ("gzip", gzip(&tarball)),
            ("x-gzip", gzip(&tarball)),
            ("GZIP", tarball.to_vec()),
            ("identity", tarball.to_vec()),
            ("br", tarball.to_vec()),
        ] {
            for with_length in [true, false] {
                let front = InFront::patient().await;
                let answer = FakeAnswer::usual().body(sent.clone()).header("content-encoding", encoding);
                front.fake.answer(path, if with_length { answer } else { answer.without_length() });
                let answer = front.get(path).await.assert_status(200);
                assert!(answer.body == tarball, "{path} {encoding} {with_length}");
                assert_eq!(answer.header("content-encoding"), None);
                assert_eq!(front.kept().await.keys().filter(|key| key.contains("/-/")).count(), 1);
                let part =
                    front.client().get(path).header("range", "bytes=0-9").send().await.assert_status(206);
                assert!(part.body == tarball[..10]);
            }
        }
    }
}

#[tokio::test]
async fn what_fits_no_reading_is_an_error_before_any_byte() {
    let tarball = ServedPackages::sample().tarball(SMALL).unwrap().clone();
    let mut spoilt = gzip(&tarball);
    let last = spoilt.len() - 1;
    spoilt[last] ^= 1;
    for (encoding, sent) in [
        ("gzip", gzip(b"else")),
        ("gzip", b"else".to_vec()),
        ("gzip", Vec::new()),
        ("gzip", spoilt),
        ("gzip", gzip(&gzip(&tarball))),
        ("gzip", gzip(&vec![0; 8 << 20])),
        ("br", gzip(&tarball)),
        ("gzip, gzip", gzip(&gzip(&tarball))),
    ] {
        let front = InFront::patient().await;
        front.fake.answer(SMALL, FakeAnswer::usual().body(sent).header("content-encoding", encoding));
        let _ = front.get(SMALL).await.assert_status(502).error();
        assert!(front.kept().await.keys().all(|key| !key.contains("/-/")));
    }
}
