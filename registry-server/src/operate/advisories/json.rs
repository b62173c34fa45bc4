use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::rc::Rc;

use anyhow::Context as _;
use registry_core::advisories::AdvisoryDump;
use serde::de::{Deserializer as _, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::LARGEST;

/// Reads a file with an advisory, a list of advisories, or one after the other, without keeping more than one in memory.
pub(super) fn read(file: &File, dump: &mut AdvisoryDump) -> anyhow::Result<()> {
    let room = Rc::new(Cell::new(LARGEST));
    let mut reader = BufReader::new(Bounded { file, room: Rc::clone(&room) });
    let is_list = loop {
        let Some(first) = reader.fill_buf()?.first().copied() else { anyhow::bail!("it is empty") };
        if !first.is_ascii_whitespace() {
            break first == b'[';
        }
        reader.consume(1);
    };
    if is_list {
        let mut deserializer = serde_json::Deserializer::from_reader(reader);
        deserializer
            .deserialize_seq(List { dump, room: &room })
            .context("it is no list of advisories in JSON")?;
        return deserializer.end().context("something follows the list of advisories");
    }
    for advisory in serde_json::Deserializer::from_reader(reader).into_iter::<Box<RawValue>>() {
        let advisory = advisory.context("it is not JSON")?;
        dump.add(advisory.get().as_bytes())?;
        room.set(LARGEST);
    }
    Ok(())
}

/// A file of which no single advisory may be larger than the limit.
struct Bounded<'a> {
    file: &'a File,
    room: Rc<Cell<u64>>,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        let room = self.room.get().checked_sub(read as u64);
        let room = room
            .ok_or_else(|| io::Error::other(format!("an advisory is larger than {} MiB", LARGEST >> 20)))?;
        self.room.set(room);
        Ok(read)
    }
}

struct List<'a> {
    dump: &'a mut AdvisoryDump,
    room: &'a Cell<u64>,
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of advisories")
    }

    fn visit_seq<List: SeqAccess<'de>>(self, mut list: List) -> Result<(), List::Error> {
        while let Some(advisory) = list.next_element::<Box<RawValue>>()? {
            self.dump.add(advisory.get().as_bytes()).map_err(List::Error::custom)?;
            self.room.set(LARGEST);
        }
        Ok(())
    }
}
