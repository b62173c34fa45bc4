//! `examples/aws-lambda`: the template, and the packages that it starts.

mod template;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use clap::CommandFactory as _;
use registry_core::settings::{Overrides, Settings, StorageUrl};
use registry_core::storage::open_bucket;
use registry_server::command_line::CommandLine;
use registry_testkit::fake_lambda_runtime::{LambdaFunction, Outcome};
use registry_testkit::python_tool::CFN_LINT;
use registry_testkit::{install_tls_provider, machine_tools};
use serde_json::{Value, json};
use template::{Template, folder};

use crate::events::{Asked, Given, Sender};

const NEEDED: [(&str, &str); 5] = [
    ("CodeBucket", "acme-code"),
    ("CodeVersion", "1"),
    ("Scope", "@acme"),
    ("GithubOrganizations", "acme,acme-labs"),
    ("GithubAdmins", "ana"),
];

fn small() -> Template {
    Template::with(&NEEDED)
}

fn whole() -> Template {
    Template::with(
        &[
            &NEEDED[..],
            &[
                ("Entrance", "rest-api"),
                ("GithubClientId", "Ov23liExample"),
                ("GithubSecretName", "npm/github"),
                ("Upstream", "https://registry.example/"),
                ("PublicUrl", "https://npm.acme.example/"),
                ("ExistingBucket", "acme-npm-prod"),
            ],
        ]
        .concat(),
    )
}

fn settings_of(variables: &BTreeMap<String, String>) -> Settings {
    let upstream = variables.get("REGISTRY_UPSTREAM").map(|url| url.parse().unwrap());
    let config = variables.get("REGISTRY_CONFIG").cloned();
    let settings = Settings::load(&Overrides { config, upstream, ..Overrides::default() }).unwrap();
    settings.refuse_two_sources_of_names().unwrap();
    settings.packages.compile(&settings.upstreams).unwrap();
    settings
}

