//! The reference: libzmq 4.3.5, its perf programs and its tests, compiled from the crate `zeromq-src`.
//!
//! Everything lies under `target/reference` and is never committed. Two builds of the library, see [`Flavour`].

mod platform;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

pub use platform::Flavour;

use crate::compile::{self, Step};
use crate::toolchain::{Optional, Toolchain};
use crate::workspace::Workspace;

/// The benchmark programs that libzmq brings along.
pub const PERF_PROGRAMS: [&str; 7] = [
    "inproc_lat",
    "inproc_thr",
    "local_lat",
    "local_thr",
    "proxy_thr",
    "remote_lat",
    "remote_thr",
];

/// The sources that test programs share.
const TEST_SUPPORT: [&str; 4] = [
    "testutil.cpp",
    "testutil_monitoring.cpp",
    "testutil_security.cpp",
    "testutil_unity.cpp",
];

/// Not programs of a normal run: fuzzers need a corpus, VMCI its own headers, and one needs `capsh`.
fn is_runnable(name: &str) -> bool {
    !name.ends_with("_fuzzer") && !name.ends_with("_vmci") && name != "test_pair_tcp_cap_net_admin"
}

/// Builds and finds the parts of the reference.
pub struct Reference {
    root: PathBuf,
    vendor: PathBuf,
    version: String,
    tools: Toolchain,
    optional: Optional,
    jobs: usize,
}

impl Reference {
    pub fn new(workspace: &Workspace, jobs: usize) -> Result<Self> {
        let tools = Toolchain::locate()?;
        let optional = Optional::locate(&tools);
        let version = format!("{} {}", workspace.vendor_version, tools.version);
        Ok(Self {
            root: workspace.reference(),
            vendor: workspace.vendor.clone(),
            version,
            tools,
            optional,
            jobs,
        })
    }

    /// The folder of the reference's public headers.
    pub fn include_folder(&self) -> PathBuf {
        self.root.join("include")
    }

    /// False when libsodium is missing: the reference then has no CURVE.
    pub fn has_curve(&self) -> bool {
        self.optional.sodium
    }

    /// False when the headers of Kerberos are missing: the draft build then has no GSSAPI.
    pub fn has_gssapi(&self) -> bool {
        self.optional.kerberos
    }

    /// The folder that holds `libzmq.so.5` of this flavour.
    pub fn library_folder(&self, flavour: Flavour) -> PathBuf {
        self.root.join(match flavour {
            Flavour::Release => "lib-release",
            Flavour::Draft => "lib-draft",
        })
    }

    pub fn perf_folder(&self) -> PathBuf {
        self.root.join("perf")
    }

    pub fn test_folder(&self) -> PathBuf {
        self.root.join("tests")
    }

    /// Compiles `libzmq.so.5`.
    pub fn build_library(&self, flavour: Flavour) -> Result<()> {
        self.write_headers()?;
        let folder = self.library_folder(flavour);
        fs::create_dir_all(self.config_folder(flavour))?;
        let header = self.config_folder(flavour).join("platform.hpp");
        write_if_changed(&header, &platform::header(flavour, &self.optional))?;

        let sources = self.vendor.join("src");
        let mut steps = Vec::new();
        for name in names_in(&sources, ".cpp")? {
            let websocket = name.starts_with("ws_");
            let secure = name.starts_with("wss_");
            let wanted = match flavour {
                Flavour::Release => !websocket && !secure,
                Flavour::Draft => !secure || self.optional.gnutls,
            };
            if wanted {
                let source = sources.join(format!("{name}.cpp"));
                steps.push(self.object(
                    flavour,
                    &header,
                    source,
                    &name,
                    &["-fPIC", "-DDLL_EXPORT"],
                ));
            }
        }
        if flavour == Flavour::Release || !self.optional.gnutls {
            let source = self.vendor.join("external/sha1/sha1.c");
            let mut step = self.object(flavour, &header, source, "sha1", &["-fPIC"]);
            step.program = self.tools.cc.clone();
            step.arguments.retain(|argument| argument != "-std=c++11");
            steps.push(step);
        }
        let title = match flavour {
            Flavour::Release => "reference library",
            Flavour::Draft => "reference library, drafts",
        };
        compile::run(title, &steps, self.jobs)?;

        let library = folder.join("libzmq.so.5.2.5");
        let objects = steps.into_iter().map(|step| step.output).collect();
        let mut link = self.link(&library, objects, &["-shared", "-Wl,-soname,libzmq.so.5"]);
        link.arguments.extend(self.system_libraries(flavour));
        compile::run(&format!("{title}, linking"), &[link], 1)?;
        for name in ["libzmq.so.5", "libzmq.so"] {
            let link = folder.join(name);
            let _ = fs::remove_file(&link);
            symlink("libzmq.so.5.2.5", &link)?;
        }
        Ok(())
    }

