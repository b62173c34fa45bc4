//! The binary of the registry, which Lambda starts as `bootstrap`.

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match registry_lambda::run_registry() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where stderr is closed there is nobody to tell, and the exit code still says it.
            let _ = writeln!(std::io::stderr(), "registry-lambda: {error:#}");
            ExitCode::FAILURE
        }
    }
}
