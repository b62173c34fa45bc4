//! The binary: reads the command line and reports what went wrong.

use std::io::Write as _;
use std::process::ExitCode;

use mimalloc::MiMalloc;
use registry_server::command_line::CommandLine;
use registry_server::{AccessDenied, Interrupted};

/// The system's allocator keeps what each of many threads has freed, which after a few large packuments is most of the
/// memory of the server. This one gives it back, after a second in which it may be used again.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match registry_server::run(&CommandLine::parse_or_exit()) {
        Ok(()) => ExitCode::SUCCESS,
        // What was asked for is answered on stdout already.
        Err(error) if error.is::<AccessDenied>() => ExitCode::from(AccessDenied::EXIT_CODE),
        Err(error) => {
            // Where stderr is closed there is nobody to tell, and the exit code still says it.
            let _ = writeln!(std::io::stderr(), "registry-server: {error:#}");
            error
                .downcast_ref::<Interrupted>()
                .map_or(ExitCode::FAILURE, |stopped| stopped.exit_code().into())
        }
    }
}
