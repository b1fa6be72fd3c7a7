//! The C and C++ compilers, and the few system packages the reference needs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The compilers found on this machine.
pub struct Toolchain {
    pub cc: String,
    pub cxx: String,
    /// First line of `c++ --version`: a new compiler makes old objects stale.
    pub version: String,
}

impl Toolchain {
    /// Finds the compilers, installing them where that can be done without asking.
    pub fn locate() -> Result<Self> {
        let cc = std::env::var("CC").unwrap_or_else(|_| "cc".into());
        let cxx = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
        if first_line(&cc, &["--version"]).is_none() || first_line(&cxx, &["--version"]).is_none() {
            install("g++").context("no C and C++ compiler: install g++ (or set CC and CXX)")?;
        }
        let version = first_line(&cxx, &["--version"])
            .with_context(|| format!("{cxx} --version does not run"))?;
        Ok(Self { cc, cxx, version })
    }

    /// True when a program that includes `header` compiles.
    pub fn has_header(&self, header: &str) -> bool {
        let source = format!("#include <{header}>\nint main (void) {{ return 0; }}\n");
        let Ok(folder) = tempfile::tempdir() else {
            return false;
        };
        let file = folder.path().join("probe.c");
        std::fs::write(&file, source).is_ok()
            && quiet(Command::new(&self.cc).arg("-fsyntax-only").arg(&file))
    }
}

/// What the reference can be built with here.
pub struct Optional {
    /// CURVE.
    pub sodium: bool,
    /// GSSAPI, in the draft build.
    pub kerberos: bool,
    /// `wss://`, in the draft build.
    pub gnutls: bool,
}

impl Optional {
    /// Looks for them; libsodium and Kerberos are installed when the user is root.
    pub fn locate(tools: &Toolchain) -> Self {
        let wanted = |header, package, lack| {
            if tools.has_header(header) {
                return true;
            }
            match install(package) {
                Ok(()) => tools.has_header(header),
                Err(error) => {
                    eprintln!(
                        "note: {package} is missing ({error:#}): the reference is built without {lack}"
                    );
                    false
                }
            }
        };
        Self {
            sodium: wanted("sodium.h", "libsodium-dev", "CURVE"),
            kerberos: wanted("gssapi/gssapi_krb5.h", "libkrb5-dev", "GSSAPI"),
            gnutls: tools.has_header("gnutls/gnutls.h"),
        }
    }
}

/// True when pkg-config finds libsodium, which is installed where that can be done without asking. Without it the tests
/// compile their own.
pub fn has_sodium() -> bool {
    let found = || quiet(Command::new("pkg-config").args(["--exists", "libsodium"]));
    found() || (install("libsodium-dev").is_ok() && install("pkg-config").is_ok() && found())
}

/// Valgrind's command, installed where that can be done without asking.
pub fn valgrind() -> Result<&'static str> {
    tool("valgrind", "valgrind")
}

/// abidiff's command, installed where that can be done without asking.
pub fn abidiff() -> Result<&'static str> {
    tool("abidiff", "abigail-tools")
}

/// What makes a Kerberos realm, installed where that can be done without asking.
pub fn kerberos() -> Result<()> {
    for package in ["krb5-user", "krb5-kdc", "krb5-admin-server"] {
        install(package)?;
    }
    Ok(())
}

fn tool(name: &'static str, package: &str) -> Result<&'static str> {
    if first_line(name, &["--version"]).is_none() {
        install(package)?;
    }
    first_line(name, &["--version"]).with_context(|| format!("{name} does not run"))?;
    Ok(name)
}

/// The file of a Debian package, fetched into a folder once and not installed.
pub fn download(package: &str, folder: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let kept = || -> Result<Option<PathBuf>> {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(&format!("{package}_")) && name.ends_with(".deb") {
                return Ok(Some(path));
            }
        }
        Ok(None)
    };
    if let Some(path) = kept()? {
        return Ok(path);
    }
    let mut command = Command::new("apt-get");
    command.args(["download", package]).current_dir(folder);
    if !quiet(&mut command) {
        // The lists of packages may be missing or old.
        quiet(Command::new("apt-get").arg("update"));
        quiet(&mut command);
    }
    kept()?.with_context(|| format!("apt-get download {package} failed"))
}

/// Installs a Debian package, only as root and only where apt-get exists.
fn install(package: &str) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("{package} is not installed; run: sudo apt-get install {package}");
    }
    if first_line("apt-get", &["--version"]).is_none() {
        bail!("{package} is not installed and there is no apt-get to install it with");
    }
    eprintln!("installing {package} by apt-get");
    quiet(Command::new("apt-get").arg("update"));
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args([
        "install",
        "-y",
        "--no-install-recommends",
        package,
    ]);
    if !quiet(&mut command) {
        bail!("apt-get install {package} failed");
    }
    Ok(())
}

/// Runs a command with its output thrown away; true when it exits with 0.
fn quiet(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output
        .status
        .success()
        .then(|| text.lines().next().unwrap_or_default().to_owned())
}
