use std::process::Command;

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::StoreAddress;
use super::serving::Serving;
use crate::http_client::{HttpClient, TestResponse};
use crate::python_tool::MINISTACK;

/// What a registry must be allowed in its bucket, and nothing else: its users have it.
pub const REGISTRY_POLICY: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
      "Resource": "arn:aws:s3:::registry/*"
    },
    { "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::registry" }
  ]
}"#;

/// The versions of the services that are asked with forms.
const SNS_VERSION: &str = "2010-03-31";
const SQS_VERSION: &str = "2012-11-05";

/// What lets topics send to a queue.
const QUEUE_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
    "Principal":{"Service":"sns.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"*"}]}"#;

/// A server that speaks S3 as Amazon does: conditions are exact, signatures are checked, and a user may do what a
/// policy says.
#[derive(Debug)]
pub struct Ministack {
    serving: Serving,
    key: String,
    secret: String,
}

impl Ministack {
    /// Installs it once, and starts it with the empty bucket `registry` and a user whose policy is
    /// [`REGISTRY_POLICY`]. `None` on a machine without Python, after saying so on stderr.
    ///
    /// # Panics
    ///
    /// If it cannot be installed or started, or if Python is missing where `CI` is in the environment.
    pub async fn start() -> Option<Self> {
        let installed = tokio::task::spawn_blocking(|| MINISTACK.install()).await;
        let programs = installed.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        let command = |_: &std::path::Path| {
            let mut command = Command::new(programs.join("python3"));
            command.args(["-m", "ministack"]).env_clear().envs([
                ("BIND_HOST", "127.0.0.1"),
                ("GATEWAY_PORT", "0"),
                ("MINISTACK_HOST", "localhost"),
                ("SERVICES", "s3,iam,sts,sns,sqs"),
                ("AUTH", "true"),
                ("PYTHONUNBUFFERED", "1"),
            ]);
            command
        };
        let serving = Serving::start("ministack", command).await;
        let mut ministack = Self { serving, key: String::new(), secret: String::new() };
        let _ = ministack.as_root("s3", Method::PUT, "/registry", String::new()).await;
        let _ = ministack.manage(&[("Action", "CreateUser"), ("UserName", "registry")]).await;
        let made = ministack.manage(&[("Action", "CreateAccessKey"), ("UserName", "registry")]).await.text();
        ministack.key = element(&made, "AccessKeyId");
        ministack.secret = element(&made, "SecretAccessKey");
        ministack.add_policy("registry", REGISTRY_POLICY).await;
        Some(ministack)
    }

    /// The bucket, as its user comes to it.
    pub fn address(&self) -> StoreAddress {
        StoreAddress::new(
            "s3://registry",
            [
                ("aws_endpoint", self.base_url().as_str()),
                ("aws_allow_http", "true"),
                ("aws_region", "us-east-1"),
                ("aws_access_key_id", &self.key),
                ("aws_secret_access_key", &self.secret),
            ],
        )
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.serving.address())
    }

    /// Gives the bucket a policy, which holds for all who come to it.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub async fn set_bucket_policy(&self, policy: &str) {
        let _ = self.as_root("s3", Method::PUT, "/registry?policy", policy.to_owned()).await;
    }

    /// Makes the bucket keep the old versions of its objects, which its user may list and delete from now on.
    ///
    /// # Panics
    ///
    /// If it cannot.
    pub async fn keep_versions(&self) {
        let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        let _ = self.as_root("s3", Method::PUT, "/registry?versioning", enabled.to_owned()).await;
        let statement = r#"{ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
            "Action": ["s3:ListBucketVersions", "s3:DeleteObjectVersion"],
            "Resource": ["arn:aws:s3:::registry", "arn:aws:s3:::registry/*"] }] }"#;
        self.add_policy("versions", statement).await;
    }

    /// What the bucket keeps, as S3 lists it: versions, and marks of deleted objects.
    ///
    /// # Panics
    ///
    /// If it does not answer.
    pub async fn versions(&self) -> String {
        self.as_root("s3", Method::GET, "/registry?versions", String::new()).await.text()
    }

    async fn add_policy(&self, name: &str, policy: &str) {
        let _ = self
            .manage(&[
                ("Action", "PutUserPolicy"),
                ("UserName", "registry"),
                ("PolicyName", name),
                ("PolicyDocument", policy),
            ])
            .await;
    }

    /// What the headers of the object `key` say of it, which only its owner may see.
    ///
    /// # Panics
    ///
    /// If there is no such object.
    pub async fn head(&self, key: &str) -> http::HeaderMap {
        self.as_root("s3", Method::HEAD, &format!("/registry/{key}"), String::new()).await.headers
    }

    /// Makes a topic of SNS, which the user of the bucket may publish to and whose messages are kept. Returns its ARN. A topic
    /// whose name ends with `.fifo` keeps the order of each group.
    ///
    /// # Panics
    ///
    /// If it cannot be made.
    pub async fn add_topic(&self, name: &str) -> String {
        let of_account = |service: &str| format!("arn:aws:{service}:us-east-1:000000000000:{name}");
        let (topic, queue) = (of_account("sns"), of_account("sqs"));
        let is_fifo = name.strip_suffix(".fifo").is_some();
        let mut fields = vec![("Action", "CreateTopic"), ("Name", name)];
        if is_fifo {
            fields.extend([("Attributes.entry.1.key", "FifoTopic"), ("Attributes.entry.1.value", "true")]);
        }
        let _ = self.query("sns", SNS_VERSION, &fields).await;
        let mut fields = vec![
            ("Action", "CreateQueue"),
            ("QueueName", name),
            ("Attribute.1.Name", "Policy"),
            ("Attribute.1.Value", QUEUE_POLICY),
        ];
        if is_fifo {
            fields.extend([("Attribute.2.Name", "FifoQueue"), ("Attribute.2.Value", "true")]);
        }
        let _ = self.query("sqs", SQS_VERSION, &fields).await;
        let subscription = [
            ("Action", "Subscribe"),
            ("TopicArn", topic.as_str()),
            ("Protocol", "sqs"),
            ("Endpoint", queue.as_str()),
            ("Attributes.entry.1.key", "RawMessageDelivery"),
            ("Attributes.entry.1.value", "true"),
        ];
        let _ = self.query("sns", SNS_VERSION, &subscription).await;
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"sns:Publish","Resource":"{topic}"}}]}}"#
        );
        let _ = self
            .manage(&[
                ("Action", "PutUserPolicy"),
                ("UserName", "registry"),
                ("PolicyName", "topics"),
                ("PolicyDocument", &policy),
            ])
            .await;
        topic
    }

    /// Takes up to 10 messages that the topic `name` got, each as the XML of SQS. Waits up to 20 seconds for the first.
    pub async fn take_messages(&self, name: &str) -> Vec<String> {
        let queue = format!("{}/000000000000/{name}", self.base_url());
        let fields = [
            ("Action", "ReceiveMessage"),
            ("QueueUrl", queue.as_str()),
            ("MaxNumberOfMessages", "10"),
            ("WaitTimeSeconds", "20"),
            ("AttributeName.1", "All"),
            ("MessageAttributeName.1", "All"),
        ];
        let answer = self.query("sqs", SQS_VERSION, &fields).await.text();
        let messages: Vec<String> = answer.split("<Message>").skip(1).map(str::to_owned).collect();
        // Until one is deleted, a FIFO queue gives no later one of its group.
        for message in &messages {
            let handle = element(message, "ReceiptHandle");
            let fields =
                [("Action", "DeleteMessage"), ("QueueUrl", queue.as_str()), ("ReceiptHandle", &handle)];
            let _ = self.query("sqs", SQS_VERSION, &fields).await;
        }
        messages
    }

    /// The answer to a question to its user management.
    async fn manage(&self, fields: &[(&str, &str)]) -> TestResponse {
        self.query("iam", "2010-05-08", fields).await
    }

    /// The answer of a service that is asked with a form.
    async fn query(&self, service: &str, version: &str, fields: &[(&str, &str)]) -> TestResponse {
        let version = [("Version", version)];
        let fields = fields.iter().chain(&version);
        let form: Vec<String> = fields
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
            .collect();
        self.as_root(service, Method::POST, "/", form.join("&")).await
    }

    /// The owner of the account signs nothing here: the name of a service is all that is asked of it.
    async fn as_root(&self, service: &str, method: Method, path: &str, body: String) -> TestResponse {
        let signed = format!(
            "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        let request = HttpClient::new(&self.base_url())
            .request(method, path)
            .header("authorization", &signed)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let answer = request.send().await;
        assert!(answer.status.is_success(), "ministack answered {path} with {answer:?}");
        answer
    }
}

fn element(document: &str, name: &str) -> String {
    let (from, to) = (format!("<{name}>"), format!("</{name}>"));
    let text = document.split_once(&from).and_then(|(_, rest)| rest.split_once(&to));
    text.unwrap_or_else(|| panic!("there is no {name} in {document}")).0.to_owned()
}
