/// The two forms of a packument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PackumentForm {
    /// All fields of the package.
    Full,
    /// The fields for an install: `application/vnd.npm.install-v1+json`.
    Abbreviated,
}
