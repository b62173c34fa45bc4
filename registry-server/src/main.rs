//! The binary: parses the command line and reports errors.

use std::io::Write as _;
use std::process::ExitCode;

use mimalloc::MiMalloc;
use registry_server::command_line::CommandLine;
use registry_server::{AccessDenied, Findings, Interrupted, NotChecked};

/// The system's allocator retains the freed memory of each of many threads, which after a few large packuments is most
/// of the server's memory. This one returns it after a second in which it may be reused.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match registry_server::run(&CommandLine::parse_or_exit()) {
        Ok(()) => ExitCode::SUCCESS,
        // The answer is already on stdout.
        Err(error) if error.is::<AccessDenied>() => ExitCode::from(AccessDenied::EXIT_CODE),
        Err(error) if error.is::<Findings>() => ExitCode::from(Findings::EXIT_CODE),
        Err(error) => {
            // If stderr is closed, only the exit code reports the error.
            let _ = writeln!(std::io::stderr(), "registry-server: {error:#}");
            if error.is::<NotChecked>() {
                return ExitCode::from(NotChecked::EXIT_CODE);
            }
            error
                .downcast_ref::<Interrupted>()
                .map_or(ExitCode::FAILURE, |stopped| stopped.exit_code().into())
        }
    }
}