    /// Compiles the seven perf programs against the release library, without a run path.
    pub fn build_perf(&self) -> Result<()> {
        let mut steps = Vec::new();
        for name in PERF_PROGRAMS {
            let source = self.vendor.join(format!("perf/{name}.cpp"));
            let output = self.perf_folder().join(name);
            let mut step = self.link(
                &output,
                vec![source],
                &["-std=c++11", "-O3", "-DNDEBUG", "-w"],
            );
            step.arguments
                .extend(self.program_arguments(Flavour::Release));
            steps.push(step);
        }
        compile::run("reference perf programs", &steps, self.jobs)
    }

    /// The names of its test programs that can run here, sorted.
    pub fn test_names(&self) -> Result<Vec<String>> {
        let mut names = names_in(&self.vendor.join("tests"), ".cpp")?;
        names.retain(|name| name.starts_with("test_") && is_runnable(name));
        // This one includes libsodium itself.
        names.retain(|name| name != "test_security_curve" || self.optional.sodium);
        Ok(names)
    }

    /// Compiles the named test programs against the draft library, without a run path.
    pub fn build_tests(&self, names: &[String]) -> Result<()> {
        let flavour = Flavour::Draft;
        let header = self.config_folder(flavour).join("platform.hpp");
        let tests = self.vendor.join("tests");
        let unity = self.vendor.join("external/unity");
        let unity_flags = [
            "-DUNITY_USE_COMMAND_LINE_ARGS".to_owned(),
            "-DUNITY_EXCLUDE_FLOAT".to_owned(),
            format!("-I{}", unity.display()),
        ];
        let unity_flags: Vec<&str> = unity_flags.iter().map(String::as_str).collect();

        let mut support = Vec::new();
        for file in TEST_SUPPORT {
            let name = format!("support-{}", file.trim_end_matches(".cpp"));
            support.push(self.object(flavour, &header, tests.join(file), &name, &unity_flags));
        }
        let mut step = self.object(
            flavour,
            &header,
            unity.join("unity.c"),
            "support-unity",
            &unity_flags,
        );
        step.program = self.tools.cc.clone();
        step.arguments.retain(|argument| argument != "-std=c++11");
        support.push(step);
        compile::run("reference test support", &support, self.jobs)?;
        let support: Vec<PathBuf> = support.into_iter().map(|step| step.output).collect();

        let mut programs = Vec::new();
        for name in names {
            let mut objects = vec![tests.join(format!("{name}.cpp"))];
            objects.extend(support.iter().cloned());
            if name == "test_security_curve" {
                // It speaks the handshake by hand, with these internals compiled in.
                for file in ["err", "random", "clock"] {
                    objects.push(self.object_path(flavour, file));
                }
            }
            let output = self.test_folder().join(name);
            let mut program = self.link(&output, objects, &self.flags(flavour));
            program
                .arguments
                .extend(unity_flags.iter().map(OsString::from));
            program.arguments.push(include(&tests));
            program.arguments.extend(self.program_arguments(flavour));
            programs.push(program);
        }
        compile::run("reference tests", &programs, self.jobs)
    }

    fn config_folder(&self, flavour: Flavour) -> PathBuf {
        self.root.join(match flavour {
            Flavour::Release => "obj-release",
            Flavour::Draft => "obj-draft",
        })
    }

