//! Sinks of the change feed that call a service over HTTP (feature `webhooks`, and `sns` for Amazon SNS).

mod codebox;
mod message;
mod post;
#[cfg(feature = "sns")]
mod sns;
mod webhook;

pub use codebox::{CodeboxLog, CodeboxLogSettings};
pub use post::SinkError;
#[cfg(feature = "hooks")]
pub(crate) use post::is_refusal;
#[cfg(feature = "sns")]
pub use sns::{AwsAccessKey, Sns, SnsSettings};
pub use webhook::{Webhook, WebhookSecret, WebhookSecretError, WebhookSettings};
