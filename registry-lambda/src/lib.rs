//! The registry on AWS Lambda: accepts events of API Gateway, Function URLs and load balancers, and gives the same
//! answers as the HTTP server. Events of a schedule let it deliver changes. The registry itself and its configuration are in `registry-core`.
//!
//! ```
//! use registry_lambda::{Frontend, LambdaRequest, ResponseMode};
//! use registry_core::{Registry, storage::ObjectStoreBlobs};
//! use std::sync::Arc;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let registry = Registry::builder(Arc::new(ObjectStoreBlobs::in_memory())).build();
//! let frontend = Frontend::new(registry, ResponseMode::Buffered);
//! let event = r#"{ "version": "2.0", "rawPath": "/-/ping", "rawQueryString": "", "headers": { "host": "npm.example" },
//!     "requestContext": { "http": { "method": "GET", "sourceIp": "192.0.2.1" } }, "isBase64Encoded": false }"#;
//! let event: LambdaRequest = serde_json::from_str(event).unwrap();
//! let answer = frontend.answer(event).await.into_json().await.unwrap();
//! assert_eq!((&answer["statusCode"], &answer["body"]), (&200.into(), &"{}".into()));
//! # });
//! ```

mod answer;
pub mod authorizer;
mod codebox;
mod event;
mod frontend;
mod run;
mod schedule;
mod server_sections;
mod settings;

pub use answer::{Answer, BrokenOff, Buffered, Chunks};
pub use frontend::Frontend;
pub use lambda_http::request::LambdaRequest;
pub use run::{run_authorizer, run_registry};
pub use schedule::{ScheduleError, ScheduleReport};
pub use settings::{AuthorizerResponse, LambdaSettings, ResponseMode};
