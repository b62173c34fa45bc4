use chrono::{DateTime, Utc};

use super::{Event, EventKind};

impl Event {
    /// An event of which nothing more is known.
    pub fn new(time: DateTime<Utc>, kind: EventKind) -> Self {
        Self {
            id: None,
            time,
            principal: None,
            trust: None,
            token: None,
            address: None,
            client: None,
            request: None,
            via: None,
            package: None,
            kind,
            access: None,
            count: None,
        }
    }
}
