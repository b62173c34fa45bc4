//! What the machine offers: open files, and the folder of a storage.

use std::path::Path;

use super::Examined;

/// Fewer open files serve hardly any clients.
#[cfg(unix)]
const LEAST_FILES: u64 = 1024;
/// More clients than this many are rare.
#[cfg(unix)]
const ENOUGH_FILES: u64 = 4096;
/// With less free space, a publish may fail.
#[cfg(unix)]
const LEAST_SPACE: u64 = 256 << 20;
/// With less free space, it is time to get more.
#[cfg(unix)]
const ENOUGH_SPACE: u64 = 2 << 30;

/// Examines how many files a process may open.
#[cfg(unix)]
pub(super) fn open_files() -> Vec<Examined> {
    use rustix::process::{Resource, getrlimit};

    const ADVICE: &str = "raise it with LimitNOFILE=65536 in the unit of systemd, or with ulimit -n before the start: each \
                          connection needs one, and each tarball";
    let Some(limit) = getrlimit(Resource::Nofile).current else {
        return vec![Examined::ok("open files", "there is no limit")];
    };
    let message = format!("a process of this user may open {limit}");
    vec![match limit {
        limit if limit < LEAST_FILES => Examined::wrong("open files", message, ADVICE),
        limit if limit < ENOUGH_FILES => Examined::warning("open files", message, ADVICE),
        _ => Examined::ok("open files", message),
    }]
}

/// Examines how many files a process may open: not known on this system.
#[cfg(not(unix))]
pub(super) fn open_files() -> Vec<Examined> {
    Vec::new()
}

/// Examines the permissions of the folder, and the space on its disk.
#[cfg(unix)]
pub(super) fn folder(folder: &Path) -> Vec<Examined> {
    // A missing folder is reported by the storage.
    let Some(mode) = mode_of_content(folder) else { return Vec::new() };
    let mut checks = vec![permissions(folder, mode)];
    checks.extend(space(folder));
    checks
}

/// Examines the folder: nothing is known of it on this system.
#[cfg(not(unix))]
pub(super) fn folder(_: &Path) -> Vec<Examined> {
    Vec::new()
}

/// Returns the mode with which the objects in a folder can be reached: what both it and the folder `objects` in it allow. `None`
/// if there is no folder.
#[cfg(unix)]
pub(in crate::operate) fn mode_of_content(folder: &Path) -> Option<u32> {
    let mode = |folder: &Path| {
        let metadata = std::fs::metadata(folder).ok()?;
        Some(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()))
    };
    let objects = mode(&folder.join("objects"));
    Some(mode(folder)? & objects.unwrap_or(u32::MAX))
}

#[cfg(unix)]
fn permissions(folder: &Path, mode: u32) -> Examined {
    let shown = folder.display();
    let advice =
        format!("run chmod 700 {shown}: it holds private packages, and hashes of passwords and tokens");
    let message = |others: &str| format!("{others} may enter {shown} (mode {:03o})", mode & 0o777);
    match mode {
        mode if mode & 0o007 != 0 => Examined::wrong("folder", message("every user of this machine"), advice),
        mode if mode & 0o070 != 0 => Examined::warning("folder", message("the group"), advice),
        _ => Examined::ok("folder", format!("only its owner may enter {shown}")),
    }
}

#[cfg(unix)]
fn space(folder: &Path) -> Option<Examined> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(space_check(disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_favail))
}

#[cfg(unix)]
fn space_check(free: u64, free_files: u64) -> Examined {
    const ADVICE: &str = "enlarge the disk, run registry-server sweep, or lower cache.upstream_mib";
    /// Some file systems have no such number, and say 0.
    const FEW_FILES: std::ops::Range<u64> = 1..10_000;
    let message = format!("{} are free", indicatif::BinaryBytes(free));
    match free {
        free if free < LEAST_SPACE => Examined::wrong("disk", message, ADVICE),
        _ if FEW_FILES.contains(&free_files) => {
            Examined::wrong("disk", format!("{message}, but only {free_files} files"), ADVICE)
        }
        free if free < ENOUGH_SPACE => Examined::warning("disk", message, ADVICE),
        _ => Examined::ok("disk", message),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_for_others_and_a_full_disk_are_wrong() {
        let folder = |mode| permissions(Path::new("/srv/registry"), mode).text();
        assert_eq!(folder(0o40700), "ok      folder: only its owner may enter /srv/registry");
        assert!(folder(0o40750).starts_with("warning folder: the group may enter /srv/registry (mode 750)"));
        assert_eq!(
            folder(0o40755),
            "WRONG   folder: every user of this machine may enter /srv/registry (mode 755); run chmod 700 /srv/registry: it \
             holds private packages, and hashes of passwords and tokens"
        );
        assert!(
            space_check(100 << 20, 0)
                .text()
                .starts_with("WRONG   disk: 100.00 MiB are free; enlarge the disk")
        );
        assert!(space_check(1 << 30, 0).text().starts_with("warning disk: 1.00 GiB are free; "));
        assert!(
            space_check(1 << 40, 12)
                .text()
                .starts_with("WRONG   disk: 1.00 TiB are free, but only 12 files; ")
        );
        assert_eq!(space_check(1 << 40, 1 << 20).text(), "ok      disk: 1.00 TiB are free");
    }
}
