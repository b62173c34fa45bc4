//! What clients install of a tarball, by their own code: that of npm, pnpm and yarn 1 in one process of Node.js, and yarn 4 with a
//! plugin in another. A tarball that the registry takes must be the same package to all of them.
//!
//! ```no_run
//! use registry_testkit::unpackers::{Unpackers, adversarial_tarball, judge};
//! # async fn example() {
//! let mut unpackers = Unpackers::start().await;
//! let tarballs: Vec<_> = (0..20).map(adversarial_tarball).collect();
//! assert!(judge(&mut unpackers, &tarballs).is_ok());
//! # }
//! ```

mod adversarial;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

use registry_core::domain::tarball::inspect;
use registry_core::limits::Limits;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

pub use adversarial::adversarial_tarball;

use crate::clients::{NODE, NPM, PNPM_11, Toolbox, YARN_1, YARN_4};

/// What each client installs, or why it refuses the tarball.
pub type Installed = BTreeMap<String, Result<Tree, String>>;

/// Files by their paths, as the beginning of their SHA-256.
pub type Tree = BTreeMap<String, String>;

/// The unpackers, ready for one tarball after the other.
#[derive(Debug)]
pub struct Unpackers {
    processes: Vec<Unpacker>,
    _scratch: TempDir,
}

#[derive(Debug)]
struct Unpacker {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Unpackers {
    /// Starts them, and installs the clients where they are missing.
    ///
    /// # Panics
    ///
    /// Where Node.js or npm is missing, or a client cannot be installed or started: with what to do about it.
    pub async fn start() -> Self {
        let toolbox = Toolbox::shared();
        let node = toolbox.entry_of(&NODE).await;
        let mut folders = Vec::new();
        for client in [&NPM, &PNPM_11, &YARN_1] {
            toolbox.entry_of(client).await;
            folders.push(toolbox.folder_of(client).join("node_modules").join(client.package));
        }
        let yarn_4 = toolbox.entry_of(&YARN_4).await;
        let started = Self::start_with(&node, &folders, &yarn_4);
        started.unwrap_or_else(|error| panic!("cannot start the unpackers: {error}"))
    }

    fn start_with(node: &Path, folders: &[PathBuf], yarn_4: &Path) -> io::Result<Self> {
        // In memory where there is such a folder: each tarball makes some files.
        let memory = Path::new("/dev/shm");
        let scratch = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }?;
        let script = scratch.path().join("unpack.mjs");
        fs::write(&script, include_str!("unpack.mjs"))?;
        let project = scratch.path().join("yarn-4");
        fs::create_dir(&project)?;
        fs::write(project.join("package.json"), "{}")?;
        fs::write(project.join("unpack.cjs"), include_str!("unpack-yarn-4.cjs"))?;
        fs::write(project.join(".yarnrc.yml"), "plugins:\n  - ./unpack.cjs\n")?;
        let mut of_three = Command::new(node);
        of_three.arg(script).args(folders).arg(scratch.path()).current_dir(scratch.path());
        let mut of_yarn_4 = Command::new(node);
        of_yarn_4.arg(yarn_4).arg("unpack").current_dir(&project);
        of_yarn_4.envs([("YARN_IGNORE_PATH", "1"), ("YARN_ENABLE_TELEMETRY", "0")]);
        let start = |command: &mut Command| -> io::Result<Unpacker> {
            let command = command.env("HOME", scratch.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut process = command.spawn()?;
            let pipes = (process.stdin.take(), process.stdout.take());
            let (Some(input), Some(output)) = pipes else {
                return Err(io::Error::from(io::ErrorKind::BrokenPipe));
            };
            Ok(Unpacker { process, input, output: BufReader::new(output) })
        };
        Ok(Self { processes: vec![start(&mut of_three)?, start(&mut of_yarn_4)?], _scratch: scratch })
    }

    /// Lets each client unpack each tarball.
    ///
    /// # Panics
    ///
    /// If one of the processes ended.
    pub fn unpack(&mut self, tarballs: &[Vec<u8>]) -> Vec<Installed> {
        let mut installed = vec![Installed::new(); tarballs.len()];
        let answered = thread::scope(|scope| {
            let answers: Vec<_> = self
                .processes
                .iter_mut()
                .map(|unpacker| scope.spawn(move || unpacker.ask(tarballs)))
                .collect();
            answers.into_iter().map(thread::ScopedJoinHandle::join).collect::<Vec<_>>()
        });
        for answers in answered {
            let answers = answers.unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()));
            let answers = answers.unwrap_or_else(|error| panic!("an unpacker ended: {error}"));
            for (installed, answer) in installed.iter_mut().zip(answers) {
                installed.extend(answer);
            }
        }
        installed
    }
}

