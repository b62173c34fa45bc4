//! What a running server tells of itself: `/-/metrics` and `/-/ready`.

use std::collections::BTreeSet;
use std::path::Path;

use registry_testkit::conformance::ServedPackages;
use registry_testkit::fake_upstream::{FakeAnswer, FakeUpstream};
use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::server_process::ServerProcess;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::running::{run, wait_for};
use crate::support::sign_up;

const BINARY: &str = env!("CARGO_BIN_EXE_registry-server");

/// A server in front of an upstream.
pub(crate) struct Watched {
    pub(crate) upstream: FakeUpstream,
    pub(crate) server: ServerProcess,
    folder: TempDir,
}

impl Watched {
    /// With a configuration file, to which `more` is added.
    pub(crate) async fn start(more: &str) -> Self {
        Self::start_with(more, &[]).await
    }

    /// As [`Watched::start`], with variables in the environment.
    pub(crate) async fn start_with(more: &str, environment: &[(&str, &str)]) -> Self {
        let upstream = FakeUpstream::start(ServedPackages::sample()).await;
        let folder = TempDir::with_prefix("watching-").unwrap();
        let config = folder.path().join("registry.toml");
        std::fs::write(&config, configuration(&upstream, more)).unwrap();
        let arguments = ["--config", config.to_str().unwrap()];
        let storage = format!("file:{}", folder.path().join("storage").display());
        let pairs = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment: Vec<_> = pairs.collect();
        let server = ServerProcess::start_on(Path::new(BINARY), &arguments, &storage, &environment).await;
        Self { upstream, server, folder }
    }

    pub(crate) fn http(&self) -> HttpClient {
        HttpClient::new(self.server.base_url())
    }

    pub(crate) async fn metrics(&self) -> String {
        self.http().get("/-/metrics").send().await.assert_status(200).text()
    }

    /// What `/-/ready` answers.
    async fn ready(&self, status: u16) -> Value {
        self.http().get("/-/ready").send().await.assert_status(status).json()
    }

    /// Writes the configuration again, and lets the server read it.
    fn reload(&self, more: &str) {
        std::fs::write(self.folder.path().join("registry.toml"), configuration(&self.upstream, more))
            .unwrap();
        let process = self.server.id().and_then(|id| Pid::from_raw(id.cast_signed())).unwrap();
        kill_process(process, Signal::HUP).unwrap();
    }

    /// What `registry-server ready` prints.
    fn ask_ready(&self) -> (Option<i32>, String, String) {
        let address = self.server.base_url().strip_prefix("http://").unwrap();
        let asked = run(&["ready", "--listen", address]);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(address, "[address]");
        (asked.status.code(), text(asked.stdout), text(asked.stderr))
    }
}

fn configuration(upstream: &FakeUpstream, more: &str) -> String {
    format!("[upstreams.other]\nurl = \"{}\"\n{more}", upstream.base_url())
}

/// Does a bit of everything that is counted.
pub(crate) async fn use_everything(watched: &Watched) {
    let http = watched.http();
    let token = sign_up(&http, "ana").await;
    let pear = PublishDocument::new("pear", "1.0.0").build();
    let _ = http.put("/pear").bearer(&token).json(&pear).send().await.assert_status(201);
    for path in ["/pear", "/pear/-/pear-1.0.0.tgz", "/left-pad", "/left-pad/-/left-pad-1.0.0.tgz"] {
        for _ in 0..2 {
            let _ = http.get(path).send().await.assert_status(200);
        }
    }
}

/// The value of one sample.
#[track_caller]
fn sample(page: &str, series: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{page}")).parse().unwrap()
}

/// Every name and label without its value.
fn series(page: &str) -> BTreeSet<&str> {
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| Some(line.rsplit_once(' ')?.0)).collect()
}

