use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request};
use object_store::StaticCredentialProvider;
use object_store::aws::{AmazonS3Builder, AwsAuthorizer, AwsCredential, AwsCredentialProvider};
use object_store::client::HttpRequestBody;
use reqwest::{Client, Response};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::changes::{ChangeSink, DeliveredChange, NeverAccepted, TopicArn};
use crate::events::EventError;
use crate::vocabulary::BoxError;

use super::message::message;
use super::post::{EventHead, SinkError, client, in_order_per_package};

/// The most bytes of a message with its attributes that SNS accepts.
const MOST_BYTES: usize = 256 << 10;
/// The most bytes of a group's name that SNS accepts.
const LONGEST_GROUP: usize = 128;
/// The most bytes of a refusal that are read.
const LONGEST_REFUSAL: usize = 8 << 10;

/// The settings of an [`Sns`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SnsSettings {
    /// The topic that changes are published to.
    pub topic: TopicArn,
    /// Where SNS listens; `None` for the public endpoint of the topic's region.
    pub endpoint: Option<Url>,
    /// The credentials; `None` for those of the environment or of the machine, as for a bucket: variables such as
    /// `AWS_ACCESS_KEY_ID`, a web identity, a container, or an instance.
    pub access_key: Option<AwsAccessKey>,
}

impl SnsSettings {
    /// Settings with the public endpoint, and the credentials of the environment.
    pub fn new(topic: TopicArn) -> Self {
        Self { topic, endpoint: None, access_key: None }
    }
}

/// An access key of AWS that does not expire.
#[derive(Debug, Clone)]
pub struct AwsAccessKey {
    id: String,
    secret: SecretString,
}

impl AwsAccessKey {
    /// An access key with its id and its secret.
    pub fn new(id: String, secret: SecretString) -> Self {
        Self { id, secret }
    }
}

/// Publishes each change to a topic of Amazon SNS.
///
/// The message is the JSON that a [`Webhook`](super::Webhook) gets. The message attributes `kind`, and `package` or
/// `organization`, serve filter policies. In a FIFO topic, the package is the message group, or the SHA-256 of a package
/// whose name SNS does not accept as that, and the id of the event is the deduplication id.
///
/// The request is signed with Signature Version 4. A change whose message is larger than 256 KiB is given up; any other
/// refusal, such as a missing right to publish, is retried.
#[derive(Debug)]
pub struct Sns {
    topic: TopicArn,
    endpoint: Url,
    credentials: AwsCredentialProvider,
    client: Client,
}

impl Sns {
    /// Creates the sink, and sends no request. The process must have installed a default `rustls` crypto provider.
    pub fn new(settings: SnsSettings) -> Result<Self, SinkError> {
        let SnsSettings { topic, endpoint, access_key } = settings;
        let endpoint = endpoint.or_else(|| topic.endpoint()).ok_or(SinkError::NoEndpoint)?;
        let client = client()?;
        let credentials: AwsCredentialProvider = match access_key {
            Some(AwsAccessKey { id, secret }) => Arc::new(StaticCredentialProvider::new(AwsCredential {
                key_id: id,
                secret_key: secret.expose_secret().to_owned(),
                token: None,
            })),
            None => credentials_of_environment(topic.region())?,
        };
        Ok(Self { topic, endpoint, credentials, client })
    }

    async fn publish(&self, change: &DeliveredChange, head: EventHead) -> Result<(), BoxError> {
        let form = self.form(change, &head)?;
        let credential = self.credentials.get_credential().await?;
        let headers = self.signed_headers(&credential, &form)?;
        let request = self.client.post(self.endpoint.clone()).headers(headers).body(form);
        let response = request.send().await.map_err(reqwest::Error::without_url)?;
        if response.status().is_success() { Ok(()) } else { Err(refusal(response).await.into()) }
    }

