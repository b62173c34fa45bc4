//! What API Gateway is told, and what it makes of it.

use registry_core::access::{AccessRules, RuleSettings};
use registry_core::accounts::TokenOptions;
use registry_core::auth::TokenPermission;
use registry_lambda::AuthorizerResponse;
use registry_lambda::authorizer::Authorizer;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, Operation};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

const ARN: &str = "arn:aws:execute-api:eu-west-1:123456789012:abc123/prod";

/// What codebox-npm allowed: every user who is let in reads, and admins write.
fn rules(read: &str) -> AccessRules {
    let rule = json!({ "match": "**", "read": [read], "publish": ["user:ana"], "administer": ["user:ana"] });
    let rule: RuleSettings = serde_json::from_value(rule).unwrap();
    AccessRules::compile(&[rule]).unwrap()
}

async fn start(read: &str) -> TestRegistry {
    TestRegistry::builder().access(rules(read)).start().await
}

fn authorizer(registry: &TestRegistry, response: AuthorizerResponse) -> Authorizer {
    let github = Some("https://github.example/".to_owned());
    Authorizer::of(registry.registry().clone(), response, "/registry", github)
}

fn token_event(authorization: &str) -> String {
    let arn = format!("{ARN}/GET/registry/pear");
    json!({ "type": "TOKEN", "authorizationToken": authorization, "methodArn": arn }).to_string()
}

fn request_event(authorization: Option<&str>) -> Value {
    let headers = authorization
        .map_or(json!({}), |value| json!({ "Authorization": value, "Host": "registry.example" }));
    json!({
        "type": "REQUEST", "methodArn": format!("{ARN}/GET/registry/pear"), "resource": "/registry/{proxy+}",
        "path": "/registry/pear", "httpMethod": "GET", "headers": headers, "queryStringParameters": {},
        "pathParameters": { "proxy": "pear" }, "stageVariables": {},
        "requestContext": { "path": "/prod/registry/pear", "accountId": "123456789012", "resourceId": "05c7jb",
            "stage": "prod", "requestId": "id", "identity": { "apiKey": null, "sourceIp": "192.0.2.1" },
            "resourcePath": "/registry/{proxy+}", "httpMethod": "GET", "apiId": "abc123" }
    })
}

fn http_api_event(authorization: Option<&str>, method: &str, path: &str) -> Value {
    json!({
        "version": "2.0", "type": "REQUEST", "routeArn": format!("{ARN}/{method}{path}"),
        "identitySource": authorization.map(|value| json!([value])), "routeKey": "$default",
        "rawPath": format!("/prod{path}"), "rawQueryString": "",
        "headers": authorization.map_or(json!({}), |value| json!({ "authorization": value })),
        "requestContext": { "accountId": "123456789012", "apiId": "abc123", "stage": "prod", "requestId": "id",
            "domainName": "abc123.execute-api.eu-west-1.amazonaws.com", "routeKey": "$default",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "npm" },
            "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1_583_348_638_390_u64 }
    })
}

/// As API Gateway reads a policy: a denial wins, then an allowance, and what nothing is said of is denied.
fn allows(answer: &Value, method: &str, path: &str) -> bool {
    let asked = format!("{ARN}/{method}{path}");
    let statements = answer["policyDocument"]["Statement"].as_array().unwrap();
    let says = |effect: &str| {
        statements.iter().any(|statement| {
            assert_eq!(statement["Action"], "execute-api:Invoke");
            let resource = statement["Resource"].as_str().unwrap();
            let matches = match resource.strip_suffix('*') {
                Some(beginning) => asked.starts_with(beginning),
                None => asked == resource,
            };
            statement["Effect"] == effect && matches
        })
    };
    !says("Deny") && says("Allow")
}

#[tokio::test]
async fn the_decisions_are_those_of_codebox_npm() {
    let registry = start("@authenticated").await;
    let authorizer = authorizer(&registry, AuthorizerResponse::Simple);
    let bearer = |token: Option<&str>| format!("Bearer {}", token.unwrap());
    let ana = bearer(registry.ana().token());
    let ben = bearer(registry.user("ben").await.token());
    for (who, authorization, expected) in [
        ("an admin", ana.as_str(), [true, true, true]),
        ("another user", &ben, [true, false, false]),
        ("an unknown token", "Bearer npm_unknown", [false; 3]),
        ("no Bearer", ana.trim_start_matches("Bearer "), [false; 3]),
        ("nothing", "", [false; 3]),
        ("a broken Basic", "Basic %%%", [false; 3]),
    ] {
        let events = [token_event(authorization), request_event(Some(authorization)).to_string()];
        for event in events {
            let answer = authorizer.decide(&event).await.unwrap();
            let allowed =
                ["GET", "PUT", "DELETE"].map(|method| allows(&answer, method, "/registry/@acme%2fpear"));
            assert_eq!(allowed, expected, "{who}: {answer}");
            assert!(answer["principalId"].is_string(), "{who}: {answer}");
            assert!(!answer.to_string().contains("npm_"), "the token stands in the answer: {answer}");
            // Logging out needed an admin there; here it is everybody's own business.
            assert_eq!(allows(&answer, "DELETE", "/registry/-/user/token/npm_x"), expected[0], "{who}");
            assert!(!allows(&answer, "PATCH", "/registry/pear") && !allows(&answer, "GET", "/other"));
        }
    }
}

