//! Makes tarballs that clients may read differently, lets the registry judge them, and unpacks those it takes with the code of npm,
//! pnpm, yarn 1 and yarn 4, until they disagree.
//!
//! ```sh
//! cargo run --release -p registry-testkit --example unpack -- --minutes 30 --first-seed 100000
//! ```

#![expect(clippy::print_stdout, reason = "it is for people to read")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use registry_testkit::unpackers::{Unpackers, adversarial_tarball, judge};

/// How many tarballs are judged before the next ones are made.
const AT_ONCE: u64 = 200;

/// Looks for a tarball that two clients unpack differently. Ends with 1 if there is one.
#[derive(Debug, Parser)]
struct Arguments {
    /// How long to look.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first_seed: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut unpackers = Unpackers::start().await;
    let (begun, most) = (Instant::now(), Duration::from_secs(arguments.minutes * 60));
    let (mut seed, mut taken, mut findings) = (arguments.first_seed, 0, 0);
    while begun.elapsed() < most && findings < 5 {
        let tarballs: Vec<_> = (seed..seed + AT_ONCE).map(adversarial_tarball).collect();
        match judge(&mut unpackers, &tarballs) {
            Ok(is_taken) => taken += is_taken.into_iter().filter(|is_taken| *is_taken).count(),
            Err((number, difference)) => {
                findings += 1;
                println!("seed {}: {difference}", seed + number as u64);
            }
        }
        seed += AT_ONCE;
        if (seed - arguments.first_seed).is_multiple_of(10 * AT_ONCE) {
            let seconds = begun.elapsed().as_secs();
            println!("{seconds} s: {} tarballs, {taken} taken", seed - arguments.first_seed);
        }
    }
    let minutes = begun.elapsed().as_secs() / 60;
    println!(
        "{} tarballs in {minutes} minutes, {taken} taken, {findings} findings",
        seed - arguments.first_seed
    );
    ExitCode::from(u8::from(findings > 0))
}
