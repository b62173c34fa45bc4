/// Whether an operation changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkMode {
    /// It only reports what it would do.
    DryRun,
    /// It does it.
    Apply,
}
