use std::io::Write;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use http_body_util::{BodyExt as _, Empty};
use tracing_subscriber::fmt::MakeWriter;

use super::*;
use registry_core::ReadinessFinding;
use registry_core::auth::Principal;
use registry_core::http::{PrincipalName, RouteKind};

/// A handler whose answer the path selects.
#[derive(Debug)]
struct Scripted {
    findings: Vec<ReadinessFinding>,
    entered: Sender<()>,
}

impl Handler for Scripted {
    type Body = Full<Bytes>;

    async fn handle<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let _ = self.entered.send(());
        match request.uri().path() {
            path if path.ends_with("panics") => panic!("a secret"),
            "/never" => std::future::pending().await,
            "/host" => Response::new(request.headers()[HOST].as_bytes().to_vec().into()),
            "/client" => {
                let ClientAddress(address) = request.extensions().get().unwrap();
                Response::new(address.to_string().into())
            }
            _ => {
                let mut response = Response::new("hello".into());
                response.extensions_mut().insert(RouteKind("greeting"));
                response.extensions_mut().insert(PrincipalName::from(Arc::new(Principal::user("ana"))));
                response
            }
        }
    }

    async fn readiness(&self) -> Readiness {
        Readiness::new(self.findings.clone(), Some("the bucket is gone".into()))
    }

    fn measurements(&self) -> Measurements {
        let store = registry_core::storage::ObjectStoreBlobs::in_memory();
        Registry::builder(Arc::new(store)).build().measurements()
    }
}

const HERE: &str = "127.0.0.1:5000";
const ELSEWHERE: &str = "192.0.2.1:5000";

fn front(settings: &str) -> (Front<Scripted>, Receiver<()>) {
    let (entered, has_entered) = channel();
    let settings = Settings::from_toml(settings).unwrap();
    let metrics = Arc::new(Metrics::new(0));
    let scripted = Scripted { findings: Vec::new(), entered };
    (Front::new(scripted, metrics, Arc::default(), &settings), has_entered)
}

fn request(method: &str, uri: &str) -> Request<Empty<Bytes>> {
    Request::builder().method(method).uri(uri).body(Empty::new()).unwrap()
}

