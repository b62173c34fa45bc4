use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use super::{Process, free_port};

/// What nginx does with a folder of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NginxFiles {
    /// Serves each at its path, or the one with `.gz` behind its name to clients that accept gzip.
    AsTheyAre,
    /// Is a registry that cannot be written: `abbreviated/NAME.json`, `full/NAME.json`, each with a `.gz` beside it, and
    /// tarballs below `tarballs/`, where they are in their URLs.
    Registry,
}

/// nginx with a folder of files, as an operator sets it up for speed: no log, files kept open, `sendfile`,
/// compressed files as they are. It ends when it is dropped, and its folder goes.
#[derive(Debug)]
pub struct Nginx {
    process: Process,
    port: u16,
    folder: TempDir,
}

impl Nginx {
    /// Refuses to begin without the program.
    pub fn require() -> anyhow::Result<()> {
        let missing =
            "nginx is missing; install it with: apt-get install --no-install-recommends nginx-light";
        let output = Command::new("nginx").arg("-V").output().context(missing)?;
        let built_with = String::from_utf8_lossy(&output.stderr);
        ensure!(
            built_with.contains("http_gzip_static_module"),
            "this nginx cannot serve compressed files; {missing}"
        );
        Ok(())
    }

    /// Starts it on a free port of this machine, with no file yet.
    pub fn start(files: NginxFiles) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("nginx-")?;
        // As root, nginx reads files as an unprivileged user.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        fs::create_dir(folder.path().join("files"))?;
        let port = free_port()?;
        let configuration = folder.path().join("nginx.conf");
        fs::write(&configuration, configuration_of(folder.path(), port, files))?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder.path()).arg("-c").arg(&configuration).args(["-e", "stderr"]);
        let process = Process::start(&mut command, port, &folder.path().join("log"))?;
        Ok(Self { process, port, folder })
    }

    /// Where it listens.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The number of its process, which has workers as its children.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Adds a file.
    pub fn put(&self, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.folder().join(path);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        Ok(fs::write(path, bytes)?)
    }

    /// The folder of files, for callers that add many.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("files")
    }
}

fn configuration_of(folder: &Path, port: u16, files: NginxFiles) -> String {
    let folder = folder.display();
    let locations = match files {
        NginxFiles::AsTheyAre => "",
        NginxFiles::Registry => {
            "location ~ /-/ { root $files/tarballs; gzip_static off; }
             location / { rewrite ^ /$form$uri.json last; }
             location /full/ { internal; types {} default_type application/json; }
             location /abbreviated/ { internal; types {} default_type application/vnd.npm.install-v1+json; }"
        }
    };
    let locations = locations.replace("$files", &format!("{folder}/files"));
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
            open_file_cache max=4000;
            default_type application/octet-stream;
            client_body_temp_path {folder}/body;
            proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi;
            uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            map $http_accept $form {{
                default full;
                ~application/vnd.npm.install-v1 abbreviated;
            }}
            server {{
                listen 127.0.0.1:{port};
                root {folder}/files;
                gzip_static on;
                {locations}
            }}
        }}
        "
    )
}
