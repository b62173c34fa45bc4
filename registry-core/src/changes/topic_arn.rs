use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// The end of the name of a FIFO topic.
const FIFO: &str = ".fifo";
/// The most characters of a topic's name.
const LONGEST_NAME: usize = 256;

/// The name of a topic of Amazon SNS: `arn:aws:sns:REGION:ACCOUNT:TOPIC`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TopicArn {
    text: String,
    partition: String,
    region: String,
}

/// The text is not the ARN of a topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a topic of SNS: write arn:aws:sns:REGION:ACCOUNT:TOPIC, as `aws sns list-topics` shows it"
)]
pub struct TopicArnError(String);

impl TopicArn {
    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The region, such as `eu-west-1`.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Whether the topic keeps the order of the messages of a group.
    pub fn is_fifo(&self) -> bool {
        self.text.ends_with(FIFO)
    }

    /// Returns the public endpoint of the topic's region; `None` in a partition whose endpoints are not public.
    #[cfg(feature = "sns")]
    pub(crate) fn endpoint(&self) -> Option<url::Url> {
        let suffix = match self.partition.as_str() {
            "aws" | "aws-us-gov" => "amazonaws.com",
            "aws-cn" => "amazonaws.com.cn",
            _ => return None,
        };
        url::Url::parse(&format!("https://sns.{}.{suffix}/", self.region)).ok()
    }
}

impl FromStr for TopicArn {
    type Err = TopicArnError;

    fn from_str(text: &str) -> Result<Self, TopicArnError> {
        let error = || TopicArnError(text.chars().take(LONGEST_NAME).collect());
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", partition, "sns", region, account, name] = parts[..] else { return Err(error()) };
        let has_only = |text: &str, more: &[u8]| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
        };
        let topic = name.strip_suffix(FIFO).unwrap_or(name);
        let is_sound = partition.starts_with("aws")
            && has_only(partition, b"-")
            && has_only(region, b"-")
            && account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && name.len() <= LONGEST_NAME
            && has_only(topic, b"-_");
        let [partition, region] = [partition, region].map(str::to_owned);
        if is_sound { Ok(Self { text: text.to_owned(), partition, region }) } else { Err(error()) }
    }
}

impl TryFrom<String> for TopicArn {
    type Error = TopicArnError;

    fn try_from(text: String) -> Result<Self, TopicArnError> {
        text.parse()
    }
}

impl fmt::Display for TopicArn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_and_nothing_else_is() {
        let topic: TopicArn = "arn:aws:sns:eu-west-1:123456789012:npm-changes".parse().unwrap();
        assert_eq!((topic.region(), topic.is_fifo()), ("eu-west-1", false));
        assert!("arn:aws-cn:sns:cn-north-1:123456789012:npm.fifo".parse::<TopicArn>().unwrap().is_fifo());
        for text in [
            "",
            "npm",
            "arn:aws:sqs:eu-west-1:123456789012:npm",
            "arn:aws:sns:eu-west-1:1:npm",
            "arn:aws:sns::123456789012:npm",
            "arn:aws:sns:evil.example/:123456789012:npm",
            "arn:aws:sns:eu-west-1:123456789012:",
            "arn:aws:sns:eu-west-1:123456789012:.fifo",
            "arn:aws:sns:eu-west-1:123456789012:npm:subscription",
            "arn:aws:sns:eu-west-1:123456789012:n m",
        ] {
            assert!(text.parse::<TopicArn>().is_err(), "{text}");
        }
    }

    #[cfg(feature = "sns")]
    #[test]
    fn each_public_partition_has_its_endpoints() {
        let endpoint = |partition: &str| {
            let arn = format!("arn:{partition}:sns:us-x-1:123456789012:npm");
            arn.parse::<TopicArn>().unwrap().endpoint().map(String::from)
        };
        assert_eq!(endpoint("aws").as_deref(), Some("https://sns.us-x-1.amazonaws.com/"));
        assert_eq!(endpoint("aws-cn").as_deref(), Some("https://sns.us-x-1.amazonaws.com.cn/"));
        assert_eq!(endpoint("aws-iso"), None);
    }
}
