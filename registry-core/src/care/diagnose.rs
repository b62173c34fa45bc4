use chrono::TimeDelta;
use futures::TryStreamExt as _;

use crate::Error;
use crate::care::Care;
use crate::randomness::random_bytes;
use crate::storage::{Key, When};

impl Care {
    /// Writes a scratch blob, and compares the time that the store gave it with the clock.
    pub(crate) async fn clock_lead(&self) -> Result<TimeDelta, Error> {
        let (store, clock) = (&self.parts.store, &self.parts.clock);
        let id = const_hex::encode(random_bytes::<16>(&*self.parts.randomness));
        let path = Key::Probe(&id).path()?;
        let began = clock.now();
        let _ = store.put(&path, id.clone().into(), When::Always).await?;
        let ended = clock.now();
        let mut listed = store.list(&Key::probes()?);
        let mut written = None;
        while let Some(blob) = listed.try_next().await? {
            if blob.path == path {
                written = Some(blob.last_modified);
            }
        }
        drop(listed);
        store.delete(&path).await?;
        let written =
            written.ok_or_else(|| Error::internal("the store does not list what was just written"))?;
        // Stores may keep whole seconds, so the write may seem to be a little older than it is.
        Ok(if written > ended { ended - written } else { (began - written).max(TimeDelta::zero()) })
    }
}
