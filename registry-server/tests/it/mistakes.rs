//! Settings that are wrong, misspelled, or protect less than they seem to.

use crate::configuration::{file, stderr_of_failed_check};
use crate::running::{Running, registry_server, run, stderr_of_failure};

#[test]
fn misspelled_entries_and_origins_are_told_the_nearest() {
    for (list, told) in [
        ("read = [\"@authenticatd\"]", "write `@authenticated`"),
        ("read = [\"$authenticatd\"]", "write `@authenticated`"),
        ("origin = [\"hosted\", \"intrenal\"]", "did you mean \"internal\"?"),
        ("origin = [\"hostd\"]", "did you mean \"hosted\"?"),
        ("origin = [\"hosted\", \"elsewhere\"]", "write origin = [\"hosted\"]"),
    ] {
        let upstream = "[upstreams.internal]\nurl = \"https://registry.example\"";
        let config = file(&format!("{upstream}\n[[packages]]\nmatch = \"**\"\n{list}"));
        let stderr = stderr_of_failed_check(config.path().to_str().unwrap());
        assert!(stderr.contains(told), "no {told} in {stderr}");
    }
}
