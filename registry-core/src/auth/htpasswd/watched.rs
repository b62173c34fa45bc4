use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::users::{BadLine, Users};
use crate::clock::Clock;
use crate::file_stamp::{FileStamp, read_stamped};

/// Why the file cannot be used. Contains no passwords.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HtpasswdError {
    /// The file cannot be read.
    #[error("cannot read the htpasswd file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// A line in the file is invalid.
    #[error("the htpasswd file {} cannot be used: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line and what is wrong with it.
        problem: String,
    },
}

/// A file that is read again when it changes.
pub(super) struct Watched {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    users: Arc<Users>,
    /// The file when it was last read, usable or not.
    seen: Option<Seen>,
}

/// The metadata that reveals a change of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    stamp: FileStamp,
    /// Whether a further change would be visible in the stamp.
    settled: bool,
}

impl Watched {
    /// Reads the file for the first time, and returns what watches it from then on.
    pub(super) fn prepare(
        path: &Path,
    ) -> Result<impl FnOnce(Arc<dyn Clock>) -> Self + Send + Sync + use<>, HtpasswdError> {
        let (users, stamp) = read(path)?;
        let path = path.to_owned();
        // There is no clock yet to tell whether the file had settled, so the first use reads it again.
        let seen = Some(Seen { stamp, settled: false });
        let state = Mutex::new(State { users: Arc::new(users), seen });
        Ok(|clock| Self { path, clock, state })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the current users. An unusable file is logged once, and the last users remain. Blocks while it reads.
    pub(super) fn users(&self) -> Arc<Users> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = FileStamp::of_path(&self.path).ok();
        if state.seen.is_some_and(|seen| seen.settled && Some(seen.stamp) == now) {
            return Arc::clone(&state.users);
        }
        let known = state.seen.map(|seen| seen.stamp);
        let before = SystemTime::from(self.clock.now());
        match read(&self.path) {
            Ok((users, stamp)) => {
                if known != Some(stamp) {
                    tracing::info!(file = %self.path.display(), users = users.len(), "read the htpasswd file again");
                }
                let seen = Some(Seen { stamp, settled: stamp.is_settled(before) });
                *state = State { users: Arc::new(users), seen };
            }
            Err(error) => {
                if known != now {
                    let cause = std::error::Error::source(&error).map(tracing::field::display);
                    tracing::error!(cause, "{error}; the users of the last valid file stay in use");
                }
                state.seen = now.map(|stamp| Seen { stamp, settled: stamp.is_settled(before) });
            }
        }
        Arc::clone(&state.users)
    }
}

fn read(path: &Path) -> Result<(Users, FileStamp), HtpasswdError> {
    let unreadable = |source| HtpasswdError::Read { path: path.to_owned(), source };
    let (text, stamp) = read_stamped(path).map_err(unreadable)?;
    let bad = |error: BadLine| HtpasswdError::Line { path: path.to_owned(), problem: error.to_string() };
    Ok((Users::parse(&text).map_err(bad)?, stamp))
}
