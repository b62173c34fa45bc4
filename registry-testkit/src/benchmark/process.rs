use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::param::clock_ticks_per_second;
use rustix::process::{Pid, Signal, kill_process};

/// Longer than any of the servers takes to start or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often is looked whether something is so.
const PAUSE: Duration = Duration::from_millis(20);

/// A server that is not ours. It is asked to end when it is dropped, and killed if it does not.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts `command`, whose output goes to the file `log`, and waits until it listens on `port` of this machine.
    ///
    /// An error where it ends before that, or takes longer than half a minute: with the end of what it printed.
    pub fn start(command: &mut Command, port: u16, log: &Path) -> anyhow::Result<Self> {
        let output = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child =
            command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let mut process = Self { child };
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = process.child.try_wait()?;
            if ended.is_some() || started.elapsed() > PATIENCE {
                let printed = fs::read_to_string(log).unwrap_or_default();
                bail!("{} does not listen ({ended:?}):\n{printed}", command.get_program().display());
            }
            std::thread::sleep(PAUSE);
        }
        Ok(process)
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    /// Asks first, because some have workers, which a kill would leave behind.
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let asked = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if asked.elapsed() > PATIENCE {
                let _ = self.child.kill();
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// A port of this machine that no process listens on.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// The memory that a process and its children have in use, in MiB, as Linux counts it.
pub fn resident_megabytes(process: u32) -> anyhow::Result<f64> {
    let own = resident_of(process).with_context(|| format!("process {process} has ended"))?;
    // A child may end between being listed and being looked at, and has no memory then.
    Ok(own + children_of(process).into_iter().filter_map(resident_of).sum::<f64>())
}

/// The processor time that a process and its children have used up to now, in seconds.
pub fn processor_seconds(process: u32) -> anyhow::Result<f64> {
    let own = ticks_used_by(process).with_context(|| format!("process {process} has ended"))?;
    let ticks = own + children_of(process).into_iter().filter_map(ticks_used_by).sum::<u64>();
    #[expect(clippy::cast_precision_loss, reason = "nothing runs for that long")]
    Ok(ticks as f64 / clock_ticks_per_second() as f64)
}

fn resident_of(process: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? / 1024.0)
}

fn ticks_used_by(process: u32) -> Option<u64> {
    ticks_of(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// Waits until a process does nothing any more, so that what it still owes to one measurement is not in the next.
/// It waits half a minute at most.
pub fn settle(process: u32) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut before = processor_seconds(process)?;
    while began.elapsed() < PATIENCE {
        std::thread::sleep(PAUSE * 3);
        let now = processor_seconds(process)?;
        // One tick in between is what an idle process may need.
        if now - before < 0.015 {
            break;
        }
        before = now;
    }
    Ok(())
}

/// The children of a process, none of which has any of its own.
fn children_of(process: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task"));
    let children = tasks.into_iter().flatten().flatten().flat_map(|task| {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        children.split_whitespace().filter_map(|child| child.parse().ok()).collect::<Vec<u32>>()
    });
    children.collect()
}

/// `utime` and `stime`. The name before them may contain anything, so they are counted from its closing bracket.
fn ticks_of(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 12 30 0 0 20 0 1 0 5 6 7";
        assert_eq!(ticks_of(stat), Some(42));
        assert_eq!(ticks_of("7 (a"), None);
    }

    #[test]
    fn this_process_has_memory_and_time() {
        assert!(resident_megabytes(std::process::id()).unwrap() > 0.1);
        assert!(processor_seconds(std::process::id()).unwrap() >= 0.0);
    }

    #[test]
    fn children_count() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let found = children_of(std::process::id()).contains(&child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found);
        assert_eq!(resident_of(child.id()), None, "one that has ended has no memory");
        assert!(resident_megabytes(child.id()).unwrap_err().to_string().ends_with("has ended"));
    }

    #[test]
    fn a_server_that_ends_at_once_shows_what_it_printed() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo the folder is locked; exit 1"]);
        let port = free_port().unwrap();
        let error = Process::start(&mut command, port, &folder.path().join("log")).unwrap_err();
        assert!(error.to_string().contains("the folder is locked"), "{error}");
    }
}
