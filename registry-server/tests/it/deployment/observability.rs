//! `examples/observability`, and the list of metrics in the guide.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

use registry_testkit::clients::{DCLINT, Toolbox};
use registry_testkit::python_tool::PROMQL_PARSER;
use saphyr::{LoadableYamlNode as _, YamlOwned};
use serde_json::Value;

use super::{assert_ended_well, example, text_of};
use crate::watching::{Watched, use_everything};

/// A webhook, so that the metrics of deliveries are there.
const WEBHOOK: &str = "[webhooks.ci]\nurl = \"http://127.0.0.1:9/hook\"\nsecret_env = \"HOOK_SECRET\"\n";

/// Where an expression is, and the expression.
type Expressions = Vec<(String, String)>;

/// Metrics that Prometheus itself makes for each server, with their labels.
const OF_PROMETHEUS: &str = "up";
const LABELS_OF_PROMETHEUS: [&str; 2] = ["instance", "job"];

fn dashboard() -> Value {
    serde_json::from_str(&text_of("observability/grafana/registry.json")).unwrap()
}

fn dashboard_expressions() -> Expressions {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut expressions = Vec::new();
    for panel in panels {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap();
            // Grafana fills in its variables before Prometheus sees the expression.
            let expression = expression.replace("$__rate_interval", "5m").replace("$instance", ".*");
            expressions.push((panel["title"].as_str().unwrap().to_owned(), expression));
        }
    }
    assert!(expressions.len() > 15, "{expressions:?}");
    expressions
}

fn alert_expressions() -> Expressions {
    let expression = |alert: YamlOwned| (text(&alert, "alert").to_owned(), text(&alert, "expr").to_owned());
    let expressions: Expressions = alerts().into_iter().map(expression).collect();
    assert!(expressions.len() > 10, "{expressions:?}");
    expressions
}

/// The alerts.
fn alerts() -> Vec<YamlOwned> {
    let document = YamlOwned::load_from_str(&text_of("observability/alerts.yaml")).unwrap().remove(0);
    let groups = document["groups"].as_sequence().unwrap();
    groups.iter().flat_map(|group| group["rules"].as_sequence().unwrap().clone()).collect()
}

/// The text of a field.
#[track_caller]
fn text<'alert>(alert: &'alert YamlOwned, field: &str) -> &'alert str {
    alert[field].as_str().unwrap_or_else(|| panic!("no {field} in {alert:?}"))
}

