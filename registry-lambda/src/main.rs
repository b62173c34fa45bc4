//! The registry on AWS Lambda, which this release does not have: it says so and ends.

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Where stderr is closed there is nobody to tell, and the exit code still says it.
    let _ = writeln!(
        std::io::stderr(),
        "registry-lambda: the AWS Lambda frontend is not part of this release; run registry-server instead, it \
         serves the same registry over plain HTTP."
    );
    ExitCode::FAILURE
}
