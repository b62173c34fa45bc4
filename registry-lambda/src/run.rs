//! Starts the process and runs the event loop.

use std::future::Future;
use std::io;
use std::sync::Arc;

use anyhow::Context as _;
use lambda_http::lambda_runtime::{self, LambdaEvent, service_fn};
use registry_core::Registry;
use registry_core::clock::{Clock as _, SystemClock};
use registry_core::settings::{log_to, open_registry};
use serde_json::value::RawValue;

use crate::authorizer::Authorizer;
use crate::frontend::Frontend;
use crate::schedule::{Invocation, InvocationAnswer, ScheduleError, time_left};
use crate::settings::LambdaSettings;

/// Lambda's runtime library panics without these.
const SET_BY_LAMBDA: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
];

/// The advice to a publisher beyond the size of an event. Every client shows it, so it names no bucket.
const LARGER_PUBLISHES: &str = "ask the registry's operator to publish the tarball with `registry-server publish FILE.tgz \
     --as USER --storage s3://BUCKET/PREFIX`, which goes past the limit of AWS Lambda";

/// Threads for blocking work. A function has one request at a time.
const BLOCKING_THREADS: usize = 8;

/// Serves events with the registry that the environment describes, until Lambda ends the process.
pub fn run_registry() -> anyhow::Result<()> {
    start(|registry, settings| async move {
        let frontend = Frontend::new(registry, settings.response);
        let serve = service_fn(move |event: LambdaEvent<Invocation>| {
            let frontend = frontend.clone();
            async move {
                Ok::<_, ScheduleError>(match event.payload {
                    Invocation::Request(request) => {
                        InvocationAnswer::Request(frontend.answer(*request).await)
                    }
                    Invocation::Schedule => {
                        let time_left =
                            time_left(event.context.deadline, SystemClock.now().timestamp_millis());
                        InvocationAnswer::Schedule(frontend.deliver_changes(time_left).await?)
                    }
                })
            }
        });
        lambda_runtime::run(serve).await
    })
}

/// Answers API Gateway's authorization requests, until Lambda ends the process.
pub fn run_authorizer() -> anyhow::Result<()> {
    start(|registry, settings| async move {
        let authorizer = Arc::new(Authorizer::new(registry, &settings));
        let serve = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
            let authorizer = Arc::clone(&authorizer);
            async move { authorizer.decide(event.payload.get()).await }
        });
        lambda_runtime::run(serve).await
    })
}

fn start<Serving>(serve: impl FnOnce(Registry, LambdaSettings) -> Serving) -> anyhow::Result<()>
where
    Serving: Future<Output = Result<(), lambda_runtime::Error>>,
{
    if let Some(missing) = SET_BY_LAMBDA.iter().find(|variable| std::env::var_os(variable).is_none()) {
        anyhow::bail!("{missing} is not set: AWS Lambda starts this program; elsewhere, run registry-server");
    }
    let settings = LambdaSettings::from_environment()?;
    // Each line is written synchronously: lines that a separate thread still held when Lambda stops the process would
    // be late or lost.
    log_to(io::stderr, false, &settings.settings.log)?;
    for warning in settings.settings.warnings() {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .context("cannot start the threads of the function")?;
    runtime.block_on(async {
        let registry = open_registry(&settings.settings, settings.trial(), |builder| {
            builder.limits(settings.limits()).publish_elsewhere(LARGER_PUBLISHES)
        });
        let registry = registry.await?;
        serve(registry, settings).await.map_err(anyhow::Error::from_boxed)
    })
}