/// Metric → its labels, as a running server has them.
async fn page() -> BTreeMap<String, BTreeSet<String>> {
    let watched =
        Watched::start_with(WEBHOOK, &[("HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]).await;
    use_everything(&watched).await;
    // The deliveries are measured every few seconds.
    let measured = async {
        loop {
            let page = watched.metrics().await;
            if page.contains("registry_delivery_failing{") {
                return page;
            }
            tokio::task::yield_now().await;
        }
    };
    let page = tokio::time::timeout(std::time::Duration::from_mins(1), measured).await.unwrap();
    let mut metrics: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in page.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = labels.split("\",").filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
        metrics.entry(name.to_owned()).or_default().extend(labels);
    }
    metrics
}

/// Has `PROMQL_PARSER` parse the expressions. Returns the metrics and the labels that each names; `None` where the machine has
/// no Python.
fn parse(expressions: &Expressions) -> Option<Vec<(Vec<String>, Vec<String>)>> {
    const PROGRAM: &str = r"
import json, sys
import promql_parser as promql

def walk(node, metrics, labels):
    if isinstance(node, promql.VectorSelector):
        metrics.append(node.name)
        labels += [matcher.name for matcher in node.matchers.matchers]
    modifier = getattr(node, 'modifier', None)
    matching = getattr(modifier, 'matching', modifier)
    labels += getattr(matching, 'labels', None) or []
    labels += getattr(modifier, 'group_labels', None) or []
    for field in ('lhs', 'rhs', 'expr', 'param', 'vector_selector', 'args'):
        below = getattr(node, field, None)
        for child in below if isinstance(below, list) else [below]:
            if isinstance(child, promql.Expr) or hasattr(child, 'prettify') or hasattr(child, 'matchers'):
                walk(child, metrics, labels)

found = []
for expression in json.load(sys.stdin):
    metrics, labels = [], []
    walk(promql.parse(expression), metrics, labels)
    found.append([metrics, labels])
print(json.dumps(found))
";
    let programs = PROMQL_PARSER.install()?;
    let texts: Vec<&str> = expressions.iter().map(|(_, expression)| expression.as_str()).collect();
    let mut command = Command::new(programs.join("python"));
    command.args(["-c", PROGRAM]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    serde_json::to_writer(child.stdin.take().unwrap(), &texts).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_ended_well(&output);
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[tokio::test]
async fn every_expression_is_promql_on_metrics_and_labels_that_the_server_has() {
    let expressions = [dashboard_expressions(), alert_expressions()].concat();
    let Some(parsed) = parse(&expressions) else { return };
    let page = page().await;
    for ((place, expression), (metrics, labels)) in expressions.iter().zip(parsed) {
        assert!(!metrics.is_empty(), "{place} names no metric: {expression}");
        let mut known: BTreeSet<&str> = LABELS_OF_PROMETHEUS.into();
        for metric in &metrics {
            let labels = page.get(metric);
            assert!(labels.is_some() || metric == OF_PROMETHEUS, "{place}: no server has {metric}");
            known.extend(labels.into_iter().flatten().map(String::as_str));
        }
        for label in labels {
            assert!(
                known.contains(label.as_str()),
                "{place}: {metrics:?} has no label {label}: {expression}"
            );
        }
    }
}

#[tokio::test]
async fn the_guide_lists_every_metric_with_its_labels() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/watching.md")).unwrap();
    let mut listed = BTreeMap::new();
    for line in
        guide.lines().filter(|line| line.starts_with("| `registry_") || line.starts_with("| `process_"))
    {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let names = |cell: &str| cell.split(", ").map(|name| name.trim_matches('`').to_owned()).collect();
        let labels: BTreeSet<String> = if cells[2].is_empty() { BTreeSet::new() } else { names(cells[2]) };
        listed.insert(cells[1].trim_matches('`').to_owned(), labels);
    }
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (metric, mut labels) in page().await {
        let is_histogram =
            labels.remove("le") || metric.ends_with("_seconds_sum") || metric.ends_with("_seconds_count");
        let suffixes = ["_bucket", "_sum", "_count"];
        let of_family =
            suffixes.iter().find_map(|suffix| metric.strip_suffix(suffix)).filter(|_| is_histogram);
        found.entry(of_family.unwrap_or(&metric).to_owned()).or_default().extend(labels);
    }
    assert_eq!(listed, found, "the guide (left) and a server (right)");
}

#[test]
fn each_alert_says_what_happens_and_what_to_do() {
    let alerts = alerts();
    let names: BTreeSet<_> = alerts.iter().map(|alert| text(alert, "alert")).collect();
    assert_eq!(names.len(), alerts.len());
    for alert in &alerts {
        let name = text(alert, "alert");
        assert!(["critical", "warning"].contains(&text(&alert["labels"], "severity")), "{name}");
        for field in ["summary", "action"] {
            let text = text(&alert["annotations"], field);
            assert!(text.ends_with('.') && text.len() > 20, "{name}: {text}");
        }
    }
}

#[test]
fn each_panel_has_a_description_a_unit_and_a_place_of_its_own() {
    let dashboard = dashboard();
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let place = |field: &str| panel["gridPos"][field].as_u64().unwrap();
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(x < 24 && taken.insert((x, y)), "{panel}");
            }
        }
        if panel["type"] != "row" {
            assert!(panel["description"].as_str().unwrap().ends_with('.'), "{panel}");
            assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{panel}");
        }
    }
}

#[test]
fn every_file_is_yaml() {
    for file in ["prometheus.yaml", "grafana/datasource.yaml", "grafana/dashboards.yaml"] {
        let documents = YamlOwned::load_from_str(&text_of(&format!("observability/{file}"))).unwrap();
        assert_eq!(documents.len(), 1, "{file}");
    }
}

#[tokio::test]
async fn the_compose_file_fits_its_schema() {
    let entry = Toolbox::shared().entry_of(&DCLINT).await;
    let file = example("observability/compose.yaml");
    assert_ended_well(&Command::new("node").arg(entry).arg(file).output().unwrap());
}
