use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Longer than nginx takes to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// nginx with a folder of files, as somebody would set it up who wants it fast: no log, files kept open, `sendfile`,
/// compressed files as they are. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Nginx {
    process: Child,
    port: u16,
    folder: TempDir,
}

/// Refuses to begin without the program.
pub(crate) fn require() -> anyhow::Result<()> {
    let missing = "nginx is missing; install it with: apt-get install --no-install-recommends nginx-light";
    let output = Command::new("nginx").arg("-V").output().context(missing)?;
    let built_with = String::from_utf8_lossy(&output.stderr);
    ensure!(
        built_with.contains("http_gzip_static_module"),
        "this nginx cannot serve compressed files; {missing}"
    );
    Ok(())
}

impl Nginx {
    /// Starts it on a free port.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("nginx-")?;
        // As root, nginx reads files as somebody who is nobody in particular.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        fs::create_dir(folder.path().join("files"))?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let configuration = folder.path().join("nginx.conf");
        fs::write(&configuration, configuration_of(folder.path(), port))?;
        let process = Command::new("nginx")
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&configuration)
            .args(["-e", "stderr"])
            .stdin(Stdio::null())
            .spawn()
            .context("cannot start nginx")?;
        let mut nginx = Self { process, port, folder };
        nginx.wait_until_it_listens()?;
        Ok(nginx)
    }

    /// Where it listens.
    pub(crate) fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Adds a file.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(fs::write(self.folder.path().join("files").join(name), bytes)?)
    }

    fn wait_until_it_listens(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            ensure!(self.process.try_wait()?.is_none(), "nginx ended as soon as it had started");
            ensure!(started.elapsed() < PATIENCE, "nginx does not listen");
            thread::yield_now();
        }
        Ok(())
    }
}

impl Drop for Nginx {
    /// Asks the process that was started to end, which ends its workers; to kill it would leave them behind.
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let _ = self.process.wait();
    }
}

fn configuration_of(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        "daemon off;
        worker_processes auto;
        pid {folder}/pid;
        events {{ worker_connections 1024; }}
        http {{
            access_log off;
            sendfile on;
            tcp_nopush on;
            keepalive_requests 1000000000;
            open_file_cache max=1000;
            default_type application/octet-stream;
            client_body_temp_path {folder}/body;
            proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi;
            uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            server {{
                listen 127.0.0.1:{port};
                root {folder}/files;
                gzip_static on;
            }}
        }}
        "
    )
}