#[test]
fn what_the_functions_are_told_is_understood() {
    let line = CommandLine::command();
    let mut known: BTreeSet<&str> =
        line.get_arguments().filter_map(|argument| argument.get_env()?.to_str()).collect();
    known.extend(["REGISTRY_LAMBDA_RESPONSE", "REGISTRY_GITHUB_CLIENT_SECRET"]);
    install_tls_provider();
    for variables in
        [small().environment("Registry"), whole().environment("Registry"), whole().environment("Authorizer")]
    {
        for name in variables.keys() {
            assert!(known.contains(name.as_str()), "{name} is no setting");
        }
        let StorageUrl::Bucket(url) = variables["REGISTRY_STORAGE"].parse().unwrap() else {
            panic!("no bucket")
        };
        let settings = settings_of(&variables);
        open_bucket(&url, &settings.storage.options).unwrap();
        // The bucket refuses everything else.
        assert_eq!(settings.storage.options["aws_server_side_encryption"], "AES256");
        assert!(!settings.accounts.sign_up);
    }
    let mut told = whole().environment("Registry");
    insta::assert_snapshot!(told.remove("REGISTRY_CONFIG").unwrap(), @r#"
    [storage.options]
    aws_server_side_encryption = "AES256"
    [accounts]
    sign_up = false
    [[packages]]
    match = "@acme/*"
    read = ["@authenticated"]
    publish = ["@authenticated"]
    administer = ["group:github-admins"]
    [[packages]]
    match = "**"
    read = ["@authenticated"]
    publish = ["group:github-admins"]
    administer = ["group:github-admins"]
    origin = ["hosted", "npm"]
    "#);
    insta::assert_json_snapshot!(told, @r#"
    {
      "REGISTRY_GITHUB_ADMINS": "ana",
      "REGISTRY_GITHUB_CLIENT_ID": "Ov23liExample",
      "REGISTRY_GITHUB_CLIENT_SECRET": "{{resolve:secretsmanager:npm/github:SecretString}}",
      "REGISTRY_GITHUB_ORGANIZATIONS": "acme,acme-labs",
      "REGISTRY_LAMBDA_RESPONSE": "buffered",
      "REGISTRY_PATH_PREFIX": "/registry",
      "REGISTRY_PUBLIC_URL": "https://npm.acme.example/",
      "REGISTRY_STORAGE": "s3://acme-npm-prod",
      "REGISTRY_UPSTREAM": "https://registry.example/"
    }
    "#);
    let small = small().environment("Registry");
    assert_eq!(
        small.keys().collect::<Vec<_>>(),
        [
            "REGISTRY_CONFIG",
            "REGISTRY_GITHUB_ADMINS",
            "REGISTRY_GITHUB_ORGANIZATIONS",
            "REGISTRY_LAMBDA_RESPONSE",
            "REGISTRY_STORAGE"
        ]
    );
    assert!(small["REGISTRY_CONFIG"].ends_with("origin = [\"hosted\"]\n"), "{}", small["REGISTRY_CONFIG"]);
}

#[test]
fn the_authorizer_has_the_rules_of_the_registry() {
    let rules = |function| {
        let config = whole().environment(function).remove("REGISTRY_CONFIG").unwrap();
        let without = |line: &&str| !line.starts_with("origin");
        config.lines().filter(without).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(rules("Authorizer"), rules("Registry"));
}

#[test]
fn the_role_may_do_what_the_registry_does_and_nothing_else() {
    let role = whole().resource("Role").unwrap();
    let statements = &role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
    let blobs = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"];
    let log = ["logs:CreateLogStream", "logs:PutLogEvents"];
    assert_eq!(
        *statements,
        json!([
            { "Sid": "Blobs", "Effect": "Allow", "Action": blobs, "Resource": "arn:aws:s3:::acme-npm-prod/*" },
            { "Sid": "Listing", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::acme-npm-prod" },
            { "Sid": "Log", "Effect": "Allow", "Action": log, "Resource": "arn:loggroup" }
        ])
    );
    let mine = small().resource("Role").unwrap();
    let statements = &mine["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
    assert_eq!(statements[0]["Resource"], "arn:aws:s3:::the-bucket/*");
}

#[test]
fn the_bucket_is_closed_encrypted_and_outlives_the_stack() {
    let bucket = small().resource("Bucket").unwrap();
    assert_eq!(
        (&bucket["DeletionPolicy"], &bucket["UpdateReplacePolicy"]),
        (&json!("Retain"), &json!("Retain"))
    );
    let properties = &bucket["Properties"];
    let blocked = properties["PublicAccessBlockConfiguration"].as_object().unwrap();
    assert!(blocked.len() == 4 && blocked.values().all(|value| value == true), "{blocked:?}");
    assert!(properties["LifecycleConfiguration"]["Rules"][0]["AbortIncompleteMultipartUpload"].is_object());
    let policy = small().resource("BucketPolicy").unwrap();
    let denied = |statement: &Value| {
        assert_eq!((&statement["Effect"], &statement["Principal"]), (&json!("Deny"), &json!("*")));
        json!([statement["Action"], statement["Condition"]])
    };
    let statements = policy["Properties"]["PolicyDocument"]["Statement"].as_array().unwrap();
    let encryption = "s3:x-amz-server-side-encryption";
    assert_eq!(
        statements.iter().map(denied).collect::<Value>(),
        json!([
            ["s3:PutObject", { "StringNotEquals": { encryption: "AES256" } }],
            ["s3:PutObject", { "Null": { encryption: "true" } }],
            ["s3:*", { "Bool": { "aws:SecureTransport": "false" } }]
        ])
    );
    assert_eq!(whole().resource("Bucket"), None, "an existing bucket keeps its own policy");
}

#[test]
fn each_entrance_has_what_it_needs_and_no_more() {
    let there = |template: &Template| -> Vec<String> {
        let names = template.document["Resources"].as_object().unwrap().keys();
        names.filter(|name| template.resource(name).is_some()).cloned().collect()
    };
    let [url, api] = [
        [
            "Bucket",
            "BucketPolicy",
            "LogGroup",
            "Role",
            "Registry",
            "Schedule",
            "SchedulePermission",
            "Url",
            "UrlPermission",
            "InvokePermission",
        ],
        [
            "LogGroup",
            "Role",
            "Registry",
            "Schedule",
            "SchedulePermission",
            "Authorizer",
            "RestApi",
            "Deployment",
            "Stage",
            "ApiPermission",
        ],
    ];
    assert_eq!(there(&small()), url);
    assert_eq!(there(&whole()), [&api[..], &["AuthorizerPermission"]].concat());
    assert_eq!(small().resource("Url").unwrap()["Properties"]["InvokeMode"], "RESPONSE_STREAM");

    let api = whole().resource("RestApi").unwrap();
    let paths = api["Properties"]["Body"]["paths"].as_object().unwrap();
    let is_open = |route: &Value| route["x-amazon-apigateway-any-method"]["security"].is_null();
    let open: Vec<_> = paths.iter().filter(|(_, route)| is_open(route)).map(|(path, _)| path).collect();
    assert_eq!(open, ["/registry/-/user/{proxy+}", "/registry/-/v1/{proxy+}"]);
}

#[test]
fn a_schedule_invokes_the_registry_each_minute_and_no_other_rule_may() {
    for template in [small(), whole()] {
        let rule = template.resource("Schedule").unwrap();
        assert_eq!(rule["Properties"]["ScheduleExpression"], "rate(1 minute)");
        assert_eq!(rule["Properties"]["Targets"], json!([{ "Id": "registry", "Arn": "arn:registry" }]));
        let permission = template.resource("SchedulePermission").unwrap();
        assert_eq!(
            permission["Properties"],
            json!({
                "FunctionName": "arn:registry",
                "Action": "lambda:InvokeFunction",
                "Principal": "events.amazonaws.com",
                "SourceArn": "arn:schedule"
            })
        );
    }
}

#[test]
fn cfn_lint_finds_nothing() {
    let Some(programs) = CFN_LINT.install() else { return };
    let mut command = Command::new(programs.join("cfn-lint"));
    command.args(["--include-checks", "I", "--ignore-checks", "I3042", "--regions", "eu-west-1", "--"]);
    let output = command.arg(folder().join("template.yaml")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Packs the binaries with `package.py`, and unpacks them as Lambda does, with the modes that they were packed with.
fn packed_and_unpacked(python: &Path, folder: &Path) {
    let registry = Path::new(env!("CARGO_BIN_EXE_registry-lambda"));
    let binaries = registry.parent().unwrap();
    let mut pack = Command::new(python);
    pack.arg(self::folder().join("package.py")).args([binaries, folder]);
    let output = pack.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let unpack = "import os, sys, zipfile
for name in ('registry', 'authorizer'):
    with zipfile.ZipFile(sys.argv[1] + '/' + name + '.zip') as file:
        for entry in file.infolist():
            path = file.extract(entry, sys.argv[1] + '/' + name)
            os.chmod(path, entry.external_attr >> 16)";
    assert!(Command::new(python).args(["-c", unpack]).arg(folder).status().unwrap().success());
}

#[tokio::test]
async fn the_packages_start_with_the_environment_of_the_template() {
    let Some(python) = machine_tools::find_or_skip("python3", "Python 3") else { return };
    let folder = tempfile::tempdir().unwrap();
    packed_and_unpacked(&python, folder.path());
    let storage = format!("file:{}/storage", folder.path().display());
    let variables_of = |function: &str| {
        let mut variables = whole().environment(function);
        variables.insert("REGISTRY_STORAGE".into(), storage.clone());
        // No server listens there: nothing is to leave this machine.
        variables.insert("REGISTRY_GITHUB_URL".into(), "http://127.0.0.1:9".into());
        // CloudFormation puts the secret in the place of its name.
        for value in variables.values_mut().filter(|value| value.starts_with("{{resolve:")) {
            *value = "the-client-secret".into();
        }
        variables
    };
    let start = async |package: &str, variables: &BTreeMap<String, String>| {
        let given: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        LambdaFunction::start(&folder.path().join(package).join("bootstrap"), &given).await
    };

    let mut registry = start("registry", &variables_of("Registry")).await;
    let ping = Asked::get("/registry/-/ping").event(Sender::RestApi).to_string();
    let outcome = registry.invoke(ping).await;
    assert!(matches!(outcome, Outcome::Answered(_)), "{outcome:?} {}", registry.stderr());
    let answer = Given::of(&outcome.json());
    assert_eq!((answer.status, answer.body), (200, b"{}".to_vec()), "{}", registry.stderr());
    let pear = Asked::get("/registry/@acme%2fpear").event(Sender::RestApi).to_string();
    assert_eq!(Given::of(&registry.invoke(pear).await.json()).status, 401);

    let mut authorizer = start("authorizer", &variables_of("Authorizer")).await;
    let arn = "arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/GET/registry/pear";
    let event = json!({ "type": "TOKEN", "authorizationToken": "Bearer npm_unknown", "methodArn": arn });
    let decision = authorizer.invoke(event.to_string()).await.json();
    assert_eq!(decision["principalId"], "nobody", "{}", authorizer.stderr());
}
