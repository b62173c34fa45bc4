/// A store of the `object_store` crate.
#[derive(Debug)]
pub struct ObjectStoreBlobs;
