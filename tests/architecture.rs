//! The two rules of the architecture, checked on every source file: modules name modules of their own floor or lower,
//! and `unsafe` stands in four modules only. Also: no file outgrows its reader.
//!
//! Sources are read as tokens, so comments and string literals never count.

use std::fs;
use std::path::Path;
use std::str::FromStr;

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

/// Every top-level module and the floor it stands on.
const FLOORS: [(&str, u8); 17] = [
    ("errno", 0),
    ("sys", 0),
    ("sync", 0),
    ("msg", 1),
    ("queue", 1),
    ("zmtp", 2),
    ("options", 2),
    ("endpoint", 2),
    ("transport", 3),
    ("io", 3),
    ("link", 4),
    ("pipe", 5),
    ("pattern", 6),
    ("ctx", 7),
    ("socket", 7),
    ("poll", 7),
    ("ffi", 8),
];

/// The modules that may contain `unsafe`; a file of any other must forbid it.
const UNSAFE: [&str; 4] = ["sys", "queue", "msg", "ffi"];

const MOST_LINES: usize = 700;

fn floor(module: &str) -> Option<u8> {
    FLOORS
        .iter()
        .find(|(name, _)| *name == module)
        .map(|(_, floor)| *floor)
}

/// What is wrong with one file; `name` is its path below `src/`, with slashes.
fn check(name: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        faults.push(format!("{name} has {lines} lines, more than {MOST_LINES}"));
    }
    let path = module_path(name);
    let Some(module) = path.first().cloned() else {
        return faults;
    };
    let Some(own) = floor(&module) else {
        faults.push(format!("{name}: the module {module} has no floor"));
        return faults;
    };
    let tokens = match TokenStream::from_str(text) {
        Ok(tokens) => tokens,
        Err(error) => {
            faults.push(format!("{name}: {error}"));
            return faults;
        }
    };
    let mut reader = Reader {
        path,
        names: Vec::new(),
        unsafes: Vec::new(),
    };
    reader.read(tokens.clone());
    for (line, other) in reader.names {
        match floor(&other) {
            Some(floor) if floor > own => {
                faults.push(format!(
                    "{name}:{line}: floor {own} names {other} on floor {floor}"
                ));
            }
            Some(_) => {}
            None => faults.push(format!("{name}:{line}: {other} is no module with a floor")),
        }
    }
    if !UNSAFE.contains(&module.as_str()) {
        for line in reader.unsafes {
            faults.push(format!(
                "{name}:{line}: unsafe outside {}",
                UNSAFE.join(", ")
            ));
        }
        if !forbids_unsafe(tokens) {
            faults.push(format!("{name} lacks #![forbid(unsafe_code)]"));
        }
    }
    faults
}

/// `lib.rs` is the root, `a/mod.rs` and `a.rs` are `a`, `a/b.rs` is `a::b`.
fn module_path(name: &str) -> Vec<String> {
    let mut path: Vec<String> = name
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    if matches!(path.last().map(String::as_str), Some("mod" | "lib")) {
        path.pop();
    }
    path
}

/// Walks the tokens of a file and notes what it names and where it says `unsafe`.
struct Reader {
    /// The module the tokens stand in.
    path: Vec<String>,
    /// Line and name of each top-level module that is named.
    names: Vec<(usize, String)>,
    unsafes: Vec<usize>,
}

