/// A folder.
#[derive(Debug)]
pub struct LocalDisk;
