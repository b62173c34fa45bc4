//! Suggests what a misspelled name was meant to be.

/// Names that differ by fewer edits than this are taken for slips of the same name.
const SLIP: usize = 3;

/// Returns the known name that `name` is most likely a slip of, or `None` where none is near.
///
/// Short names need a closer match: half of the letters of a name must be right.
pub(crate) fn nearest<'known>(
    name: &str,
    known: impl IntoIterator<Item = &'known str>,
) -> Option<&'known str> {
    let distance = |known: &'known str| (strsim::damerau_levenshtein(name, known), known);
    let (distance, known) = known.into_iter().map(distance).min()?;
    (distance < SLIP && distance * 2 <= known.chars().count()).then_some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_their_name_and_other_words_find_none() {
        let known = ["npm", "internal", "mirror"];
        for (name, found) in [
            ("intrenal", Some("internal")),
            ("nmp", Some("npm")),
            ("miror", Some("mirror")),
            ("xyz", None),
            ("n", None),
            ("external-mirror", None),
        ] {
            assert_eq!(nearest(name, known), found, "{name}");
        }
        assert_eq!(nearest("npm", []), None);
    }
}