impl Reader {
    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Group(group) => self.read(group.stream()),
                TokenTree::Ident(word) if word == "unsafe" => self.unsafes.push(line(word)),
                TokenTree::Ident(word) if word == "crate" => self.follow(0, &tokens[at + 1..]),
                TokenTree::Ident(word) if word == "super" && !is_segment(&tokens[..at]) => {
                    let mut rest = &tokens[at + 1..];
                    let mut depth = self.path.len().saturating_sub(1);
                    while let Some((TokenTree::Ident(next), after)) = behind_colons(rest) {
                        if next != "super" {
                            break;
                        }
                        depth = depth.saturating_sub(1);
                        rest = after;
                    }
                    self.follow(depth, rest);
                }
                TokenTree::Ident(word) if word == "mod" => {
                    if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                        (tokens.get(at + 1), tokens.get(at + 2))
                    {
                        self.path.push(name.to_string());
                        self.read(body.stream());
                        self.path.pop();
                        at += 2;
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Notes what follows a path that has come to `depth` modules below the root: `::name` or `::{name, name::…}`.
    fn follow(&mut self, depth: usize, rest: &[TokenTree]) {
        if depth > 0 {
            return;
        }
        match behind_colons(rest) {
            Some((TokenTree::Ident(name), after)) => self.note(name, after),
            Some((TokenTree::Group(group), _)) if group.delimiter() == Delimiter::Brace => {
                let parts: Vec<TokenTree> = group.stream().into_iter().collect();
                for part in parts
                    .split(|token| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ','))
                {
                    if let Some((TokenTree::Ident(name), after)) = part.split_first() {
                        self.note(name, after);
                    }
                }
            }
            _ => {}
        }
    }

    fn note(&mut self, name: &Ident, after: &[TokenTree]) {
        let macro_call =
            matches!(after.first(), Some(TokenTree::Punct(mark)) if mark.as_char() == '!');
        let text = name.to_string();
        // A type or a macro at the root is not a module.
        if !macro_call
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text != "self"
        {
            self.names.push((line(name), text));
        }
    }
}

fn line(word: &Ident) -> usize {
    word.span().start().line
}

/// The token behind a leading `::`, and what follows it.
fn behind_colons(tokens: &[TokenTree]) -> Option<(&TokenTree, &[TokenTree])> {
    match tokens {
        [
            TokenTree::Punct(one),
            TokenTree::Punct(two),
            next,
            rest @ ..,
        ] if one.as_char() == ':' && two.as_char() == ':' => Some((next, rest)),
        _ => None,
    }
}

/// True when the tokens before end in `::`: the word behind them continues a path.
fn is_segment(before: &[TokenTree]) -> bool {
    matches!(before, [.., TokenTree::Punct(one), TokenTree::Punct(two)] if one.as_char() == ':' && two.as_char() == ':')
}

/// True when an inner attribute of the file is `forbid(unsafe_code)`, alone or among others.
fn forbids_unsafe(tokens: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    tokens.windows(3).any(|three| match three {
        [
            TokenTree::Punct(hash),
            TokenTree::Punct(bang),
            TokenTree::Group(attribute),
        ] => {
            let mut inner = attribute.stream().into_iter();
            hash.as_char() == '#'
                && bang.as_char() == '!'
                && matches!(inner.next(), Some(TokenTree::Ident(word)) if word == "forbid")
                && matches!(inner.next(), Some(TokenTree::Group(list))
                    if list.stream().into_iter().any(|token| token.to_string() == "unsafe_code"))
        }
        _ => false,
    })
}

/// Checks every file below a folder; returns how many there were.
fn check_folder(folder: &Path, prefix: &str, faults: &mut Vec<String>) -> usize {
    let mut files = 0;
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .collect();
    entries.sort_by_key(|entry| entry.file_name());
    for entry in entries {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            files += check_folder(&entry.path(), &format!("{name}/"), faults);
        } else if name.ends_with(".rs") {
            faults.extend(check(&name, &fs::read_to_string(entry.path()).unwrap()));
            files += 1;
        }
    }
    files
}