    fn object_path(&self, flavour: Flavour, name: &str) -> PathBuf {
        self.config_folder(flavour).join(format!("{name}.o"))
    }

    fn flags(&self, flavour: Flavour) -> Vec<&'static str> {
        let mut flags = vec![
            "-std=c++11",
            "-w",
            "-pthread",
            "-D_GNU_SOURCE",
            "-D_REENTRANT",
            "-D_THREAD_SAFE",
            "-DZMQ_CUSTOM_PLATFORM_HPP",
        ];
        flags.extend_from_slice(match flavour {
            // What its build system calls Release.
            Flavour::Release => &["-O3", "-DNDEBUG"],
            Flavour::Draft => &["-O1", "-DZMQ_BUILD_DRAFT_API"],
        });
        flags
    }

    fn object(
        &self,
        flavour: Flavour,
        header: &Path,
        source: PathBuf,
        name: &str,
        extra: &[&str],
    ) -> Step {
        let output = self.object_path(flavour, name);
        let mut arguments: Vec<OsString> = self.flags(flavour).iter().map(OsString::from).collect();
        arguments.extend(extra.iter().map(OsString::from));
        arguments.extend(self.includes(flavour));
        arguments.extend([
            "-c".into(),
            source.clone().into_os_string(),
            "-o".into(),
            output.clone().into_os_string(),
        ]);
        Step {
            output,
            inputs: vec![source, header.to_owned()],
            program: self.tools.cxx.clone(),
            arguments,
            version: self.version.clone(),
        }
    }

    fn link(&self, output: &Path, inputs: Vec<PathBuf>, flags: &[&str]) -> Step {
        let mut arguments: Vec<OsString> = flags.iter().map(OsString::from).collect();
        arguments.extend(inputs.iter().map(|input| input.clone().into_os_string()));
        arguments.extend(["-o".into(), output.as_os_str().to_owned()]);
        Step {
            output: output.to_owned(),
            inputs,
            program: self.tools.cxx.clone(),
            arguments,
            version: self.version.clone(),
        }
    }

    fn includes(&self, flavour: Flavour) -> Vec<OsString> {
        vec![
            include(&self.config_folder(flavour)),
            include(&self.include_folder()),
            include(&self.vendor.join("src")),
        ]
    }

    fn program_arguments(&self, flavour: Flavour) -> Vec<OsString> {
        let mut arguments = self.includes(flavour);
        let mut folder = OsString::from("-L");
        folder.push(self.library_folder(flavour));
        arguments.extend([folder, "-lzmq".into()]);
        arguments.extend(self.system_libraries(flavour));
        arguments
    }

    fn system_libraries(&self, flavour: Flavour) -> Vec<OsString> {
        let mut libraries = vec![OsString::from("-lpthread"), "-lrt".into()];
        if self.optional.sodium {
            libraries.push("-lsodium".into());
        }
        if flavour == Flavour::Draft && self.optional.gnutls {
            libraries.push("-lgnutls".into());
        }
        if flavour == Flavour::Draft && self.optional.kerberos {
            libraries.push("-lgssapi_krb5".into());
        }
        libraries
    }

    fn write_headers(&self) -> Result<()> {
        let folder = self.include_folder();
        fs::create_dir_all(&folder)?;
        for name in ["zmq.h", "zmq_utils.h"] {
            let text = fs::read_to_string(self.vendor.join("include").join(name))?;
            write_if_changed(&folder.join(name), &text)?;
        }
        Ok(())
    }
}

fn include(folder: &Path) -> OsString {
    let mut argument = OsString::from("-I");
    argument.push(folder);
    argument
}

/// Leaves an unchanged file alone, so that what was made of it stays current.
fn write_if_changed(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The names of the files in a folder that end so, without the ending, sorted.
fn names_in(folder: &Path, ending: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(stem) = name.strip_suffix(ending) {
            names.push(stem.to_owned());
        }
    }
    names.sort();
    Ok(names)
}
