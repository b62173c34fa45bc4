//! The binary: reads the command line and reports what went wrong.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use registry_server::command_line::CommandLine;

fn main() -> ExitCode {
    match registry_server::run(&CommandLine::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where stderr is closed there is nobody to tell, and the exit code still says it.
            let _ = writeln!(std::io::stderr(), "registry-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}
