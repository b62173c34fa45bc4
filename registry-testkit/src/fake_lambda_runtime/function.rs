use std::fs;
use std::path::Path;
use std::process::Stdio;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{FakeLambdaRuntime, Outcome};

/// A function in a process of its own, with the Runtime API that it asks. It is killed when dropped.
#[derive(Debug)]
pub struct LambdaFunction {
    runtime: FakeLambdaRuntime,
    child: Child,
    surroundings: TempDir,
}

impl LambdaFunction {
    /// Starts `binary` with these variables and those that Lambda sets, and nothing else of this process's environment.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub async fn start(binary: &Path, variables: &[(&str, &str)]) -> Self {
        let runtime = FakeLambdaRuntime::start().await;
        let surroundings = tempfile::Builder::new().prefix("lambda-function-").tempdir();
        let surroundings =
            surroundings.unwrap_or_else(|error| panic!("cannot make a temporary folder: {error}"));
        let stderr = fs::File::create(surroundings.path().join("stderr"))
            .unwrap_or_else(|error| panic!("cannot make a file for stderr: {error}"));
        let mut command = Command::new(binary);
        command
            .env_clear()
            .env("HOME", surroundings.path())
            .env("AWS_LAMBDA_RUNTIME_API", runtime.address())
            .env("AWS_LAMBDA_FUNCTION_NAME", "registry")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .envs(variables.iter().copied())
            .current_dir(surroundings.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .kill_on_drop(true);
        if let Some(coverage) = std::env::var_os("LLVM_PROFILE_FILE") {
            command.env("LLVM_PROFILE_FILE", coverage);
        }
        let child =
            command.spawn().unwrap_or_else(|error| panic!("cannot start {}: {error}", binary.display()));
        Self { runtime, child, surroundings }
    }

    /// Gives it an event, and waits for what comes of it. A function that ends answers [`Outcome::Gone`].
    pub async fn invoke(&mut self, event: impl Into<Bytes>) -> Outcome {
        tokio::select! {
            outcome = self.runtime.invoke(event) => outcome,
            _ended = self.child.wait() => Outcome::Gone,
        }
    }

    /// The number of its process; `None` once it has ended.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// What it has printed on stderr so far.
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.surroundings.path().join("stderr")).unwrap_or_default()
    }
}
