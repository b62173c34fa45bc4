use std::path::Path;

use super::TarballError;
use super::folded::{folded, folded_name, is_device};
use crate::domain::shorten::shorten;

/// The longest path in bytes that common systems can open.
const LONGEST: usize = 1024;

/// The longest segment in bytes that common disks can store.
const LONGEST_PART: usize = 255;

/// The path of a tarball entry, and where clients install it.
#[derive(Debug)]
pub(super) struct EntryPath {
    text: String,
}

impl EntryPath {
    /// Validates the path of an entry, and rejects one that some client would read differently.
    ///
    /// npm strips the first folder and then, repeatedly, every prefix of an absolute path on Windows. yarn 4 resolves
    /// `.` and drops empty segments before it strips the first folder, pnpm and yarn 1 after it. On Windows a backslash
    /// is a separator.
    pub(super) fn parse(path: &[u8]) -> Result<Self, TarballError> {
        let text = String::from_utf8_lossy(path).into_owned();
        let separators = ['/', '\\'];
        let parts = || text.strip_suffix('/').unwrap_or(&text).split('/');
        let problem = if text.is_empty() {
            "is empty"
        } else if text.len() > LONGEST {
            "is longer than 1024 bytes"
        } else if text.contains('\0') {
            "holds a NUL"
        } else if text.chars().any(char::is_control) {
            "holds a control character, which yarn replaces by another one"
        } else if std::str::from_utf8(path).is_err() {
            "is not UTF-8"
        } else if text.starts_with(separators) || begins_with_drive(&text) {
            "is absolute"
        } else if text.split(separators).any(|part| part == "..") {
            "leads out of the package"
        } else if text.contains('\\') {
            "holds a backslash, which is a separator to some clients"
        } else if parts().any(begins_with_drive) {
            "holds a drive letter, which npm drops"
        } else if parts().any(str::is_empty) {
            "has a folder without a name"
        } else if parts().any(|part| folded(part).is_empty()) {
            "has a part of only dots or spaces, or of what some systems drop"
        } else if parts().any(|part| part.len() > LONGEST_PART) {
            "has a part that is longer than 255 bytes"
        } else if parts().rev().skip(1).any(|part| part == ".npmignore") {
            "is in a folder named .npmignore, and npm installs .gitignore under that name"
        } else if parts().skip(1).any(is_device) {
            "Windows takes for a device (CON, PRN, AUX, NUL, COM1, LPT1)"
        } else {
            return Ok(Self { text });
        };
        Err(TarballError::EntryPath { path: shorten(&text).into_owned(), problem })
    }

    /// Returns the beginning of the path, for an error.
    pub(super) fn shown(&self) -> String {
        shorten(&self.text).into_owned()
    }

    /// Whether the path ends in a slash, like a folder's.
    pub(super) fn names_a_folder(&self) -> bool {
        self.text.ends_with('/')
    }

    /// Returns the folder that clients strip.
    pub(super) fn top_folder(&self) -> &str {
        self.text.split('/').next().unwrap_or_default()
    }

    /// Returns the install path below the package's folder; `None` if the entry is in no folder or is the package's
    /// folder itself.
    pub(super) fn installed(&self) -> Option<&str> {
        let (_, rest) = self.text.split_once('/')?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        (!rest.is_empty()).then_some(rest)
    }

    /// Returns the file name, if the file is installed at the root of the package.
    pub(super) fn root_file(&self) -> Option<&str> {
        self.installed().filter(|installed| !installed.contains('/'))
    }

    /// Returns the file name, if the file is installed in a folder of `node_modules`.
    pub(super) fn bundled_file(&self) -> Option<&str> {
        let (folder, name) = self.installed()?.rsplit_once('/')?;
        folder.split('/').any(|part| same_file_somewhere(part) == "node_modules").then_some(name)
    }

    /// Whether it is the `npm-shrinkwrap.json` of a package in a folder of `node_modules`, on some disk.
    pub(super) fn is_bundled_shrinkwrap(&self) -> bool {
        let Some((folder, file)) = self.installed().and_then(|installed| installed.rsplit_once('/')) else {
            return false;
        };
        if same_file_somewhere(file) != SHRINKWRAP {
            return false;
        }
        let mut above = folder.rsplit('/').skip(1).map(same_file_somewhere);
        let is_modules = |folder: Option<String>| folder.is_some_and(|folder| folder == "node_modules");
        match above.next() {
            Some(scope) if scope.starts_with('@') => is_modules(above.next()),
            folder => is_modules(folder),
        }
    }

    /// Whether the entry is the package's root `node_modules` on some disk, or below it, where bundled dependencies are.
    pub(super) fn is_bundled(&self) -> bool {
        let first = self.installed().and_then(|installed| installed.split('/').next());
        first.is_some_and(|folder| same_file_somewhere(folder) == "node_modules")
    }

