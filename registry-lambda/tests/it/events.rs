//! Events in the shapes that AWS documents, for requests that tests write.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

/// Who sends the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    RestApi,
    HttpApi,
    FunctionUrl,
    LoadBalancer,
    LoadBalancerWithLists,
}

impl Sender {
    pub(crate) const ALL: [Self; 5] =
        [Self::RestApi, Self::HttpApi, Self::FunctionUrl, Self::LoadBalancer, Self::LoadBalancerWithLists];

    /// Whether it takes streams.
    pub(crate) fn streams(self) -> bool {
        matches!(self, Self::RestApi | Self::FunctionUrl)
    }
}

/// A request as a client sends it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// With the query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the sender passes the body on in base64.
    pub(crate) base64: bool,
}

impl Asked {
    pub(crate) fn get(target: &str) -> Self {
        Self::of("GET", target)
    }

    pub(crate) fn of(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), ..Self::default() }
            .header("host", "registry.example")
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn in_base64(self) -> Self {
        Self { base64: true, ..self }
    }

    fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// Name and value of each part of the query, as it is or decoded.
    fn pairs(&self, decoded: bool) -> Vec<(String, String)> {
        let spelled = |text: &str| {
            if decoded {
                percent_decode_str(text).decode_utf8().unwrap().into_owned()
            } else {
                text.to_owned()
            }
        };
        let pairs = self.query().split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (spelled(name), spelled(value)))
            .collect()
    }

    /// The event by which `sender` passes it on. The stage of the gateways is `prod`.
    pub(crate) fn event(&self, sender: Sender) -> Value {
        match sender {
            Sender::RestApi => self.rest_api(),
            Sender::HttpApi => self.version_2("prod", "abc123.execute-api.eu-west-1.amazonaws.com"),
            Sender::FunctionUrl => self.version_2("$default", "abc123.lambda-url.eu-west-1.on.aws"),
            Sender::LoadBalancer => self.load_balancer(false),
            Sender::LoadBalancerWithLists => self.load_balancer(true),
        }
    }

    fn body_text(&self) -> Value {
        match (self.base64, self.body.is_empty()) {
            (_, true) => Value::Null,
            (true, _) => STANDARD.encode(&self.body).into(),
            (false, _) => String::from_utf8(self.body.clone()).unwrap().into(),
        }
    }

    fn rest_api(&self) -> Value {
        let pairs = self.pairs(true);
        json!({
            "resource": "/registry/{proxy+}",
            "path": self.path(),
            "httpMethod": self.method,
            "headers": single(&self.headers),
            "multiValueHeaders": lists(&self.headers),
            "queryStringParameters": or_null(single(&pairs)),
            "multiValueQueryStringParameters": or_null(lists(&pairs)),
            "pathParameters": { "proxy": self.path().trim_start_matches("/registry/") },
            "stageVariables": null,
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "abc123",
                "domainName": "abc123.execute-api.eu-west-1.amazonaws.com",
                "domainPrefix": "abc123",
                "extendedRequestId": "request-id",
                "httpMethod": self.method,
                "identity": {
                    "accessKey": null, "accountId": null, "caller": null, "cognitoAuthenticationProvider": null,
                    "cognitoAuthenticationType": null, "cognitoIdentityId": null, "cognitoIdentityPoolId": null,
                    "principalOrgId": null, "sourceIp": "192.0.2.1", "user": null, "userAgent": "npm/11", "userArn": null
                },
                "path": format!("/prod{}", self.path()),
                "protocol": "HTTP/1.1",
                "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
                "requestTime": "04/Mar/2020:19:15:17 +0000",
                "requestTimeEpoch": 1_583_349_317_135_u64,
                "resourceId": "123456",
                "resourcePath": "/registry/{proxy+}",
                "stage": "prod"
            },
            "body": self.body_text(),
            "isBase64Encoded": self.base64
        })
    }

    fn version_2(&self, stage: &str, domain: &str) -> Value {
        let path =
            if stage == "$default" { self.path().to_owned() } else { format!("/{stage}{}", self.path()) };
        let joined: Vec<(String, String)> = lists(&self.headers)
            .into_iter()
            .map(|(name, values)| {
                let values: Vec<&str> = values.as_array().unwrap().iter().filter_map(Value::as_str).collect();
                (name, values.join(","))
            })
            .collect();
        let mut event = json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": self.query(),
            "headers": single(&joined),
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "abc123",
                "domainName": domain,
                "domainPrefix": "abc123",
                "http": {
                    "method": self.method,
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "192.0.2.1",
                    "userAgent": "npm/11"
                },
                "requestId": "id",
                "routeKey": "$default",
                "stage": stage,
                "time": "12/Mar/2020:19:03:58 +0000",
                "timeEpoch": 1_583_348_638_390_u64
            },
            "isBase64Encoded": self.base64
        });
        let pairs = self.pairs(true);
        if !pairs.is_empty() {
            event["queryStringParameters"] = single(&pairs).into();
        }
        if !self.body.is_empty() {
            event["body"] = self.body_text();
        }
        event
    }

    fn load_balancer(&self, with_lists: bool) -> Value {
        let group =
            "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/registry/49e9d65c45c6791a";
        let mut headers = self.headers.clone();
        for (name, value) in [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-proto", "https")] {
            headers.push((name.to_owned(), value.to_owned()));
        }
        let body = self.body_text();
        let mut event = json!({
            "requestContext": { "elb": { "targetGroupArn": group } },
            "httpMethod": self.method,
            "path": self.path(),
            "body": if body.is_null() { "".into() } else { body },
            "isBase64Encoded": self.base64
        });
        if with_lists {
            event["multiValueHeaders"] = lists(&headers).into();
            event["multiValueQueryStringParameters"] = lists(&self.pairs(false)).into();
        } else {
            event["headers"] = single(&headers).into();
            event["queryStringParameters"] = single(&self.pairs(false)).into();
        }
        event
    }
}

fn or_null(map: Map<String, Value>) -> Value {
    if map.is_empty() { Value::Null } else { map.into() }
}

fn single(pairs: &[(String, String)]) -> Map<String, Value> {
    pairs.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect()
}

fn lists(pairs: &[(String, String)]) -> Map<String, Value> {
    let mut lists = Map::new();
    for (name, value) in pairs {
        let list = lists.entry(name.clone()).or_insert_with(|| json!([]));
        list.as_array_mut().unwrap().push(value.as_str().into());
    }
    lists
}

/// Status, headers (each once, as text) and body of an answer, whatever its form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) status: u64,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Given {
    pub(crate) fn of(answer: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut headers: Vec<(String, String)> = match (&answer["multiValueHeaders"], &answer["headers"]) {
            (Value::Object(lists), Value::Null) => {
                let joined =
                    |list: &Value| list.as_array().unwrap().iter().map(text).collect::<Vec<_>>().join(", ");
                lists.iter().map(|(name, list)| (name.clone(), joined(list))).collect()
            }
            (Value::Null, Value::Object(single)) => {
                single.iter().map(|(name, value)| (name.clone(), text(value))).collect()
            }
            other => panic!("headers in both forms, or none: {other:?}"),
        };
        headers.sort();
        let body = text(&answer["body"]);
        let body =
            if answer["isBase64Encoded"] == true { STANDARD.decode(body).unwrap() } else { body.into() };
        Self { status: answer["statusCode"].as_u64().unwrap(), headers, body }
    }

    pub(crate) fn error(&self) -> String {
        let json: Value = serde_json::from_slice(&self.body).unwrap();
        json["error"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}
