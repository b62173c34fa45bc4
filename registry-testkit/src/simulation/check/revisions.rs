use registry_core::domain::packument::Revision;

use super::super::history::Happening;
use super::super::outcome::{Outcome, PackageState, Seen};
use super::{Promise, Violation, broken};

struct Sighted<'a> {
    by: &'a Happening,
    revision: &'a Revision,
    state: Option<&'a PackageState>,
}

/// Compares the revisions that were read and acknowledged with one another.
pub(super) fn check(happenings: &[&Happening]) -> Vec<Violation> {
    let sighted: Vec<_> = happenings.iter().filter_map(|by| sighted(by)).collect();
    let mut violations = Vec::new();
    for (place, one) in sighted.iter().enumerate() {
        for other in &sighted[place + 1..] {
            let (first, second) = if one.by.ended <= other.by.ended { (one, other) } else { (other, one) };
            let both = || format!("first: {}\nthen:  {}", first.by, second.by);
            if first.revision.number() == second.revision.number() {
                if first.revision != second.revision {
                    let evidence = format!("two changes have the same number\n{}", both());
                    violations.push(broken(Promise::RevisionsGrow, evidence));
                } else if let (Some(a), Some(b)) = (first.state, second.state)
                    && a != b
                {
                    let evidence = format!("one revision has two contents\n{}", both());
                    violations.push(broken(Promise::RevisionsGrow, evidence));
                }
            } else if first.by.ended < second.by.started && first.revision.number() > second.revision.number()
            {
                let promise = match first.state {
                    Some(_) => Promise::ReadsAreMonotone,
                    None => Promise::AcknowledgedIsVisible,
                };
                violations.push(broken(promise, format!("the revision went back\n{}", both())));
            }
        }
    }
    violations
}

fn sighted(by: &Happening) -> Option<Sighted<'_>> {
    match &by.outcome {
        Outcome::Changed(Some(revision)) => Some(Sighted { by, revision, state: None }),
        Outcome::Saw(Seen::Package(Some(state))) => {
            state.revision.as_ref().map(|revision| Sighted { by, revision, state: Some(state) })
        }
        _ => None,
    }
}
