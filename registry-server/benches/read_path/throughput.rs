use anyhow::ensure;
use registry_testkit::benchmark::{Load, Nginx, NginxFiles, Promises, Publisher, Wrk, median, ratio};
use registry_testkit::http_client::{HttpClient, TestRequest, TestResponse};
use tempfile::TempDir;

use crate::{Options, serve};

/// What npm sends as it installs.
const ACCEPT: &str = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";
const ACCEPT_ENCODING: &str = "gzip,deflate";

const SMALL: usize = 300 << 10;
const LARGE: usize = 10 << 20;

/// Requests in a second, of nginx and of the server by turns.
pub(crate) async fn measure(options: &Options, report: &mut Promises) -> anyhow::Result<()> {
    let storage = TempDir::new()?;
    let quiet = serve(storage.path(), &["--log", "warn"]).await;
    // The default: one line for each request, written to a file here.
    let logging = serve(storage.path(), &[]).await;
    let publisher = Publisher::sign_up(quiet.base_url()).await;
    for version in 0..100 {
        publisher.publish("pear", &format!("1.0.{version}"), 0).await;
    }
    publisher.publish("small", "1.0.0", SMALL).await;
    publisher.publish("large", "1.0.0", LARGE).await;

    let nginx = Nginx::start(NginxFiles::AsTheyAre)?;
    let packument =
        publisher.http.get("/pear").header("accept", ACCEPT).header("accept-encoding", ACCEPT_ENCODING);
    let packument = packument.bearer(&publisher.token).send().await.assert_status(200);
    ensure!(packument.header("content-encoding") == Some("gzip"), "the packument is not compressed");
    let etag = packument.header("etag").unwrap_or_default().to_owned();
    nginx.put("pear.gz", &packument.body)?;
    for name in ["small", "large"] {
        let tarball = publisher.http.get(&tarball_path(name)).send().await.assert_status(200);
        nginx.put(&format!("{name}.tgz"), &tarball.body)?;
    }
    let from_nginx =
        HttpClient::new(&nginx.base_url()).get("/pear").header("accept-encoding", ACCEPT_ENCODING);
    ensure!(same(&from_nginx, &packument).await, "nginx does not serve the packument's bytes");

    let nginx_url = nginx.base_url();
    let packument_of = |base_url: &str, more: &[(&'static str, &str)]| {
        let mut headers = vec![
            ("accept", ACCEPT.to_owned()),
            ("accept-encoding", ACCEPT_ENCODING.to_owned()),
            ("authorization", format!("Bearer {}", publisher.token)),
        ];
        headers.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Load { url: format!("{base_url}/pear"), headers }
    };
    let of_nobody = |mut load: Load| {
        load.headers.retain(|(name, _)| *name != "authorization");
        load
    };
    let file = |base_url: &str, path: &str| Load { url: format!("{base_url}{path}"), headers: Vec::new() };
    let subjects = [
        ("nginx, packument", packument_of(&nginx_url, &[])),
        ("packument, anonymous", of_nobody(packument_of(quiet.base_url(), &[]))),
        ("packument", packument_of(quiet.base_url(), &[])),
        ("not modified", packument_of(quiet.base_url(), &[("if-none-match", &etag)])),
        ("packument, logged", packument_of(logging.base_url(), &[])),
        ("not modified, logged", packument_of(logging.base_url(), &[("if-none-match", &etag)])),
        ("nginx, tarball of 300 KB", file(&nginx_url, "/small.tgz")),
        ("tarball of 300 KB", file(quiet.base_url(), &tarball_path("small"))),
        ("nginx, tarball of 10 MB", file(&nginx_url, "/large.tgz")),
        ("tarball of 10 MB", file(quiet.base_url(), &tarball_path("large"))),
    ];
    let rates = take_turns(&subjects, options)?;
    for ((what, _), rates) in subjects.iter().zip(&rates) {
        report.plain(&format!("{what}, requests/s"), median(rates));
    }
    let [nginx_packument, anonymous, packument, not_modified, packument_logged, not_modified_logged, ..] =
        &rates;
    let [.., nginx_small, small, nginx_large, large] = &rates;
    report.at_least("packument against nginx", ratio(packument, nginx_packument), 0.5);
    report.at_least("packument against nginx, logged", ratio(packument_logged, nginx_packument), 0.5);
    report.at_least("packument with a token against without", ratio(packument, anonymous), 0.95);
    // A tenth is what the same thing differs by from run to run.
    report.at_least("not modified against packument", ratio(not_modified, packument), 0.9);
    report.at_least(
        "not modified against packument, logged",
        ratio(not_modified_logged, packument_logged),
        0.9,
    );
    report.plain("tarball of 300 KB against nginx", ratio(small, nginx_small));
    report.at_least("tarball of 10 MB against nginx", ratio(large, nginx_large), 0.7);
    quiet.stop().await;
    logging.stop().await;
    Ok(())
}

/// What each did in each round.
fn take_turns<const N: usize>(
    subjects: &[(&str, Load); N],
    options: &Options,
) -> anyhow::Result<[Vec<f64>; N]> {
    let mut rates = [const { Vec::new() }; N];
    for round in 1..=options.rounds {
        for ((what, load), rates) in subjects.iter().zip(&mut rates) {
            let rate = (Wrk { connections: 32, seconds: options.seconds }).run(load)?.requests_per_second;
            println!("round {round}  {what:<28} {rate:>8.0} requests/s");
            rates.push(rate);
        }
    }
    Ok(rates)
}

fn tarball_path(name: &str) -> String {
    format!("/{name}/-/{name}-1.0.0.tgz")
}

async fn same(request: &TestRequest, expected: &TestResponse) -> bool {
    request.clone().send().await.body == expected.body
}