#[tokio::test]
async fn the_answers_to_the_letter() {
    let registry = start("@authenticated").await;
    let simple = authorizer(&registry, AuthorizerResponse::Simple);
    let iam = authorizer(&registry, AuthorizerResponse::Iam);
    let ana = format!("Bearer {}", registry.ana().token().unwrap());
    let ben = format!("Bearer {}", registry.user("ben").await.token().unwrap());
    let put = |who: &str| http_api_event(Some(who), "PUT", "/registry/pear").to_string();
    let answers = [
        simple.decide(&token_event(&ben)).await.unwrap(),
        simple.decide(&token_event("Bearer npm_unknown")).await.unwrap(),
        simple.decide(&put(&ana)).await.unwrap(),
        simple.decide(&put(&ben)).await.unwrap(),
        iam.decide(&put(&ana)).await.unwrap(),
    ];
    insta::assert_snapshot!(answers.map(|answer| answer.to_string()).join("\n"), @r#"
{"principalId":"ben","policyDocument":{"Version":"2012-10-17","Statement":[{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/GET/registry*"},{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/HEAD/registry*"},{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/POST/registry/-/npm/*"},{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/POST/registry/-/v1/*"},{"Action":"execute-api:Invoke","Effect":"Deny","Resource":"arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/PUT/registry*"},{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/DELETE/registry/-/user/token/*"},{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/DELETE/registry/-/npm/v1/tokens/token/*"}]},"context":{"username":"ben","avatar":"https://github.example/ben.png"}}
{"principalId":"nobody","policyDocument":{"Version":"2012-10-17","Statement":[{"Action":"execute-api:Invoke","Effect":"Deny","Resource":"arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/GET/registry*"},{"Action":"execute-api:Invoke","Effect":"Deny","Resource":"arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/HEAD/registry*"},{"Action":"execute-api:Invoke","Effect":"Deny","Resource":"arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/POST/registry*"},{"Action":"execute-api:Invoke","Effect":"Deny","Resource":"arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/PUT/registry*"},{"Action":"execute-api:Invoke","Effect":"Deny","Resource":"arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/DELETE/registry*"}]},"context":{}}
{"isAuthorized":true,"context":{"username":"ana","avatar":"https://github.example/ana.png"}}
{"isAuthorized":false,"context":{"username":"ben","avatar":"https://github.example/ben.png"}}
{"principalId":"ana","policyDocument":{"Version":"2012-10-17","Statement":[{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/GET/registry*"},{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/HEAD/registry*"},{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/POST/registry*"},{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/PUT/registry*"},{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/DELETE/registry*"}]},"context":{"username":"ana","avatar":"https://github.example/ana.png"}}
"#);
}

#[tokio::test]
async fn anonymous_readers_come_in_where_the_rules_let_everybody_read() {
    for (read, reads) in [("@all", true), ("@authenticated", false)] {
        let registry = start(read).await;
        let authorizer = authorizer(&registry, AuthorizerResponse::Simple);
        let answer = authorizer.decide(&request_event(None).to_string()).await.unwrap();
        assert_eq!(allows(&answer, "GET", "/registry/pear"), reads);
        assert!(!allows(&answer, "PUT", "/registry/pear"));
        assert_eq!(answer["principalId"], if reads { "anonymous" } else { "nobody" });
        let event = http_api_event(None, "GET", "/registry/pear").to_string();
        assert_eq!(authorizer.decide(&event).await.unwrap()["isAuthorized"], reads);
    }
}

#[tokio::test]
async fn a_token_that_only_reads_writes_nothing() {
    let registry = start("@authenticated").await;
    let options = TokenOptions { permission: TokenPermission::ReadOnly, ..TokenOptions::default() };
    let made = registry.registry().create_operator_token("ana", options).await.unwrap();
    let authorizer = authorizer(&registry, AuthorizerResponse::Simple);
    let event = token_event(&format!("Bearer {}", made.secret.expose_secret()));
    let answer = authorizer.decide(&event).await.unwrap();
    assert!(allows(&answer, "GET", "/registry/pear") && !allows(&answer, "PUT", "/registry/pear"));
    assert_eq!(answer["principalId"], "ana");
}

/// A denial would be kept by the gateway for minutes; an error is not.
#[tokio::test]
async fn while_the_store_is_down_there_is_no_decision() {
    let registry = start("@authenticated").await;
    let token = registry.ana().token().unwrap().to_owned();
    registry.store().fail_next(Operation::Get, Fault::BeforeEffect);
    let authorizer = authorizer(&registry, AuthorizerResponse::Simple);
    let refused = authorizer.decide(&token_event(&format!("Bearer {token}"))).await.unwrap_err();
    assert!(refused.to_string().contains("cannot be identified"), "{refused}");
    assert!(!refused.to_string().contains(&token));
}

#[tokio::test]
async fn events_of_another_kind_are_refused() {
    let registry = start("@all").await;
    let authorizer = authorizer(&registry, AuthorizerResponse::Simple);
    let arn = |arn: &str| {
        json!({ "type": "TOKEN", "authorizationToken": "Bearer x", "methodArn": arn }).to_string()
    };
    for event in [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        "{\"type\":\"TOKEN\"}".to_owned(),
        arn(""),
        arn("arn:aws:s3:::bucket/a/b/c"),
        arn("arn:aws:execute-api:eu-west-1:123456789012:abc123"),
        arn("arn:aws:execute-api:eu-west-1:123456789012:abc123/*/GET/x"),
        arn("*"),
    ] {
        assert!(authorizer.decide(&event).await.is_err(), "{event}");
    }
}