async fn ask(front: &Front<Scripted>, peer: &str, request: Request<Empty<Bytes>>) -> (u16, String) {
    let response = front.answer(peer.parse().unwrap(), request).await;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn metrics_of(front: &Front<Scripted>) -> String {
    let (status, page) = ask(front, HERE, request("GET", "/-/metrics")).await;
    assert_eq!(status, 200);
    page
}

#[tokio::test]
async fn a_panic_is_answered_and_the_next_request_too() {
    let (front, _) = front("");
    let (status, body) = ask(&front, HERE, request("GET", "/panics")).await;
    assert_eq!(status, 500);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let error = body["error"].as_str().unwrap();
    assert!(error.contains("try again") && !error.contains("secret"));

    assert_eq!(ask(&front, HERE, request("GET", "/")).await, (200, "hello".into()));
    let page = metrics_of(&front).await;
    assert!(page.contains(r#"{route="unknown",method="GET",status="500"} 1"#), "{page}");
    assert!(page.contains("registry_requests_in_flight 0"), "{page}");
}

#[tokio::test]
async fn a_client_that_hangs_up_is_counted_and_no_longer_in_flight() {
    let (front, has_entered) = front("");
    let front = Arc::new(front);
    let asked = tokio::spawn({
        let front = Arc::clone(&front);
        async move { ask(&front, HERE, request("GET", "/never")).await }
    });
    while has_entered.try_recv().is_err() {
        tokio::task::yield_now().await;
    }
    assert!(metrics_of(&front).await.contains("registry_requests_in_flight 1"));
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    let page = metrics_of(&front).await;
    assert!(page.contains("registry_requests_in_flight 0"), "{page}");
    assert!(page.contains(r#"status="499"} 1"#), "{page}");
}

#[tokio::test]
async fn ready_follows_the_store_and_the_shutdown() {
    let (mut front, _) = front("");
    let (status, body) = ask(&front, ELSEWHERE, request("GET", "/-/ready")).await;
    assert_eq!((status, body.as_str()), (200, r#"{"ok":true,"findings":[]}"#));
    assert_eq!(ask(&front, HERE, request("HEAD", "/-/ready")).await.0, 200);
    assert_eq!(ask(&front, HERE, request("PUT", "/-/ready")).await.0, 405);
    assert_eq!(ask(&front, HERE, request("GET", "/registry/-/ready")).await.1, "hello");

    front.handler.findings = vec![ReadinessFinding::StorageMarkerMissing, ReadinessFinding::UpstreamPaused];
    let (status, body) = ask(&front, HERE, request("GET", "/-/ready")).await;
    assert_eq!(status, 503);
    assert!(!body.contains("bucket"), "{body}");
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    insta::assert_json_snapshot!(body, @r#"
    {
      "ok": false,
      "error": "the storage is empty or not mounted, its marker is gone: mount it again, or, if it was emptied on purpose, restart the server",
      "findings": [
        {
          "kind": "storage-marker-missing",
          "level": "error",
          "message": "the storage is empty or not mounted, its marker is gone: mount it again, or, if it was emptied on purpose, restart the server"
        },
        {
          "kind": "upstream-paused",
          "level": "warning",
          "message": "an upstream failed repeatedly, so requests to it pause and cached packages are served: run registry-server doctor, which names it"
        }
      ]
    }
    "#);

    front.handler.findings.clear();
    front.begin_to_stop();
    let (status, body) = ask(&front, HERE, request("GET", "/-/ready")).await;
    assert_eq!(status, 503);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    insta::assert_json_snapshot!(body, @r#"
    {
      "ok": false,
      "error": "the server is stopping",
      "findings": [
        {
          "kind": "stopping",
          "level": "error",
          "message": "the server is stopping"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn a_server_with_warnings_is_ready() {
    let (mut front, _) = front("");
    front.handler.findings = vec![
        ReadinessFinding::StorageRefusesWrites,
        ReadinessFinding::UpstreamPaused,
        ReadinessFinding::EventsBehind,
    ];
    front.condition.set_settings_wrong(true);
    let (status, body) = ask(&front, ELSEWHERE, request("GET", "/-/ready")).await;
    assert_eq!(status, 200);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    insta::assert_json_snapshot!(body, @r#"
    {
      "ok": true,
      "findings": [
        {
          "kind": "storage-refuses-writes",
          "level": "warning",
          "message": "the storage refuses writes, so nothing can be published: check for free space, a read-only mount, and the permissions"
        },
        {
          "kind": "upstream-paused",
          "level": "warning",
          "message": "an upstream failed repeatedly, so requests to it pause and cached packages are served: run registry-server doctor, which names it"
        },
        {
          "kind": "events-behind",
          "level": "warning",
          "message": "events wait to be written, so that publishes may be rejected: see the log for the sink that fails"
        },
        {
          "kind": "settings-not-reloaded",
          "level": "warning",
          "message": "the settings were wrong when they were last read again, so the old access rules still apply: see the log, correct the file, and send SIGHUP"
        }
      ]
    }
    "#);

    front.handler.findings.clear();
    front.condition.set_settings_wrong(false);
    assert_eq!(ask(&front, HERE, request("GET", "/-/ready")).await.1, r#"{"ok":true,"findings":[]}"#);
}

#[tokio::test]
async fn metrics_are_for_this_machine_unless_they_are_public() {
    let (closed, _) = front("");
    assert_eq!(ask(&closed, HERE, request("GET", "/-/metrics")).await.0, 200);
    let (status, body) = ask(&closed, ELSEWHERE, request("GET", "/-/metrics")).await;
    assert!(status == 403 && body.contains("[metrics]"), "{status} {body}");
    let mut proxied = request("GET", "/-/metrics");
    proxied.headers_mut().insert("x-forwarded-for", "192.0.2.1".parse().unwrap());
    assert_eq!(ask(&closed, HERE, proxied).await.0, 403);

    let (public, _) = front("[metrics]\npublic = true");
    assert_eq!(ask(&public, ELSEWHERE, request("GET", "/-/metrics")).await.0, 200);
}

#[tokio::test]
async fn the_registry_receives_host_and_client() {
    let (front, _) = front("[server]\ntrusted_proxies = [\"127.0.0.1\"]\nhosts = [\"npm.example\"]");
    let mut proxied = request("GET", "/client");
    proxied.headers_mut().insert("x-forwarded-for", "192.0.2.7".parse().unwrap());
    assert_eq!(ask(&front, HERE, proxied).await.1, "192.0.2.7");
    assert_eq!(ask(&front, HERE, request("GET", "http://npm.example:81/host")).await.1, "npm.example:81");
}

/// Collects log lines for a test.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Kept {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_request_is_one_log_line() {
    // Without a subscriber of all threads, another test that logs at the same moment turns these lines off for all.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry());
    let kept = Kept::default();
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(kept.clone()).finish();
    let log = tracing::subscriber::set_default(subscriber);
    let (front, _) = front("");
    ask(&front, HERE, request("GET", "/-/ready")).await;
    ask(&front, ELSEWHERE, request("DELETE", "/-/user/token/npm_secret?write=true")).await;
    let lines = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();

    // In any spelling, with any method, and for requests that fail.
    for path in [
        "/%2d/user/%74oken/npm_secret",
        "/-%2fuser%2ftoken%2fnpm_secret",
        "//-/user/token/npm_secret/",
        "/registry/-/v1/%6cogin/npm_secret",
        "/-/npm/v1/tokens/%74oken/npm_secret/panics",
        "/-/v1/don%65/npm_secret%",
    ] {
        ask(&front, HERE, request("GET", path)).await;
    }
    ask(&front, HERE, request("GET", "/-/metrics")).await;
    drop(log);
    let all = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    assert_eq!(all.matches("[redacted]").count(), 7, "{all}");
    assert!(!all.contains("secret"), "{all}");
    assert!(!metrics_of(&front).await.contains("secret"));

    let mut line: serde_json::Value = serde_json::from_str(&lines).unwrap();
    let took = line["duration_ms"].take();
    assert!(took.as_f64().is_some_and(|milliseconds| milliseconds > 0.0), "{took}");
    line.as_object_mut().unwrap().remove("timestamp");
    let id = line.as_object_mut().unwrap().remove("request");
    assert!(id.is_some_and(|id| !id.as_str().unwrap().is_empty()));
    let expected = serde_json::json!({
        "level": "INFO", "target": "registry_server::access", "method": "DELETE", "route": "greeting",
        "path": "/-/user/token/[redacted]", "status": 200, "duration_ms": null, "bytes": 5,
        "client": "192.0.2.1", "principal": "ana",
    });
    assert_eq!(line, expected);
}
