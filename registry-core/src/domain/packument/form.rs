/// Which of its two forms a packument has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PackumentForm {
    /// Everything that is known of the package.
    Full,
    /// What an install needs: `application/vnd.npm.install-v1+json`.
    Abbreviated,
}
