use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use registry_testkit::conformance::ServedPackages;
use registry_testkit::fake_upstream::FakeAnswer;
use registry_testkit::http_client::TestResponse;

use super::in_front::InFront;

/// Twice the time that one question upstream may take in these tests, and room for a busy machine.
const SOON: Duration = Duration::from_secs(5);
const DAY: Duration = Duration::from_hours(24);

const KEPT_TARBALL: &str = "/left-pad/-/left-pad-1.0.0.tgz";
const OTHER_TARBALL: &str = "/left-pad/-/left-pad-1.1.0.tgz";

/// What a client reads of packages that are kept. A line for each route that reads them.
const KEPT: [&str; 5] =
    ["/left-pad", "/left-pad/latest", "/left-pad/1.0.0", "/-/package/left-pad/dist-tags", KEPT_TARBALL];

/// The same of a package that is not. A line for each route that reads them.
const NOT_KEPT: [&str; 6] = [
    "/@acme%2fweb",
    "/@acme/web/latest",
    "/@acme/web/2.0.0-rc.1",
    "/-/package/@acme%2fweb/dist-tags",
    "/-/package/@acme%2fweb/owners",
    "/@acme/web/-/web-2.0.0-rc.1.tgz",
];

const SILENT: (u16, &str) = (503, "did not answer: try again in a moment");
/// No client retries this status, and none tells its user to sign in.
const REFUSED: u16 = 424;
const UNUSABLE: (u16, &str) = (502, "sent an invalid response: try again later");

/// What becomes of a tarball that is not kept.
#[derive(Clone, Copy)]
enum Tarball {
    /// It is answered with the same error as everything else.
    Refused,
    /// It begins, and its connection breaks before its end.
    BrokenOff,
    /// It cannot begin, since its length is unknown, and turns out wrong.
    Unusable,
}

async fn warm() -> InFront {
    let front = InFront::start().await;
    for path in KEPT {
        let _ = front.get(path).await.assert_status(200);
    }
    let _ = front.install("/left-pad").await.assert_status(200);
    front
}

async fn read_kept(front: &InFront) -> Vec<TestResponse> {
    let mut answers = vec![front.install("/left-pad").await];
    for path in KEPT {
        answers.push(front.get(path).await.assert_status(200));
    }
    answers
}

async fn check(what: &str, broken: FakeAnswer, (status, says): (u16, &str), tarball: Tarball) {
    let front = warm().await;
    let before = (read_kept(&front).await, front.kept().await);
    front.fake.answer_everything(broken);
    check_while_broken(what, &front, before, (status, says), tarball).await;
    front.fake.answer_as_usual();
    check_well_again(what, &front).await;
}

async fn check_while_broken(
    what: &str,
    front: &InFront,
    (before, kept): (Vec<TestResponse>, BTreeMap<String, Bytes>),
    (status, says): (u16, &str),
    tarball: Tarball,
) {
    front.clock.advance(DAY);
    for (before, now) in before.iter().zip(read_kept(front).await) {
        assert_eq!((before.status, &before.body), (now.status, &now.body), "{what}");
    }
    for path in NOT_KEPT {
        let begun = Instant::now();
        let answer = front.get(path).await;
        assert!(begun.elapsed() < SOON, "{what}, {path}: {:?}", begun.elapsed());
        assert_eq!(answer.status, status, "{what}, {path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"), "{what}, {path}");
        assert!(answer.error().contains(says), "{what}, {path}: {}", answer.error());
    }
    let begun = Instant::now();
    let answer = front.try_get(OTHER_TARBALL).await;
    match (tarball, answer) {
        (Tarball::BrokenOff, Err(_)) => {}
        (Tarball::Refused, Ok(answer)) => assert_eq!(answer.status, status, "{what}"),
        (Tarball::Unusable, Ok(answer)) => {
            assert_eq!(answer.status, UNUSABLE.0, "{what}");
            assert!(answer.error().contains(UNUSABLE.1), "{what}");
        }
        (_, answer) => panic!("{what}: {answer:?}"),
    }
    // Of a part or a length, nothing is told before the whole is checked.
    let is_failure = |answer: &TestResponse| answer.status.is_server_error() || answer.status == REFUSED;
    assert!(is_failure(&front.head(OTHER_TARBALL).await), "{what}");
    let part = front.client().get(OTHER_TARBALL).header("range", "bytes=0-9").send().await;
    assert!(is_failure(&part), "{what}");
    assert!(!part.error().is_empty(), "{what}");
    assert!(begun.elapsed() < SOON, "{what}: {:?}", begun.elapsed());
    assert!(kept == front.kept().await, "{what}: something was kept");
}

