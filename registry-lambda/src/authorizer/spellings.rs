//! The paths of package routes, as patterns of a policy, whose stars match slashes.

use super::names::NameSet;

/// The spellings of the `@` of a scope.
const AT: [&str; 2] = ["@", "%40"];

/// The spellings of the slash of a scope.
const SLASH: [&str; 3] = ["/", "%2f", "%2F"];

/// Escapes that no client writes but the registry decodes: of lowercase letters, of the `-` before the registry's own
/// routes, and of the `1` in them. A caller could use them to bypass a denial.
const NEEDLESS: [&str; 5] = ["%6?", "%7?", "%2d", "%2D", "%31"];

/// A path with a second leading slash, which the registry ignores.
const SECOND_SLASH: &str = "/*";

/// The position of the package name in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    before: &'static str,
    after: &'static [&'static str],
}

impl Place {
    /// `/{name}` and all paths below it.
    pub(super) const PACKUMENT: Self = Self { before: "", after: &["", "/*"] };
    /// `/-/package/{name}/…`
    pub(super) const PACKAGE: Self = Self { before: "-/package/", after: &["/*"] };
    /// `/-/user/package/{name}/star`
    pub(super) const STAR: Self = Self { before: "-/user/package/", after: &["/*"] };
    /// `/-/npm/v1/attestations/{name}@{version}`
    pub(super) const ATTESTATIONS: Self = Self { before: "-/npm/v1/attestations/", after: &["@*", "%40*"] };
    /// `/-/stage/package/{name}`
    pub(super) const STAGE: Self = Self { before: "-/stage/package/", after: &["", "/*"] };

    /// `/downloads/point/{period}/{name}` and `/downloads/range/{period}/{name}`
    pub(super) const DOWNLOADS: Self = Self { before: "downloads/?????/*/", after: &[""] };

    /// `/-/sbom/{name}/{version}`
    pub(super) const SBOM: Self = Self { before: "-/sbom/", after: &["/*"] };

    /// All places.
    pub(super) const ALL: [Self; 7] = [
        Self::PACKUMENT,
        Self::PACKAGE,
        Self::STAR,
        Self::ATTESTATIONS,
        Self::STAGE,
        Self::DOWNLOADS,
        Self::SBOM,
    ];

    /// Returns all paths with a name of the set in this place, in the spellings of clients. Other spellings are not
    /// included.
    pub(super) fn paths(self, set: &NameSet) -> Vec<String> {
        let (NameSet::One(text) | NameSet::Beginning(text)) = set;
        let spelled = spell(text).into_iter().map(|name| format!("{}{name}", self.before));
        match set {
            NameSet::Beginning(_) => spelled.map(|path| format!("{path}*")).collect(),
            NameSet::One(_) => spelled
                .flat_map(|path| self.after.iter().map(move |after| format!("{path}{after}")))
                .collect(),
        }
    }
}

fn spell(text: &str) -> Vec<String> {
    let Some(rest) = text.strip_prefix('@') else { return vec![text.to_owned()] };
    let parts = match rest.split_once('/') {
        None => vec![rest.to_owned()],
        Some((scope, name)) => SLASH.iter().map(|slash| format!("{scope}{slash}{name}")).collect(),
    };
    AT.iter().flat_map(|at| parts.iter().map(move |rest| format!("{at}{rest}"))).collect()
}

/// Returns paths in which a name of these sets may be hidden by needless escapes, or a needless slash.
pub(super) fn hidden(sets: &[NameSet]) -> Vec<String> {
    let mut escapes: Vec<String> = NEEDLESS.iter().map(|escape| (*escape).to_owned()).collect();
    for set in sets {
        let (NameSet::One(text) | NameSet::Beginning(text)) = set;
        let others = text.bytes().filter(|byte| !byte.is_ascii_lowercase() && !b"@/".contains(byte));
        escapes.extend(others.flat_map(|byte| [format!("%{byte:02x}"), format!("%{byte:02X}")]));
    }
    escapes.sort();
    escapes.dedup();
    escapes.iter().map(|escape| format!("*{escape}*")).chain([SECOND_SLASH.to_owned()]).collect()
}
