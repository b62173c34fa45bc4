use std::time::Duration;

use clap::Args;

use registry_core::domain::PackageName;

/// The least age of what is deleted: longer than any publish takes.
const LEAST_AGE: Duration = Duration::from_hours(1);

/// `verify`
#[derive(Debug, Args)]
pub struct VerifyRequest {
    /// Repair what can be repaired without guessing: remove tags that name no version, and delete orphaned tarballs
    #[arg(long)]
    pub repair: bool,
    /// Only this package
    #[arg(long, value_name = "NAME", value_parser = package_name)]
    pub package: Option<PackageName>,
    /// How old a tarball that no version has must be to count as an orphan, at least 1h
    #[arg(long, value_name = "AGE", default_value = "24h", value_parser = safe_age)]
    pub older_than: Duration,
}

/// `sweep`
#[derive(Debug, Args)]
pub struct SweepRequest {
    /// Delete nothing, and say what would be deleted
    #[arg(long)]
    pub dry_run: bool,
    /// How long ago something must have been stored last, or have expired, at least 1h: 90m, 24h, 7d
    #[arg(long, value_name = "AGE", default_value = "24h", value_parser = safe_age)]
    pub older_than: Duration,
}

pub(super) fn package_name(text: &str) -> Result<PackageName, String> {
    PackageName::parse(text).map_err(|problem| problem.to_string())
}

/// Parses `90m`, `24h` or `7d`.
fn safe_age(text: &str) -> Result<Duration, String> {
    let parsed = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let number: u64 = number.parse().ok()?;
        let seconds = match unit {
            "m" => number.checked_mul(60)?,
            "h" => number.checked_mul(60 * 60)?,
            "d" => number.checked_mul(24 * 60 * 60)?,
            _ => return None,
        };
        Some(Duration::from_secs(seconds))
    };
    let age = parsed().ok_or_else(|| "write an age such as 90m, 24h or 7d".to_owned())?;
    if age < LEAST_AGE {
        return Err("a publish in progress may be as young: write 1h or more".to_owned());
    }
    Ok(age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_at_least_an_hour() {
        for (text, hours) in [("60m", 1), ("24h", 24), ("7d", 168)] {
            assert_eq!(safe_age(text), Ok(Duration::from_hours(hours)), "{text}");
        }
        for wrong in ["59m", "0h", "", "h", "1w", "-1h", "99999999999999999999d"] {
            assert!(safe_age(wrong).is_err(), "{wrong}");
        }
    }
}
