//! `cargo xtask dist`: builds what ships, checks it, and lays it out as an installation prefix.

mod archive;
mod probe;
mod symbols;
mod templates;

use std::fs;
use std::io::BufReader;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::Message;
use cargo_metadata::diagnostic::DiagnosticLevel;

use crate::toolchain::Toolchain;
use crate::workspace::Workspace;
use symbols::Difference;

/// The libzmq version whose interface this is.
pub const VERSION: &str = "4.3.5";
/// The shared library's file, named as libtool names it for that version.
pub const SHARED_FILE: &str = "libzmq.so.5.2.5";
/// The name programs ask the dynamic linker for.
pub const SONAME: &str = "libzmq.so.5";

/// Arguments of `cargo xtask dist`.
#[derive(clap::Args, Clone, Default)]
pub struct Options {
    /// Where to put it [default: target/dist]
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// Accept a library that does not define every function yet
    #[arg(long)]
    pub allow_missing: bool,
    /// Cargo features, for instance `draft`
    #[arg(long, value_delimiter = ',')]
    pub features: Vec<String>,
}

/// Builds, lays out, checks; returns the folder.
pub fn run(workspace: &Workspace, options: &Options) -> Result<PathBuf> {
    let dist = options.dir.clone().unwrap_or_else(|| workspace.dist());
    let lib = dist.join("lib");
    fs::create_dir_all(&lib)?;
    let expected = symbols::expected(&workspace.root)?;

    let shared = build(workspace, "cdylib", &options.features)?;
    let target = lib.join(SHARED_FILE);
    replace(&shared.file, &target)?;
    for (name, to) in [(SONAME, SHARED_FILE), ("libzmq.so", SONAME)] {
        let link = lib.join(name);
        if link.symlink_metadata().is_ok() {
            fs::remove_file(&link)?;
        }
        symlink(to, &link)?;
    }
    let soname = symbols::soname(&target)?;
    ensure!(soname == SONAME, "SONAME is {soname}, not {SONAME}");
    let exported = symbols::exported(&target)?;
    Difference::between(&expected, &exported).check(SHARED_FILE, options.allow_missing)?;

    let archive = build(workspace, "staticlib", &options.features)?;
    archive::localise(&archive.file, &lib.join("libzmq.a"), &exported)?;
    let global = symbols::global(&lib.join("libzmq.a"))?;
    Difference::between(&expected, &global).check("libzmq.a", options.allow_missing)?;

    let draft = options.features.iter().any(|feature| feature == "draft");
    templates::write(&workspace.root, &dist, &archive.native, draft)?;
    let headers = copy_headers(workspace, &dist, options.allow_missing)?;

    if headers && exported.contains("zmq_version") {
        probe::run(&Toolchain::locate()?, &dist, &archive.native)?;
    } else if options.allow_missing {
        eprintln!("note: no program was linked: zmq.h or zmq_version is missing");
    }
    let size = |name: &str| fs::metadata(lib.join(name)).map_or(0, |data| data.len() / 1024);
    println!(
        "{}: {SHARED_FILE} ({} KiB), libzmq.a ({} KiB), {} functions, version {VERSION}",
        dist.display(),
        size(SHARED_FILE),
        size("libzmq.a"),
        exported.len()
    );
    Ok(dist)
}

/// What one run of cargo made.
struct Built {
    file: PathBuf,
    /// The libraries a static link needs, as `-l` options.
    native: Vec<String>,
}

/// One crate type per call: with several at once cargo drops link-time optimisation (cargo#9672).
fn build(workspace: &Workspace, crate_type: &str, features: &[String]) -> Result<Built> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(&workspace.root)
        .args([
            "rustc",
            "--package",
            "ozmq",
            "--lib",
            "--release",
            "--message-format=json",
        ])
        .args(["--crate-type", crate_type])
        .arg("--target-dir")
        .arg(&workspace.target);
    if !features.is_empty() {
        command.args(["--features", &features.join(",")]);
    }
    if crate_type == "staticlib" {
        command.args(["--", "--print", "native-static-libs"]);
    }
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo")?;
    let stdout = child.stdout.take().context("cargo has no output")?;
    let ending = if crate_type == "cdylib" { "so" } else { "a" };
    let mut file = None;
    let mut native = Vec::new();
    for message in Message::parse_stream(BufReader::new(stdout)) {
        match message? {
            Message::CompilerArtifact(artifact) if artifact.target.name == "zmq" => {
                let made = artifact
                    .filenames
                    .iter()
                    .find(|name| name.extension() == Some(ending));
                file = made.map(|name| name.clone().into_std_path_buf()).or(file);
            }
            Message::CompilerMessage(note) => {
                match note.message.message.strip_prefix("native-static-libs: ") {
                    Some(list) => native = list.split_whitespace().map(str::to_owned).collect(),
                    None if note.message.level == DiagnosticLevel::Note => {}
                    None => eprint!("{}", note.message.rendered.unwrap_or_default()),
                }
            }
            _ => {}
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("cargo rustc --crate-type {crate_type} failed");
    }
    if crate_type == "staticlib" {
        ensure!(
            !native.is_empty(),
            "rustc did not say what libzmq.a must be linked with"
        );
    }
    let file = file.with_context(|| format!("cargo made no {crate_type}"))?;
    Ok(Built { file, native })
}

fn copy_headers(workspace: &Workspace, dist: &Path, allow_missing: bool) -> Result<bool> {
    let folder = dist.join("include");
    fs::create_dir_all(&folder)?;
    for name in ["zmq.h", "zmq_utils.h"] {
        let source = workspace.root.join("include").join(name);
        if !source.exists() && allow_missing {
            eprintln!("note: include/{name} does not exist yet");
            return Ok(false);
        }
        replace(&source, &folder.join(name))?;
    }
    Ok(true)
}

/// Copies to a new file and renames: a running program may have the old one mapped.
fn replace(from: &Path, to: &Path) -> Result<()> {
    let mut name = to.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    fs::copy(from, &new).with_context(|| format!("cannot copy {}", from.display()))?;
    fs::rename(&new, to).with_context(|| format!("cannot write {}", to.display()))
}
