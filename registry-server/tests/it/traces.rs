//! Spans that a server sends to a collector, and the trace that it continues.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use registry_testkit::fake_receiver::FakeReceiver;

use crate::watching::Watched;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const BEHIND_A_PROXY: &str = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n";

/// The collector's spans, once the server has stopped and sent all of them.
async fn spans(watched: Watched, collector: &FakeReceiver) -> Vec<Span> {
    assert!(watched.server.stop().await.success());
    let mut spans = Vec::new();
    for request in collector.received() {
        assert_eq!(
            (request.path.as_str(), request.header("content-type")),
            ("/v1/traces", "application/x-protobuf")
        );
        let batch = ExportTraceServiceRequest::decode(request.body).unwrap();
        for resource in batch.resource_spans {
            let name = resource.resource.unwrap().attributes.into_iter().find(|of| of.key == "service.name");
            let Some(Value::StringValue(name)) = name.unwrap().value.unwrap().value else {
                panic!("no text")
            };
            assert_eq!(name, "registry-server");
            spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    spans
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The names of the spans below `parent`, with those below them, once each.
fn below(spans: &[Span], parent: &[u8]) -> BTreeMap<String, Vec<String>> {
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for child in spans.iter().filter(|span| span.parent_span_id == parent) {
        let inner = names.entry(child.name.clone()).or_default();
        inner.extend(below(spans, &child.span_id).into_keys());
        inner.sort();
        inner.dedup();
    }
    names
}

fn attribute(span: &Span, key: &str) -> String {
    let value = span.attributes.iter().find(|attribute| attribute.key == key);
    match value.and_then(|attribute| attribute.value.clone()?.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{key} of {span:?} is {other:?}"),
    }
}

fn find<'spans>(spans: &'spans [Span], name: &str) -> &'spans Span {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name} of {:?}", spans.iter().map(|span| &span.name).collect::<Vec<_>>());
    found[0]
}

#[tokio::test]
async fn a_trace_of_a_proxy_goes_on_to_the_collector_and_to_the_upstream() {
    let collector = FakeReceiver::start().await;
    let more = format!("{BEHIND_A_PROXY}[traces]\nendpoint = \"{}\"\n", collector.url());
    let watched = Watched::start(&more).await;
    let parent = format!("00-{TRACE}-{PARENT}-01");
    let http = watched.http();
    let _ = http.get("/left-pad").header("traceparent", &parent).send().await.assert_status(200);
    let asked: Vec<_> = watched.upstream.requests();
    let spans = spans(watched, &collector).await;

    let of_trace: Vec<Span> = spans.into_iter().filter(|span| hex(&span.trace_id) == TRACE).collect();
    let request = find(&of_trace, "GET packument");
    assert_eq!(hex(&request.parent_span_id), PARENT);
    assert_eq!(attribute(request, "http.request.method"), "GET");
    assert_eq!(attribute(request, "http.route"), "packument");
    assert_eq!(attribute(request, "http.response.status_code"), "200");
    assert_eq!(attribute(request, "url.path"), "/left-pad");
    assert_eq!(attribute(request, "registry.request_id"), TRACE);
    insta::assert_json_snapshot!(below(&of_trace, &request.span_id), @r#"
    {
      "fetch packument": [
        "storage get",
        "storage get_if_changed",
        "storage open",
        "storage put",
        "upstream"
      ],
      "storage get": [],
      "storage get_if_changed": [],
      "storage open": []
    }
    "#);

    let upstream = find(&of_trace, "upstream");
    let told: Vec<_> = asked.iter().map(|asked| asked.headers["traceparent"].to_str().unwrap()).collect();
    assert_eq!(told, [format!("00-{TRACE}-{}-01", hex(&upstream.span_id))]);
}

#[tokio::test]
async fn a_client_cannot_choose_its_trace_and_a_secret_is_not_in_a_span() {
    let collector = FakeReceiver::start().await;
    let url = collector.url();
    let base = [("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str())];
    let watched = Watched::start_with("", &base).await;
    let parent = format!("00-{TRACE}-{PARENT}-01");
    let path = "/-/user/token/npm_secret";
    let _ = watched.http().delete(path).header("traceparent", &parent).send().await.assert_status(200);
    let spans = spans(watched, &collector).await;
    let request = spans.iter().find(|span| span.name.starts_with("DELETE ")).unwrap();
    assert_ne!(hex(&request.trace_id), TRACE);
    assert!(request.parent_span_id.is_empty());
    assert_eq!(attribute(request, "url.path"), "/-/user/token/[redacted]");
    assert!(!format!("{spans:?}").contains("npm_secret"));
}

#[tokio::test]
async fn what_is_not_sampled_is_not_sent() {
    let collector = FakeReceiver::start().await;
    let more = format!("[traces]\nendpoint = \"{}\"\nratio = 0.0\n", collector.url());
    let watched = Watched::start(&more).await;
    let _ = watched.http().get("/left-pad").send().await.assert_status(200);
    let told = watched.upstream.requests()[0].headers["traceparent"].clone();
    assert!(told.to_str().unwrap().ends_with("-00"), "{told:?}");
    assert!(spans(watched, &collector).await.is_empty());
}

#[tokio::test]
async fn without_a_collector_there_is_no_trace() {
    let watched = Watched::start("").await;
    let _ = watched.http().get("/left-pad").send().await.assert_status(200);
    for request in watched.upstream.requests() {
        assert!(!request.headers.contains_key("traceparent"));
    }
}

#[tokio::test]
async fn a_collector_that_is_not_there_delays_nothing() {
    let watched = Watched::start("[traces]\nendpoint = \"http://127.0.0.1:9\"\n").await;
    let _ = watched.http().get("/left-pad").send().await.assert_status(200);
    assert!(watched.server.stop().await.success());
}
