//! The binary of the authorizer, which Lambda starts as `bootstrap`.

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match registry_lambda::run_authorizer() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If stderr is closed, only the exit code reports the error.
            let _ = writeln!(std::io::stderr(), "registry-authorizer: {error:#}");
            ExitCode::FAILURE
        }
    }
}