    /// Whether some client on some disk would install the entry, or a folder above it, as `package.json`.
    pub(super) fn may_become_manifest(&self) -> bool {
        // Some clients leave a path without a folder unchanged.
        let installed = self.installed().unwrap_or(&self.text);
        let first = installed.split('/').next().unwrap_or_default();
        same_file_somewhere(first) == "package.json" || is_short_name_of_manifest(first)
    }

    /// Whether it is below a folder that some disk treats as `package.json`.
    pub(super) fn is_in_manifest(&self) -> bool {
        self.may_become_manifest() && self.installed().is_some_and(|installed| installed.contains('/'))
    }

    /// Whether every character takes one byte.
    pub(super) fn is_ascii(&self) -> bool {
        self.text.is_ascii()
    }

    /// Whether every client installs it as `package.json`.
    pub(super) fn is_manifest(&self) -> bool {
        self.root_file() == Some("package.json")
    }

    /// Returns the file that clients check for, if this entry is that file on some disks only.
    pub(super) fn disguised(&self) -> Option<&'static str> {
        let name = self.root_file()?;
        let decides = |file: &&str| *file != name && same_file_somewhere(name) == **file;
        DECIDING.iter().find(|file| decides(file)).copied()
    }

    /// Whether it affects what clients do at an install.
    pub(super) fn decides(&self) -> bool {
        let installed = self.root_file().map(same_file_somewhere);
        self.may_become_manifest()
            || installed.is_some_and(|name| DECIDING.contains(&name.as_str()) || is_gyp_file(&name))
    }
}

/// Files at the root of a package, besides `package.json`, that affect an install.
const DECIDING: [&str; 2] = ["binding.gyp", SHRINKWRAP];

/// The lock file that npm reads of an installed package.
pub(super) const SHRINKWRAP: &str = "npm-shrinkwrap.json";

/// Whether npm builds native code because of a file with this name at the root of a package.
pub(super) fn is_gyp_file(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "gyp") && !name.starts_with('.')
}

/// Whether the text is relative to the current folder of a drive on Windows.
fn begins_with_drive(part: &str) -> bool {
    matches!(part.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

/// Whether NTFS may use the name as a short name of `package.json`, such as `PACKAG~1.JSO`.
fn is_short_name_of_manifest(name: &str) -> bool {
    let name = same_file_somewhere(name);
    name.strip_suffix(".jso").and_then(|name| name.rsplit_once('~')).is_some_and(|(start, number)| {
        start.starts_with("pa") && !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
    })
}

/// Like [`folded_name`], without the part after a colon, which names a stream of the file on Windows.
pub(super) fn same_file_somewhere(name: &str) -> String {
    folded_name(name.split(':').next().unwrap_or_default())
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
        for text in [
            "package/a..b/..c",
            "package/[...all].js",
            "é:/a",
            "@scope/a",
            "package/ab:c",
            "package/12:00",
            "aux/a.js",
            "package/null.js",
        ] {
            path(text);
        }
    }

    #[test]
    fn paths_that_clients_resolve_differently_are_refused() {
        for (text, reason) in [
            ("package/C:/package.json", "drive"),
            ("package/c:package.json", "drive"),
            ("package/C:\\package.json", "backslash"),
            ("package/C:", "drive"),
            ("package/lib/C:/a.js", "drive"),
            ("x/y:/package.json", "drive"),
            ("package///?/C:/package.json", "drive"),
            ("package///?/a", "without a name"),
            ("package//a.js", "without a name"),
            ("package/\\\\srv\\share\\package.json", "backslash"),
            ("package\\a.js", "backslash"),
            ("./package.json", "dots"),
            ("package/./a.js", "dots"),
            ("package/...", "dots"),
            ("package/.. /a.js", "dots"),
            ("package/.npmignore/a", ".npmignore"),
            ("package/lib/aux.js", "device"),
            ("package/NUL/a.js", "device"),
            ("package/con/", "device"),
        ] {
            let error = EntryPath::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(EntryPath::parse(b"package/\xff").unwrap_err().to_string().contains("UTF-8"));
    }

    #[test]
    fn the_first_part_is_not_installed() {
        for text in ["package/a.js", "x/a.js"] {
            assert_eq!(path(text).root_file(), Some("a.js"), "{text}");
        }
        for text in ["a.js", "package/", "package/lib/a.js"] {
            assert_eq!(path(text).root_file(), None, "{text}");
        }
    }

    #[test]
    fn the_manifest_is_known_under_every_disguise() {
        for text in ["package/package.json", "any folder/package.json"] {
            assert!(path(text).is_manifest() && path(text).may_become_manifest(), "{text}");
        }
        for text in [
            "package.json",
            "package/Package.JSON",
            "package/pac\u{212a}age.json",
            "package/package.j\u{17f}on",
            "package/package.json.",
            "package/package.json ",
            "package/package.json::$DATA",
            "package/pack\u{200d}age.json",
            "package/PACKAG~1.JSO",
            "package/PACKAGE.json/a",
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