#[tokio::test]
async fn metrics_tell_of_the_storage_the_upstream_the_caches_and_the_events() {
    let watched = Watched::start("").await;
    use_everything(&watched).await;
    let page = watched.metrics().await;
    let families: BTreeSet<_> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    insta::assert_snapshot!(families.into_iter().collect::<Vec<_>>().join("\n"), @r#"
    process_start_time_seconds gauge
    registry_build_info gauge
    registry_cache_hits_total counter
    registry_cache_misses_total counter
    registry_changes_waiting gauge
    registry_download_flush_failures_total counter
    registry_downloads_lost_total counter
    registry_downloads_total counter
    registry_events_capacity gauge
    registry_events_lost_total counter
    registry_events_waiting gauge
    registry_policy_file_failures_total counter
    registry_policy_files_unreadable gauge
    registry_request_duration_seconds histogram
    registry_requests_in_flight gauge
    registry_requests_total counter
    registry_response_bytes_total counter
    registry_storage_conflicts_total counter
    registry_storage_errors_total counter
    registry_storage_operation_duration_seconds histogram
    registry_upstream_paused gauge
    registry_upstream_request_duration_seconds histogram
    "#);

    let at_least = |series: &str, least: f64| {
        let value = sample(&page, series);
        assert!(value >= least, "{series} {value}");
    };
    at_least(r#"registry_storage_operation_duration_seconds_count{operation="put"}"#, 3.0);
    at_least(r#"registry_storage_operation_duration_seconds_count{operation="open"}"#, 2.0);
    at_least(r#"registry_upstream_request_duration_seconds_count{upstream="other",outcome="answered"}"#, 2.0);
    // The second request may come before the tarball of the first is stored.
    let [hits, misses] = ["hits", "misses"]
        .map(|of| sample(&page, &format!(r#"registry_cache_{of}_total{{cache="upstream_tarballs"}}"#)));
    assert!(misses >= 1.0 && (hits + misses - 2.0).abs() < 0.5, "{hits} hits and {misses} misses");
    at_least(r#"registry_storage_operation_duration_seconds_bucket{operation="put",le="+Inf"}"#, 3.0);
    assert!(sample(&page, r#"registry_storage_operation_duration_seconds_sum{operation="put"}"#) > 0.0);
    for (series, value) in [
        (r#"registry_upstream_request_duration_seconds_count{upstream="other",outcome="unavailable"}"#, 0.0),
        (r#"registry_upstream_paused{upstream="other"}"#, 0.0),
        (r#"registry_storage_errors_total{operation="put",error="refused"}"#, 0.0),
        ("registry_events_lost_total", 0.0),
        ("registry_events_capacity", 16384.0),
    ] {
        assert!((sample(&page, series) - value).abs() < 0.5, "{series} is {}", sample(&page, series));
    }
}

#[tokio::test]
async fn no_client_adds_a_label() {
    let watched = Watched::start("").await;
    use_everything(&watched).await;
    let _ = watched.http().get("/left-pad-0").send().await.assert_status(404);
    let before = watched.metrics().await;
    for number in 0..50 {
        let path = format!("/left-pad-{number}");
        let _ = watched.http().get(&path).header("user-agent", &path).send().await.assert_status(404);
    }
    let after = watched.metrics().await;
    assert_eq!(series(&after), series(&before));
    assert!(!after.contains("left-pad"), "{after}");
}

#[tokio::test]
async fn an_upstream_that_fails_is_a_warning_and_a_metric_until_it_answers() {
    let watched = Watched::start("").await;
    watched.upstream.answer_everything(FakeAnswer::status(503));
    for path in ["/apple", "/banana", "/cherry"] {
        let _ = watched.http().get(path).send().await.assert_status(503);
    }
    let ready = watched.ready(200).await;
    insta::assert_json_snapshot!(ready, @r#"
    {
      "ok": true,
      "findings": [
        {
          "kind": "upstream-paused",
          "level": "warning",
          "message": "an upstream failed repeatedly, so requests to it pause and cached packages are served: run registry-server doctor, which names it"
        }
      ]
    }
    "#);
    let page = watched.metrics().await;
    assert!((sample(&page, r#"registry_upstream_paused{upstream="other"}"#) - 1.0).abs() < 0.5);
    let failed =
        r#"registry_upstream_request_duration_seconds_count{upstream="other",outcome="unavailable"}"#;
    assert!((sample(&page, failed) - 3.0).abs() < 0.5);
    let (code, stdout, stderr) = watched.ask_ready();
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!(stdout, @r#"
    ready
    warning: an upstream failed repeatedly, so requests to it pause and cached packages are served: run registry-server doctor, which names it
    "#);
}

#[tokio::test]
async fn settings_that_cannot_be_read_again_are_a_warning_until_they_can() {
    let watched = Watched::start("").await;
    watched.reload("nonsense = 1");
    let client = watched.http();
    let ready = async |is_warned: bool| loop {
        let ready = client.get("/-/ready").send().await.assert_status(200).json();
        if ready["findings"].as_array().unwrap().is_empty() != is_warned {
            return ready;
        }
        tokio::task::yield_now().await;
    };
    let limit = std::time::Duration::from_secs(30);
    let warned = tokio::time::timeout(limit, ready(true)).await.unwrap();
    insta::assert_json_snapshot!(warned, @r#"
    {
      "ok": true,
      "findings": [
        {
          "kind": "settings-not-reloaded",
          "level": "warning",
          "message": "the settings were wrong when they were last read again, so the old access rules still apply: see the log, correct the file, and send SIGHUP"
        }
      ]
    }
    "#);
    watched.reload("");
    let well = tokio::time::timeout(limit, ready(false)).await.unwrap();
    assert_eq!(well, serde_json::json!({ "ok": true, "findings": [] }));
}

#[tokio::test]
async fn a_storage_that_is_not_mounted_is_told_in_words() {
    let watched = Watched::start("").await;
    let objects = watched.folder.path().join("storage/objects");
    let aside = watched.folder.path().join("aside");
    std::fs::rename(&objects, &aside).unwrap();
    std::fs::create_dir(&objects).unwrap();
    let ready = watched.ready(503).await;
    let (code, stdout, stderr) = watched.ask_ready();
    insta::assert_json_snapshot!(ready, @r#"
    {
      "ok": false,
      "error": "the storage is empty or not mounted, its marker is gone: mount it again, or, if it was emptied on purpose, restart the server",
      "findings": [
        {
          "kind": "storage-marker-missing",
          "level": "error",
          "message": "the storage is empty or not mounted, its marker is gone: mount it again, or, if it was emptied on purpose, restart the server"
        }
      ]
    }
    "#);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    insta::assert_snapshot!(stderr, @r#"
    registry-server: the server at [address] is not ready: the storage is empty or not mounted, its marker is gone: mount it again, or, if it was emptied on purpose, restart the server
    "#);
    let logged = wait_for("the log", || {
        let log = watched.server.stderr();
        log.contains("its marker _registry.json is gone").then_some(log)
    });
    assert!(logged.contains("not ready: the storage is empty or not mounted"), "{logged}");
}