#[test]
fn sources_keep_the_architecture() {
    let mut faults = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = check_folder(&folder, "", &mut faults);
    assert!(files > 1, "no sources found");
    assert!(
        faults.is_empty(),
        "{} faults\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// The faults of a file that forbids unsafe code and otherwise says this.
fn faults_of(name: &str, code: &str) -> Vec<String> {
    check(name, &format!("#![forbid(unsafe_code)]\n{code}"))
}

#[test]
fn a_higher_floor_may_not_be_named() {
    for code in [
        "use crate::socket::Socket;",
        "use crate::{errno::Errno, socket};",
        "fn f() { crate::socket::open(); }",
        "use super::socket;",
        "mod inner { use super::super::socket::Socket; }",
        "mod inner { fn f() { super::super::socket::open() } }",
        "pub use crate::{\n    msg::Msg,\n    socket::{self, Socket},\n};",
        "macro_rules! m { () => { $crate::socket::open() } }",
    ] {
        let faults = faults_of("link/mod.rs", code);
        assert_eq!(faults.len(), 1, "{code}: {faults:?}");
        assert!(
            faults[0].contains("floor 4 names socket on floor 7"),
            "{faults:?}"
        );
    }
}

#[test]
fn the_same_floor_and_lower_ones_may_be_named() {
    for code in [
        "use crate::pipe::Pipe; use crate::errno::{Errno, Result};",
        "use super::credit::Credit;",
        "use crate::{io, link::Link, msg};",
        "pub(crate) fn f() {}",
        "fn f() { crate::trace!(\"x\"); crate::VERSION; }",
        "// use crate::socket;\n/// [`crate::socket::Socket`]\nfn f() { g(\"use crate::socket;\") }",
        "use super::super::io;",
    ] {
        assert_eq!(
            faults_of("pipe/state.rs", code),
            Vec::<String>::new(),
            "{code}"
        );
    }
    assert_eq!(
        faults_of("ctx/mod.rs", "use crate::{socket, poll};"),
        Vec::<String>::new()
    );
    assert_eq!(
        check("lib.rs", "pub mod ffi; use crate::ffi::x;"),
        Vec::<String>::new()
    );
}

#[test]
fn super_counts_from_where_it_stands() {
    assert_eq!(faults_of("link.rs", "use super::socket;").len(), 1);
    assert_eq!(faults_of("link/drive.rs", "use super::socket;").len(), 0);
    assert_eq!(
        faults_of("link/drive.rs", "use super::super::socket;").len(),
        1
    );
    assert_eq!(
        faults_of("link/drive.rs", "mod tests { use super::super::socket; }").len(),
        0
    );
}

#[test]
fn a_module_without_a_floor_is_a_fault() {
    assert!(faults_of("misc/mod.rs", "")[0].contains("has no floor"));
    assert!(faults_of("link/mod.rs", "use crate::misc::x;")[0].contains("no module with a floor"));
}

#[test]
fn unsafe_stands_in_four_modules() {
    for code in [
        "fn f() { unsafe { g() } }",
        "#[unsafe(no_mangle)] fn f() {}",
        "unsafe impl Send for X {}",
    ] {
        assert_eq!(faults_of("socket/mod.rs", code).len(), 1, "{code}");
        assert_eq!(check("ffi/mod.rs", code), Vec::<String>::new(), "{code}");
    }
    for code in [
        "// unsafe",
        "fn f() { g(\"unsafe\", 'u', r#\"unsafe\"#) }",
        "/* unsafe */ fn f() {}",
    ] {
        assert_eq!(
            faults_of("socket/mod.rs", code),
            Vec::<String>::new(),
            "{code}"
        );
    }
}

#[test]
fn a_file_must_forbid_unsafe_code() {
    let lacks = |text: &str| {
        check("socket/mod.rs", text)
            .iter()
            .any(|fault| fault.contains("lacks"))
    };
    assert!(lacks("fn f() {}"));
    assert!(lacks("// #![forbid(unsafe_code)]\nfn f() {}"));
    assert!(lacks("#![deny(unsafe_code)]"));
    assert!(!lacks("//! Doc.\n#![forbid(unsafe_code)]\nfn f() {}"));
    assert!(!lacks("#![forbid(unsafe_code, missing_docs)]"));
    assert_eq!(check("msg/mod.rs", "fn f() {}"), Vec::<String>::new());
}

#[test]
fn a_file_may_not_outgrow_its_reader() {
    assert_eq!(
        faults_of("socket/mod.rs", &"\n".repeat(MOST_LINES - 1)),
        Vec::<String>::new()
    );
    assert_eq!(
        faults_of("socket/mod.rs", &"\n".repeat(MOST_LINES)).len(),
        1
    );
}
