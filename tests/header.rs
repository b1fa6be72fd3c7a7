//! The C header and the option reference are made from the tables in `src/options`. This test makes them again and
//! compares (`OZMQ_BLESS=1` writes them instead), compiles the header in every dialect, and holds its constants against
//! libzmq's and its prototypes against the functions in `src/ffi`.
#![forbid(unsafe_code)]

#[path = "header/generate.rs"]
mod generate;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use zmq::errno::{Errno, HAUSNUMERO};
use zmq::options::constants;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn current(path: &str, text: &str) {
    if std::env::var_os("OZMQ_BLESS").is_some() {
        fs::write(root().join(path), text).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    assert!(
        read(path) == text,
        "{path} is stale: run OZMQ_BLESS=1 cargo test --test header"
    );
}

fn header() -> String {
    generate::header(&read("include/zmq.h.in"))
}

/// A directory of this test's own with the header in it.
fn include(test: &str) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&place).expect("a place for C files");
    fs::write(place.join("zmq.h"), header()).expect("room for the header");
    fs::write(place.join("zmq_utils.h"), read("include/zmq_utils.h")).expect("room for the header");
    place
}

/// Runs the compiler on a source file next to the header and returns what it printed.
fn compile(place: &Path, compiler: &str, source: &str, arguments: &[&str]) -> String {
    let file = place.join("source.c");
    fs::write(&file, source).expect("room for the source");
    let output = Command::new(compiler)
        .args([
            "-Wall",
            "-Wextra",
            "-Wstrict-aliasing",
            "-pedantic",
            "-Werror",
            "-I",
        ])
        .arg(place)
        .args(arguments)
        .arg(&file)
        .output()
        .unwrap_or_else(|error| panic!("{compiler}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{compiler} {arguments:?}:\n{errors}"
    );
    String::from_utf8(output.stdout).expect("C in UTF-8")
}

fn symbols() -> Vec<String> {
    read("src/ffi/symbols.txt")
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Names followed by a parenthesis: the functions that some C text declares.
fn functions(text: &str) -> BTreeSet<String> {
    let ends = text
        .match_indices('(')
        .map(|(end, _)| text[..end].trim_end());
    let names = ends.filter_map(|text| {
        text.rsplit(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
    });
    names
        .filter(|name| name.starts_with("zmq_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_header_is_current() {
    current("include/zmq.h", &header());
}

#[test]
fn the_reference_page_is_current() {
    current("docs/options.md", &generate::reference());
}

#[test]
fn the_header_compiles_alone() {
    let place = include("alone");
    let dialects = [
        (
            "cc",
            "c",
            &["c89", "c99", "gnu99", "c11", "c17", "gnu17"][..],
        ),
        (
            "c++",
            "c++",
            &["c++98", "c++11", "c++14", "c++17", "c++20", "gnu++17"][..],
        ),
    ];
    for (compiler, language, standards) in dialects {
        for standard in standards {
            let standard = format!("-std={standard}");
            for draft in [&[][..], &["-DZMQ_BUILD_DRAFT_API"]] {
                let arguments = [&["-fsyntax-only", "-x", language, &standard][..], draft].concat();
                compile(
                    &place,
                    compiler,
                    "#include <zmq.h>\n#include <zmq_utils.h>\n",
                    &arguments,
                );
            }
        }
    }
}

#[test]
fn types_have_their_layout() {
    let claims = [
        "sizeof (zmq_msg_t) == 64",
        "offsetof (struct with_msg, msg) == sizeof (void *)",
        "sizeof (zmq_fd_t) == 4",
        "sizeof (zmq_pollitem_t) == 16",
        "offsetof (zmq_pollitem_t, fd) == 8",
        "offsetof (zmq_pollitem_t, events) == 12",
        "offsetof (zmq_pollitem_t, revents) == 14",
        "sizeof (zmq_poller_event_t) == 32",
        "offsetof (zmq_poller_event_t, fd) == 8",
        "offsetof (zmq_poller_event_t, user_data) == 16",
        "offsetof (zmq_poller_event_t, events) == 24",
    ];
    let claims = claims
        .map(|claim| format!("_Static_assert ({claim}, \"{claim}\");\n"))
        .concat();
    let source =
        format!("#include <zmq.h>\nstruct with_msg {{ char first; zmq_msg_t msg; }};\n{claims}");
    compile(
        &include("layout"),
        "cc",
        &source,
        &["-std=c11", "-fsyntax-only", "-DZMQ_BUILD_DRAFT_API"],
    );
}

#[test]
fn macros_are_those_of_libzmq() {
    let place = include("macros");
    let reference = read("tests/header/macros.txt");
    let mut stable = BTreeSet::new();
    let mut all = BTreeSet::new();
    let mut claims = String::from("#include <zmq.h>\n#include <string.h>\n");
    for line in reference.lines() {
        let mut words = line.splitn(3, ' ');
        let (stage, name, value) = (
            words.next(),
            words.next().expect("a name"),
            words.next().unwrap_or_default(),
        );
        all.insert(name.to_owned());
        if stage == Some("stable") {
            stable.insert(name.to_owned());
        }
        if value.starts_with('"') {
            let claim = format!("__builtin_strcmp ({name}, {value}) == 0");
            claims.push_str(&format!("_Static_assert ({claim}, \"{name}\");\n"));
        } else if value.parse::<i32>().is_ok() {
            claims.push_str(&format!(
                "_Static_assert ({name} == {value}, \"{name}\");\n"
            ));
        }
    }
    claims.push_str("_Static_assert (ZMQ_VERSION == 40305 && ZMQ_MAKE_VERSION (1, 2, 3) == 10203, \"version\");\n");
    compile(
        &place,
        "cc",
        &claims,
        &["-std=c11", "-fsyntax-only", "-DZMQ_BUILD_DRAFT_API"],
    );

    for (expected, arguments) in [
        (stable, &["-dM", "-E"][..]),
        (all, &["-dM", "-E", "-DZMQ_BUILD_DRAFT_API=1"]),
    ] {
        let macros = compile(&place, "cc", "#include <zmq.h>\n", arguments);
        let names = macros
            .lines()
            .filter_map(|line| line.strip_prefix("#define "));
        let names =
            names.filter(|line| line.contains("ZMQ_") && !line.starts_with("ZMQ_BUILD_DRAFT_API"));
        let names: BTreeSet<String> = names
            .filter_map(|line| line.split([' ', '(']).next())
            .map(str::to_owned)
            .collect();
        assert_eq!(names, expected);
    }
}

/// Consumers search the header for the version with expressions as narrow as this.
#[test]
fn the_version_can_be_grepped() {
    for (name, number) in [("MAJOR", 4), ("MINOR", 3), ("PATCH", 5)] {
        let line = format!("#define ZMQ_VERSION_{name} {number}");
        assert_eq!(
            header().lines().filter(|&found| found == line).count(),
            1,
            "{line}"
        );
    }
}

#[test]
fn error_numbers_agree_with_the_library() {
    assert_eq!(constants::errno_base::HAUSNUMERO, HAUSNUMERO);
    let ours = [
        ("EFSM", Errno::EFSM),
        ("ENOCOMPATPROTO", Errno::ENOCOMPATPROTO),
        ("ETERM", Errno::ETERM),
        ("EMTHREAD", Errno::EMTHREAD),
    ];
    for ((name, offset), (expected, errno)) in constants::NATIVE_ERRNOS.iter().zip(ours) {
        assert_eq!((*name, HAUSNUMERO + offset), (expected, errno.0));
    }
}

#[test]
fn the_header_declares_the_listed_symbols() {
    let listed = symbols();
    assert!(listed.is_sorted() && listed.len() == 97);
    let types = ["zmq_free_fn", "zmq_timer_fn", "zmq_thread_fn"];
    let draft = compile(
        &include("symbols"),
        "cc",
        "#include <zmq.h>\n",
        &["-E", "-P", "-DZMQ_BUILD_DRAFT_API"],
    );
    let stable = compile(
        &include("symbols"),
        "cc",
        "#include <zmq.h>\n",
        &["-E", "-P"],
    );
    let declared = |text| {
        let mut names = functions(text);
        names.retain(|name| !types.contains(&name.as_str()));
        names
    };
    assert_eq!(declared(&draft).into_iter().collect::<Vec<_>>(), listed);
    assert_eq!(declared(&stable).len(), 70);
}

/// A compiler refuses two declarations of a function that disagree. So it is shown the header together with what
/// cbindgen makes of the Rust functions.
#[test]
fn prototypes_agree_with_the_functions() {
    let file = root().join("src/ffi/mod.rs");
    if !file.exists() {
        return;
    }
    let config =
        cbindgen::Config::from_file(root().join("cbindgen.toml")).expect("a configuration");
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(file)
        .generate();
    let mut rust = Vec::new();
    bindings
        .expect("functions that C can call")
        .write(&mut rust);
    let rust = String::from_utf8(rust).expect("C in UTF-8");
    // An optional function whose type has a name of its own comes out as Rust.
    let rust = rust.replace("Option<", "").replace('>', "");

    let place = include("prototypes");
    fs::write(place.join("rust.h"), &rust).expect("room for the prototypes");
    let source =
        "#include <zmq.h>\n#include <stdbool.h>\n#include <sys/uio.h>\n#include \"rust.h\"\n";
    compile(
        &place,
        "cc",
        source,
        &["-std=gnu11", "-fsyntax-only", "-DZMQ_BUILD_DRAFT_API"],
    );
    let (defined, listed) = (functions(&rust), BTreeSet::from_iter(symbols()));
    let differences: Vec<_> = defined.symmetric_difference(&listed).collect();
    assert!(
        differences.is_empty(),
        "not both defined in src/ffi and listed: {differences:?}"
    );
}
