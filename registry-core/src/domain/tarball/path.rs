use super::TarballError;
use crate::domain::shorten::shorten;

/// The longest path in bytes: what common systems can open.
const LONGEST: usize = 1024;

/// Where an entry of a tarball is, and where clients install it.
#[derive(Debug)]
pub(super) struct EntryPath {
    text: String,
    /// What is left of the path after its first part, without empty parts and `.`.
    installed: Vec<String>,
}

impl EntryPath {
    /// Checks the path of an entry.
    pub(super) fn parse(path: &[u8]) -> Result<Self, TarballError> {
        let text = String::from_utf8_lossy(path).into_owned();
        // On Windows a backslash is a separator, and `C:` begins an absolute path.
        let separators = ['/', '\\'];
        let has_drive =
            text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) && text[1..].starts_with(':');
        let problem = if text.is_empty() {
            "is empty"
        } else if text.len() > LONGEST {
            "is longer than 1024 bytes"
        } else if text.contains('\0') {
            "holds a NUL"
        } else if text.starts_with(separators) || has_drive {
            "is absolute"
        } else if text.split(separators).any(|part| part == "..") {
            "leads out of the package"
        } else {
            let installed = text.split(separators).skip(1).filter(|part| !matches!(*part, "" | "."));
            let installed = installed.map(str::to_owned).collect();
            return Ok(Self { text, installed });
        };
        Err(TarballError::EntryPath { path: shorten(&text).into_owned(), problem })
    }

    /// The beginning of the path, for an error.
    pub(super) fn shown(&self) -> String {
        shorten(&self.text).into_owned()
    }

    /// Whether the path ends as a folder's does.
    pub(super) fn names_a_folder(&self) -> bool {
        self.text.ends_with('/')
    }

    /// The name of the file, if it is installed at the root of the package.
    pub(super) fn root_file(&self) -> Option<&str> {
        match self.installed.as_slice() {
            [name] => Some(name),
            _ => None,
        }
    }

    /// Whether some client on some disk would install it as `package.json`.
    pub(super) fn may_become_manifest(&self) -> bool {
        // Some clients leave a path without a folder as it is.
        let name = if self.text.contains(['/', '\\']) { self.root_file() } else { Some(self.text.as_str()) };
        name.is_some_and(|name| same_file_somewhere(name) == "package.json")
    }

    /// Whether every client installs it as `package.json`.
    pub(super) fn is_manifest(&self) -> bool {
        self.root_file() == Some("package.json") && !self.text.contains('\\')
    }

    /// The path and all folders above it, as written to a disk that ignores case.
    pub(super) fn with_folders(&self) -> impl Iterator<Item = String> {
        let parts: Vec<String> = self.installed.iter().map(|part| same_file_somewhere(part)).collect();
        (1..=parts.len()).map(move |length| parts[..length].join("/"))
    }
}

/// Names that some disk takes for the same file become the same text: case does not count, and on Windows neither do
/// dots and spaces at the end. Both mappings are needed: `ſ` and the Kelvin sign are small in one and capital in the other.
fn same_file_somewhere(name: &str) -> String {
    name.trim_end_matches(['.', ' ']).to_uppercase().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> EntryPath {
        EntryPath::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn paths_that_leave_the_package_are_refused() {
        for (text, problem) in [
            ("", "is empty"),
            ("/package/a", "is absolute"),
            ("\\package\\a", "is absolute"),
            ("C:\\a", "is absolute"),
            ("c:a", "is absolute"),
            ("..", "leads out of the package"),
            ("package/../../a", "leads out of the package"),
            ("package/a/..", "leads out of the package"),
            ("package\\..\\..\\a", "leads out of the package"),
            ("package/..\\a", "leads out of the package"),
            ("package/a\0b", "holds a NUL"),
        ] {
            let error = EntryPath::parse(text.as_bytes()).unwrap_err();
            assert_eq!(error, TarballError::EntryPath { path: text.to_owned(), problem }, "{text:?}");
        }
        assert!(EntryPath::parse("a".repeat(1025).as_bytes()).is_err());
        for text in ["package/a..b/..c", "package/...", "é:/a", "package/C:", "@scope/a", " "] {
            path(text);
        }
    }

    #[test]
    fn the_first_part_is_not_installed() {
        for text in ["package/a.js", "x/a.js", "./a.js", "package//a.js", "package/./a.js", "package\\a.js"] {
            assert_eq!(path(text).root_file(), Some("a.js"), "{text}");
        }
        for text in ["a.js", "package/", "package/lib/a.js", "./package/a.js"] {
            assert_eq!(path(text).root_file(), None, "{text}");
        }
    }

    #[test]
    fn the_manifest_is_known_under_every_disguise() {
        for text in ["package/package.json", "any folder/package.json", "./package.json", "a//package.json"] {
            assert!(path(text).is_manifest() && path(text).may_become_manifest(), "{text}");
        }
        for text in [
            "package.json",
            "package/Package.JSON",
            "package\\package.json",
            "package/.\\package.json",
            "package/pac\u{212a}age.json",
            "package/package.j\u{17f}on",
            "package/package.json.",
            "package/package.json ",
        ] {
            assert!(!path(text).is_manifest() && path(text).may_become_manifest(), "{text}");
        }
        for text in [
            "package/lib/package.json",
            "package/package.json5",
            "package/xpackage.json",
            "package/",
            "package",
        ] {
            assert!(!path(text).may_become_manifest(), "{text}");
        }
    }
}