    /// Returns the body of the request.
    fn form(&self, change: &DeliveredChange, head: &EventHead) -> Result<Bytes, BoxError> {
        let message = message(change, head)?;
        let (sort, subject) = match (&head.package, &head.organization) {
            (Some(package), _) => ("package", package.as_str()),
            (None, organization) => ("organization", organization.as_deref().unwrap_or_default()),
        };
        let attributes = [("kind", head.kind.as_str()), (sort, subject)];
        let attributes = attributes.into_iter().filter(|(_, value)| !value.is_empty());
        let mut form = Serializer::new(String::with_capacity(message.len() * 2));
        form.append_pair("Action", "Publish")
            .append_pair("Version", "2010-03-31")
            .append_pair("TopicArn", self.topic.as_str())
            .append_pair("Message", &message);
        let mut size = message.len();
        for ((name, value), number) in attributes.zip(1..) {
            let mut field = |field: &str, value: &str| {
                form.append_pair(&format!("MessageAttributes.entry.{number}.{field}"), value);
            };
            field("Name", name);
            field("Value.DataType", "String");
            field("Value.StringValue", value);
            size += name.len() + "String".len() + value.len();
        }
        if size > MOST_BYTES {
            let reason =
                format!("its message of {size} bytes is larger than the {MOST_BYTES} that SNS accepts");
            return Err(NeverAccepted::new(reason).into());
        }
        if self.topic.is_fifo() {
            form.append_pair("MessageGroupId", &message_group(subject));
            form.append_pair("MessageDeduplicationId", &change.id);
        }
        Ok(form.finish().into())
    }

    fn signed_headers(&self, credential: &AwsCredential, form: &Bytes) -> Result<HeaderMap, BoxError> {
        let mut request = Request::post(self.endpoint.as_str())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8")
            .body(HttpRequestBody::from(form.clone()))?;
        AwsAuthorizer::new(credential, "sns", self.topic.region()).try_authorize(&mut request, None)?;
        Ok(request.into_parts().0.headers)
    }
}

/// Returns the credentials as `object_store` finds them for a bucket, which is named and never asked for.
fn credentials_of_environment(region: &str) -> Result<AwsCredentialProvider, SinkError> {
    let builder = AmazonS3Builder::from_env().with_bucket_name("none").with_region(region);
    let bucket = builder.build().map_err(|error| SinkError::Credentials(error.into()))?;
    Ok(Arc::clone(bucket.credentials()))
}

/// Returns the message group of a package or an organization. SNS accepts 128 visible characters of ASCII.
fn message_group(subject: &str) -> Cow<'_, str> {
    if !subject.is_empty()
        && subject.len() <= LONGEST_GROUP
        && subject.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return subject.into();
    }
    const_hex::encode(Sha256::digest(subject)).into()
}

/// Returns what SNS says of a request that it does not accept.
async fn refusal(mut response: Response) -> String {
    let status = response.status();
    let mut body = Vec::new();
    while body.len() < LONGEST_REFUSAL
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk[..chunk.len().min(LONGEST_REFUSAL - body.len())]);
    }
    let text = String::from_utf8_lossy(&body);
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        let (content, _) = rest.split_once(&format!("</{name}>"))?;
        Some(content.replace(char::is_control, " "))
    };
    let details = [element("Code"), element("Message")].into_iter().flatten();
    details.fold(format!("the answer was {status}"), |text, detail| format!("{text}: {detail}"))
}

#[async_trait]
impl ChangeSink for Sns {
    async fn deliver(&self, changes: &[DeliveredChange]) -> Result<(), EventError> {
        let sent = in_order_per_package(changes, |change, head| self.publish(change, head)).await;
        sent.map_err(|source| EventError { sink: self.to_string(), source })
    }
}

impl fmt::Display for Sns {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the topic {}", self.topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_group_has_its_digest_instead() {
        assert_eq!(message_group("@acme/pear"), "@acme/pear");
        for name in ["", "p\u{e9}ar", "a pear", &"p".repeat(129)] {
            assert_eq!(message_group(name).len(), 64, "{name}");
        }
    }
}
