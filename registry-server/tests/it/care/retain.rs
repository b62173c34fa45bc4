use std::fs;

use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};

use super::only_read::files;
use super::{RULES, lines, run_on, storage};
use crate::running::{run, stderr_of_failure};
use crate::support::{Registry, sign_up};

/// `pear` with releases and prereleases, and the token of its owner.
async fn grown() -> (Registry, String) {
    let registry = Registry::start().await;
    let http = registry.http();
    let token = sign_up(&http, "ana").await;
    for (version, tag) in [
        ("1.0.0", "latest"),
        ("1.1.0", "old"),
        ("2.0.0-beta.1", "beta"),
        ("2.0.0-beta.2", "beta"),
        ("2.0.0", "latest"),
    ] {
        let document = PublishDocument::new("pear", version).tag(tag).build();
        let _ = http.put("/pear").bearer(&token).json(&document).send().await.assert_status(201);
    }
    (registry, token)
}

const FLAGS: [&str; 6] = ["--releases", "1", "--prereleases", "1", "--published-days", "0"];

#[tokio::test]
async fn without_apply_nothing_goes_and_with_it_the_running_server_sees_it() {
    let (registry, _) = grown().await;
    let before = files(&registry);
    let planned = lines(&run_on(&registry, &[&["retain"], &FLAGS[..]].concat()), 0);
    insta::assert_json_snapshot!(planned, @r#"
    [
      {
        "package": "pear",
        "rule": 1,
        "removed": [
          {
            "version": "1.0.0",
            "bytes": 134
          },
          {
            "version": "2.0.0-beta.1",
            "bytes": 139
          }
        ],
        "kept": [
          {
            "version": "1.1.0",
            "reasons": [
              {
                "reason": "tagged",
                "tag": "old"
              }
            ]
          },
          {
            "version": "2.0.0-beta.2",
            "reasons": [
              {
                "reason": "tagged",
                "tag": "beta"
              },
              {
                "reason": "late-prerelease",
                "channel": "beta",
                "place": 1
              }
            ]
          },
          {
            "version": "2.0.0",
            "reasons": [
              {
                "reason": "tagged",
                "tag": "latest"
              },
              {
                "reason": "high-release",
                "place": 1
              }
            ]
          }
        ]
      },
      {
        "retained": {
          "packages": 1,
          "versions": 2,
          "bytes": 273,
          "kept": 3,
          "without_rule": 0,
          "leftovers": 0,
          "dry-run": true
        },
        "failures": 0
      }
    ]
    "#);
    assert_eq!(files(&registry), before);

    let done = lines(&run_on(&registry, &[&["retain", "--apply"], &FLAGS[..]].concat()), 0);
    assert_eq!(done[0], planned[0]);
    assert_eq!(
        (&done[1]["retained"]["versions"], &done[1]["retained"]["dry-run"]),
        (&json!(2), &json!(false))
    );
    let packument = registry.http().get("/pear").send().await.assert_status(200).json();
    let versions: Vec<_> = packument["versions"].as_object().unwrap().keys().collect();
    assert_eq!(versions, ["1.1.0", "2.0.0-beta.2", "2.0.0"]);
    let gone = registry.http().get("/pear/-/pear-1.0.0.tgz").send().await;
    assert_eq!(gone.status, 404);
    let again = lines(&run_on(&registry, &[&["retain", "--apply"], &FLAGS[..]].concat()), 0);
    assert_eq!(again.len(), 1, "{again:?}");
    let log = run_on(&registry, &["log", "--action", "unpublished"]);
    let log = String::from_utf8(log.stdout).unwrap();
    assert!(log.contains("pear") && log.contains("2.0.0-beta.1"), "{log}");
}

#[tokio::test]
async fn rules_come_from_the_configuration_and_flags_replace_them() {
    let (registry, _) = grown().await;
    let config = registry.storage().with_extension("toml");
    let configured = |rules: &str| {
        fs::write(&config, format!("{RULES}\n{rules}")).unwrap();
        let config = config.to_str().unwrap();
        move |arguments: &[&str]| {
            let storage = storage(&registry);
            run(&[&["retain"], arguments, &["--storage", &storage, "--config", config]].concat())
        }
    };
    let retain = configured(
        "[[retain]]\nmatch = \"fig\"\nreleases = 0\n[[retain]]\nmatch = \"**\"\nreleases = 0\npublished_days = 0\n",
    );
    let explained = lines(&retain(&["--explain"]), 0);
    let rule = |line: &Value| line["rule"].as_u64().unwrap();
    assert_eq!((rule(&explained[0]), explained[0]["removed"][0]["version"].as_str()), (2, Some("1.0.0")));
    let reasons = &explained[0]["kept"][0]["reasons"];
    assert_eq!(*reasons, json!([{ "reason": "tagged", "tag": "old" }]));
    let by_flags = lines(&retain(&["--match", "@acme/*", "--releases", "0"]), 0);
    assert_eq!(by_flags[0]["retained"]["without_rule"], json!(1), "{by_flags:?}");
}

#[tokio::test]
async fn a_run_that_cannot_do_what_it_should_says_what_to_do() {
    let (registry, _) = grown().await;
    for (arguments, part) in [
        (&["retain"][..], "write [[retain]] in registry.toml, or give --releases"),
        (&["retain", "--published-days", "3"], "limits nothing"),
        (&["retain", "--match", "!pear", "--releases", "1"], "begins with `!`"),
        (&["retain", "--releases", "1", "--downloaded-days", "600"], "set keep_days to 602 or more"),
        (&["retain", "--releases", "1", "--package", "fig"], "no package fig is hosted"),
    ] {
        let refused = stderr_of_failure(&run_on(&registry, arguments), 1);
        assert!(refused.contains(part), "{refused}");
    }
}