async fn check_well_again(what: &str, front: &InFront) {
    front.clock.advance(DAY);
    let served = ServedPackages::sample();
    for path in KEPT.iter().chain(&NOT_KEPT) {
        let answer = front.get(path).await;
        assert_eq!(answer.status, 200, "{what}, {path} again: {}", answer.text());
        if let Some(tarball) = served.tarball(path) {
            assert!(answer.body == *tarball, "{what}, {path} again");
        }
    }
    let tarball = front.get(OTHER_TARBALL).await.assert_status(200);
    assert!(tarball.body == *served.tarball(OTHER_TARBALL).unwrap(), "{what}");
    front.kept().await;
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn no_server_listens() {
    let mut front = warm().await;
    let before = (read_kept(&front).await, front.kept().await);
    front.fake.go_away();
    // What goes away takes a moment for it.
    for _ in 0..100 {
        front.clock.advance(DAY);
        if front.get("/no-such-package").await.status == 503 {
            break;
        }
    }
    check_while_broken("no server listens", &front, before, SILENT, Tarball::Refused).await;
    front.fake.come_back().await;
    check_well_again("no server listens", &front).await;
}

#[tokio::test]
async fn it_hangs_up() {
    check("hangs up", FakeAnswer::hang_up(), SILENT, Tarball::Refused).await;
}

#[tokio::test]
async fn it_is_slow() {
    check("slow", FakeAnswer::usual().delay(Duration::from_secs(10)), SILENT, Tarball::Refused).await;
}

#[tokio::test]
async fn it_stalls_in_the_middle() {
    check("stalls", FakeAnswer::usual().stall_after(1), SILENT, Tarball::BrokenOff).await;
}

#[tokio::test]
async fn it_breaks_in_the_middle() {
    check("breaks", FakeAnswer::usual().cut_after(1), SILENT, Tarball::BrokenOff).await;
}

#[tokio::test]
async fn it_asks_to_come_back() {
    for status in [408, 500, 502, 503, 504] {
        check(&status.to_string(), FakeAnswer::status(status), SILENT, Tarball::Refused).await;
    }
    let later = FakeAnswer::status(429).header("retry-after", "3600");
    check("429", later, SILENT, Tarball::Refused).await;
}

#[tokio::test]
async fn it_refuses() {
    for (status, says) in [
        (401, "rejects this registry's own credential, not yours (status 401): ask the registry's operator"),
        (403, "does not let this registry's own credential read the package (status 403)"),
        (400, "rejected the request of this registry (status 400)"),
    ] {
        let refused = FakeAnswer::status(status);
        check(&status.to_string(), refused, (REFUSED, says), Tarball::Refused).await;
    }
}

#[tokio::test]
async fn it_sends_something_else() {
    let html =
        FakeAnswer::usual().body("<!doctype html><h1>Sign in</h1>").header("content-type", "text/html");
    check("html", html.clone(), UNUSABLE, Tarball::BrokenOff).await;
    check("html without length", html.without_length(), UNUSABLE, Tarball::Unusable).await;
    for document in [
        r#"{"name":"other","versions":{}}"#,
        r#"["left-pad"]"#,
        "{}",
        "null",
        r#"{"name":"@acme/web","versions""#,
    ] {
        check(document, FakeAnswer::usual().body(document), UNUSABLE, Tarball::BrokenOff).await;
    }
}

#[tokio::test]
async fn it_sends_nothing() {
    // A tarball of no bytes has no byte that could be kept back: it may not begin.
    check("nothing", FakeAnswer::usual().body(""), UNUSABLE, Tarball::Unusable).await;
    check("204", FakeAnswer::status(204).body(""), UNUSABLE, Tarball::Refused).await;
}

#[tokio::test]
async fn it_sends_too_much() {
    let large = format!(r#"{{"name":"@acme/web","readme":"{}"}}"#, "x".repeat(2 << 20));
    let whole = FakeAnswer::usual().body(large.clone());
    check("large", whole.clone(), UNUSABLE, Tarball::BrokenOff).await;
    check("large, undeclared", whole.without_length(), UNUSABLE, Tarball::Unusable).await;
    let bomb = FakeAnswer::usual().body(gzip(large.as_bytes())).header("content-encoding", "gzip");
    check("bomb", bomb, UNUSABLE, Tarball::Unusable).await;
    let no_gzip = FakeAnswer::usual().body(large).header("content-encoding", "gzip");
    check("no gzip", no_gzip, UNUSABLE, Tarball::Unusable).await;
}

#[tokio::test]
async fn it_redirects_without_end() {
    let circle = (502, "redirects in a circle: try again later");
    check("loop", FakeAnswer::redirect(302, "/left-pad"), circle, Tarball::Refused).await;
    let nowhere = (502, "redirects to something that is no http or https URL: try again later");
    check("nowhere", FakeAnswer::redirect(302, "file:///etc/passwd"), nowhere, Tarball::Refused).await;
    let internal = (502, "another host, 127.0.0.1, which did not deliver the expected file");
    check("internal", FakeAnswer::redirect(302, "http://127.0.0.1:1/a"), internal, Tarball::Refused).await;
}