impl Unpacker {
    fn ask(&mut self, tarballs: &[Vec<u8>]) -> io::Result<Vec<Installed>> {
        let (input, output) = (&mut self.input, &mut self.output);
        thread::scope(|scope| {
            // Beside reading: a pipe holds less than all of them, and less than all answers.
            let written = scope.spawn(move || -> io::Result<()> {
                for tarball in tarballs {
                    let length = u32::try_from(tarball.len()).map_err(io::Error::other)?.to_be_bytes();
                    input.write_all(&length)?;
                    input.write_all(tarball)?;
                }
                input.flush()
            });
            let mut installed = Vec::new();
            for _ in tarballs {
                let mut line = String::new();
                output.read_line(&mut line)?;
                let answer: BTreeMap<String, BTreeMap<String, Value>> = serde_json::from_str(&line)?;
                installed.push(answer.into_iter().map(|(client, files)| (client, tree(&files))).collect());
            }
            written.join().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))?;
            Ok(installed)
        })
    }
}

impl Drop for Unpackers {
    fn drop(&mut self) {
        for unpacker in &mut self.processes {
            // It may have ended by itself, and then there is nothing to end.
            let _ = unpacker.process.kill();
            let _ = unpacker.process.wait();
        }
    }
}

fn tree(files: &BTreeMap<String, Value>) -> Result<Tree, String> {
    if let Some(error) = files.get("error").and_then(Value::as_str).filter(|_| files.len() == 1) {
        return Err(error.to_owned());
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    // npm installs the one as the other, which no other client does.
    let is_ignore_file = |path: &str| path.ends_with(".gitignore") || path.ends_with(".npmignore");
    Ok(files
        .iter()
        .filter(|(path, _)| !is_ignore_file(path))
        .map(|(path, digest)| (path.clone(), text(digest)))
        .collect())
}

/// Which of some tarballs the registry takes. All clients that take one of them too must install the same files, and the
/// `package.json` that the registry read. It must be written without spaces, since the registry does not tell its bytes.
///
/// # Errors
///
/// The number of the first tarball of which that is not so, and what clients install of it.
pub fn judge(unpackers: &mut Unpackers, tarballs: &[Vec<u8>]) -> Result<Vec<bool>, (usize, String)> {
    let mut limits = Limits::default();
    limits.unpacked_bytes = 4 << 20;
    let contents: Vec<_> = tarballs.iter().map(|tarball| inspect(tarball, &limits).ok()).collect();
    let is_taken: Vec<bool> = contents.iter().map(Option::is_some).collect();
    let numbers: Vec<usize> = (0..tarballs.len()).filter(|number| is_taken[*number]).collect();
    let taken: Vec<Vec<u8>> = numbers.iter().map(|number| tarballs[*number].clone()).collect();
    for (number, installed) in numbers.into_iter().zip(unpackers.unpack(&taken)) {
        let manifest = contents[number].as_ref().map(|contents| &contents.manifest);
        let manifest = Sha256::digest(serde_json::to_vec(&manifest).unwrap_or_default());
        let manifest = const_hex::encode(&manifest[..16]);
        let mut trees = installed.values().filter_map(|tree| tree.as_ref().ok());
        let is_odd = |tree: &Tree| tree.get("package.json") != Some(&manifest) || overwrites_itself(tree);
        if is_ambiguous(&installed) || trees.any(is_odd) {
            return Err((number, format!("it is installed as {installed:#?}")));
        }
    }
    Ok(is_taken)
}

/// Whether two of the files would be one where neither case nor dots and spaces at the end count.
fn overwrites_itself(tree: &Tree) -> bool {
    let folded = |path: &String| {
        let names = path.to_lowercase();
        let names: Vec<&str> = names.split('/').map(|name| name.trim_end_matches(['.', ' '])).collect();
        names.join("/")
    };
    tree.keys().map(folded).collect::<BTreeSet<_>>().len() < tree.len()
}

/// Whether two clients install different things of a tarball, whatever the registry says of it.
pub fn is_ambiguous(installed: &Installed) -> bool {
    let trees: Vec<&Tree> = installed.values().filter_map(|tree| tree.as_ref().ok()).collect();
    trees.iter().any(|tree| *tree != trees[0])
}
