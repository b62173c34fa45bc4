//! Names, versions, tags and keys: held against what npm itself says, and against any input.

mod keys;
mod round_trips;
mod vectors;
