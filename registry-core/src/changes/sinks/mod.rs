//! Sinks of the change feed that call a service over HTTP (feature `webhooks`).

mod codebox;
mod post;
mod webhook;

pub use codebox::{CodeboxLog, CodeboxLogSettings};
pub use post::SinkError;
pub use webhook::{Webhook, WebhookSecret, WebhookSecretError, WebhookSettings};
