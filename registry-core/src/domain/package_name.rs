use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::tarball::is_device;

/// The longest name in bytes: npm's limit for new packages.
const LONGEST: usize = 214;
/// The registry's own routes begin with `-`, browsers and crawlers request the two files, and npm installs into the
/// folder.
const RESERVED: [&str; 4] = ["-", "favicon.ico", "node_modules", "robots.txt"];
/// Modules that Node.js itself has, of which npm makes no new packages (`validate-npm-package-name`). `require` finds the
/// module and never the package.
const CORE_MODULES: [&str; 42] = [
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "domain",
    "events",
    "fs",
    "http",
    "http2",
    "https",
    "inspector",
    "module",
    "net",
    "os",
    "path",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "repl",
    "stream",
    "string_decoder",
    "sys",
    "timers",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
];

/// The name of a package: `left-pad`, `@scope/name`.
///
/// Follows npm's rules for packages that may already exist (`validate-npm-package-name`, `validForOldPackages`), so
/// `JSONStream` is a name. Three differences: the limit of 214 bytes applies to every name, a leading hyphen is allowed
/// except for the name `-` alone, with which the registry's own routes begin, and `robots.txt`, which every crawler
/// requests, is reserved. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PackageName(Arc<str>);

/// Why a text is not the name of a package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackageNameError {
    /// The text is empty, or has nothing after the scope.
    #[error("a package name cannot be empty")]
    Empty,
    /// Longer than 214 bytes.
    #[error("a package name cannot be longer than {LONGEST} characters")]
    TooLong,
    /// Begins with `.` or `_`.
    #[error("a package name cannot start with a period or an underscore")]
    Start,
    /// Contains a character that URLs must escape.
    #[error("a package name can only contain URL-friendly characters")]
    Character,
    /// Tools or this registry use the name for another purpose.
    #[error("this package name is reserved")]
    Reserved,
}

/// Why a name that existing packages may have is not valid for a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NewNameError {
    /// npm permits these characters only for existing packages. Access rules read `*` as a pattern.
    #[error("holds one of the characters ~'!()*, which npm rejects in new names")]
    Character,
    /// `require` finds the module in place of the package.
    #[error("is the name of a module of Node.js, which npm rejects in new names")]
    CoreModule,
    /// Commands would read such a name as an option.
    #[error("begins with a hyphen, which npm rejects in new names")]
    Hyphen,
    /// On Windows, `plainpear.` is the same folder as `plainpear`.
    #[error("ends in a dot, or its scope does, and Windows leaves such a dot out")]
    Dot,
    /// Windows has no folder `node_modules/aux`.
    #[error("is the name of a device on Windows, or its scope is, and no folder can have it there")]
    Device,
}

impl PackageName {
    /// Checks that a new package may have this name: whether npm permits it for new packages, ignoring case, and
    /// whether each disk can have a distinct folder for it.
    ///
    /// ```
    /// use registry_core::domain::{NewNameError, PackageName};
    /// assert_eq!(PackageName::parse("pear")?.check_new(), Ok(()));
    /// assert_eq!(PackageName::parse("pe*ar")?.check_new(), Err(NewNameError::Character));
    /// assert_eq!(PackageName::parse("nul.js")?.check_new(), Err(NewNameError::Device));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check_new(&self) -> Result<(), NewNameError> {
        if self.0.contains(['~', '\'', '!', '(', ')', '*']) {
            return Err(NewNameError::Character);
        }
        if self.0.starts_with('-') {
            return Err(NewNameError::Hyphen);
        }
        if CORE_MODULES.iter().any(|module| self.0.eq_ignore_ascii_case(module)) {
            return Err(NewNameError::CoreModule);
        }
        let mut parts = self.scope().into_iter().chain([self.base()]);
        if parts.clone().any(|part| part.ends_with('.')) {
            return Err(NewNameError::Dot);
        }
        if parts.any(is_device) {
            return Err(NewNameError::Device);
        }
        Ok(())
    }

    /// Validates a name.
    pub fn parse(name: &str) -> Result<Self, PackageNameError> {
        if name.is_empty() {
            return Err(PackageNameError::Empty);
        }
        if name.len() > LONGEST {
            return Err(PackageNameError::TooLong);
        }
        if name.starts_with(['.', '_']) {
            return Err(PackageNameError::Start);
        }
        let base = match name.strip_prefix('@') {
            None => name,
            Some(scoped) => {
                let (scope, base) = scoped.split_once('/').ok_or(PackageNameError::Character)?;
                if scope.is_empty() || base.is_empty() {
                    return Err(PackageNameError::Empty);
                }
                if base.starts_with('.') {
                    return Err(PackageNameError::Start);
                }
                if !is_url_friendly(scope) {
                    return Err(PackageNameError::Character);
                }
                base
            }
        };
        if !is_url_friendly(base) {
            return Err(PackageNameError::Character);
        }
        if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
            return Err(PackageNameError::Reserved);
        }
        Ok(Self(name.into()))
    }

    /// Returns the whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name in lowercase. Packages whose folded names are equal are easily confused.
    #[must_use]
    pub(crate) fn folded(&self) -> Self {
        if self.0.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Self(self.0.to_ascii_lowercase().into())
        } else {
            self.clone()
        }
    }

    /// Returns the scope without its `@`, if there is one.
    pub fn scope(&self) -> Option<&str> {
        Some(self.0.strip_prefix('@')?.split_once('/')?.0)
    }

    /// Returns the name without its scope, with which file names of tarballs begin.
    pub fn base(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

/// Whether `encodeURIComponent` would leave the text unchanged.
pub(super) fn is_url_friendly(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte))
}

impl FromStr for PackageName {
    type Err = PackageNameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::parse(name)
    }
}

impl TryFrom<String> for PackageName {
    type Error = PackageNameError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::parse(&name)
    }
}

impl From<PackageName> for String {
    fn from(name: PackageName) -> Self {
        name.0.as_ref().into()
    }
}

impl AsRef<str> for PackageName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for PackageName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PackageName({})", self.0)
    }
}
