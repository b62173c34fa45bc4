use std::io::{self, Read};

/// The most bytes of a readme that are stored.
const LONGEST: usize = 64 << 10;

/// The readme of a package, which npm chooses among the files at its root.
#[derive(Debug, Default)]
pub(super) struct Readme(Option<(String, String)>);

impl Readme {
    /// Takes a file if it ranks above the current readme.
    pub(super) fn offer(&mut self, name: &str, content: &mut impl Read) -> io::Result<()> {
        let so_far = self.0.as_ref().and_then(|(name, _)| rank(name));
        if rank(name).is_some_and(|rank| so_far.is_none_or(|so_far| rank < so_far)) {
            let mut bytes = Vec::new();
            // A few bytes more, so that the cut never shows as a broken character.
            content.take(LONGEST as u64 + 4).read_to_end(&mut bytes)?;
            let mut text = String::from_utf8_lossy(&bytes).into_owned();
            text.truncate(text.floor_char_boundary(LONGEST));
            self.0 = Some((name.to_owned(), text));
        }
        Ok(())
    }

    /// Returns the name of the file and its text.
    pub(super) fn into_text(self) -> Option<(String, String)> {
        self.0
    }
}

/// The rank of a file as the readme; the lowest is the best.
fn rank(name: &str) -> Option<usize> {
    let name = name.to_lowercase();
    ["readme.md", "readme.markdown", "readme.mdown", "readme.mkdn", "readme.mkd", "readme"]
        .iter()
        .position(|candidate| *candidate == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readme_of(files: &[(&str, &[u8])]) -> Option<(String, String)> {
        let mut readme = Readme::default();
        for (name, content) in files {
            readme.offer(name, &mut &**content).unwrap();
        }
        readme.into_text()
    }

    #[test]
    fn markdown_is_preferred() {
        let expected = Some(("Readme.MD".to_owned(), "# a".to_owned()));
        assert_eq!(
            readme_of(&[("README", b"b"), ("Readme.MD", b"# a"), ("readme.markdown", b"c")]),
            expected
        );
        assert_eq!(readme_of(&[("README", b"b")]).unwrap().1, "b");
        assert_eq!(readme_of(&[("README.txt", b"b"), ("readme.md.bak", b"b"), ("xreadme.md", b"b")]), None);
    }

    #[test]
    fn a_long_one_is_cut_between_characters() {
        let (_, text) = readme_of(&[("README.md", "éa".repeat(100_000).as_bytes())]).unwrap();
        assert_eq!(text.len(), LONGEST - 1);
        assert!(text.ends_with('a') && !text.contains('\u{fffd}'));
        let (_, text) = readme_of(&[("README.md", &b"\xff".repeat(LONGEST))]).unwrap();
        assert!(text.len() <= LONGEST && text.chars().all(|character| character == '\u{fffd}'));
    }
}
