//! Makes the header and the option reference from the tables.

use std::fmt::Write;
use zmq::options::built::{self, Presence};
use zmq::options::constants::{Constant, GROUPS, MISSING_ERRNOS, NATIVE_ERRNOS, PROPERTY_NAMES};
use zmq::options::row::{Access, Empty, Initial, Kind, Need, Owner, Row, Stage};
use zmq::options::table;

/// The header: the template with its `@` lines replaced.
pub fn header(template: &str) -> String {
    let mut text = String::new();
    for line in template.lines() {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("@notice", _) => text.push_str(
                "/* Generated from zmq.h.in and the tables in src/options: change those, then run\n   \
                 OZMQ_BLESS=1 cargo test --test header */\n",
            ),
            ("@constants", group) => constants(&mut text, group),
            ("@errnos", _) => errnos(&mut text),
            ("@context-options", _) => options(&mut text, own_context_rows(), |stage| stage != Stage::Draft),
            ("@socket-options", _) => options(&mut text, table::ROWS, |stage| stage != Stage::Draft),
            ("@drafts", _) => drafts(&mut text),
            _ => writeln!(text, "{}", line.replace("@version", &version())).expect("memory"),
        }
    }
    text
}

fn version() -> String {
    let values = GROUPS
        .iter()
        .filter(|group| group.name == "version")
        .flat_map(|group| group.constants);
    values
        .map(|constant| constant.text)
        .collect::<Vec<_>>()
        .join(".")
}

/// A value as the header writes it: names get their prefix back, sums their parentheses.
fn value(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let name = word.starts_with(|first: char| first.is_ascii_alphabetic());
        if name {
            format!("ZMQ_{word}")
        } else {
            word.to_owned()
        }
    });
    let text = words.collect::<Vec<_>>().join(" ");
    if text.contains(' ') {
        format!("({text})")
    } else {
        text
    }
}

fn define(text: &mut String, constant: &Constant) {
    let doc = constant.doc.trim();
    let deprecated = if constant.stage == Stage::Deprecated {
        "Deprecated: "
    } else {
        ""
    };
    writeln!(
        text,
        "/* {deprecated}{doc} */\n#define ZMQ_{} {}",
        constant.name,
        value(constant.text)
    )
    .expect("memory");
}

fn constants(text: &mut String, name: &str) {
    let group = GROUPS.iter().find(|group| group.name == name);
    let group =
        group.unwrap_or_else(|| panic!("the template asks for a group {name} that is not there"));
    writeln!(text, "/* {} */\n", group.title.trim()).expect("memory");
    for constant in group
        .constants
        .iter()
        .filter(|constant| constant.stage != Stage::Draft)
    {
        define(text, constant);
    }
}

fn errnos(text: &mut String) {
    constants(text, "errno_base");
    text.push('\n');
    for (name, offset) in MISSING_ERRNOS {
        writeln!(
            text,
            "#ifndef {name}\n#define {name} (ZMQ_HAUSNUMERO + {offset})\n#endif"
        )
        .expect("memory");
    }
    text.push('\n');
    for (name, offset) in NATIVE_ERRNOS {
        writeln!(text, "#define {name} (ZMQ_HAUSNUMERO + {offset})").expect("memory");
    }
}

/// A context shares some names with sockets, under the same number.
fn own_context_rows() -> impl Iterator<Item = &'static Row> {
    let shared = |row: &&Row| table::ROWS.iter().any(|socket| socket.name == row.name);
    table::context::ROWS.iter().filter(move |row| !shared(row))
}

fn options(
    text: &mut String,
    rows: impl IntoIterator<Item = &'static Row>,
    stages: impl Fn(Stage) -> bool,
) {
    for row in rows.into_iter().filter(|row| stages(row.stage)) {
        let deprecated = if row.stage == Stage::Deprecated {
            "Deprecated: "
        } else {
            ""
        };
        let doc = row.doc.trim();
        writeln!(
            text,
            "/* {deprecated}{doc} */\n#define ZMQ_{} {}",
            row.name, row.number
        )
        .expect("memory");
        for alias in row.aliases {
            writeln!(text, "#define ZMQ_{alias} ZMQ_{}", row.name).expect("memory");
        }
    }
}

fn drafts(text: &mut String) {
    for group in GROUPS {
        let mut drafts = group
            .constants
            .iter()
            .filter(|constant| constant.stage == Stage::Draft)
            .peekable();
        if drafts.peek().is_some() {
            writeln!(text, "/* {} */\n", group.title.trim()).expect("memory");
            drafts.for_each(|constant| define(text, constant));
            text.push('\n');
        }
    }
    text.push_str("/* Context options. */\n\n");
    options(text, own_context_rows(), |stage| stage == Stage::Draft);
    text.push_str("\n/* Socket options. */\n\n");
    options(text, table::ROWS, |stage| stage == Stage::Draft);
    text.push_str("\n/* Names of message properties. */\n\n");
    for (name, value) in PROPERTY_NAMES {
        writeln!(text, "#define ZMQ_{name} \"{value}\"").expect("memory");
    }
}

/// The reference page.
pub fn reference() -> String {
    let mut text = String::from(
        "# Options\n\n\
         Generated from `src/options/table.rs`: change that, then run `OZMQ_BLESS=1 cargo test --test header`.\n\n\
         Names lack their prefix `ZMQ_`. A value that does not fit its type and range is refused with EINVAL, and so\n\
         is an option that the socket type does not know. Drafts are declared under `ZMQ_BUILD_DRAFT_API`; the\n\
         library knows them in any case. Settings of connections reach those made afterwards; LINGER, the high water\n\
         marks, the timeouts of send and receive, subscriptions and the settings of patterns count at once.\n\n\
         ## Sockets\n\n",
    );
    rows(&mut text, table::ROWS);
    text.push_str("\n## Contexts\n\nAll are an `int`; THREAD_NAME_PREFIX also takes text, by `zmq_ctx_set_ext`.\n\n");
    rows(&mut text, table::context::ROWS);
    text
}

fn rows(text: &mut String, rows: &[Row]) {
    text.push_str("| # | Name | Access | Type and range | Default | What it does |\n|---|---|---|---|---|---|\n");
    for row in rows {
        let access = match row.access {
            Access::Get => "get",
            Access::Set => "set",
            Access::GetSet => "get, set",
        };
        let (number, kind, initial) = (row.number, kind(row.kind), initial(row));
        writeln!(
            text,
            "| {number} | {} | {access} | {kind} | {initial} | {} |",
            names(row),
            meaning(row)
        )
        .expect("memory");
    }
}

fn names(row: &Row) -> String {
    let mut names = row.name.to_owned();
    for alias in row.aliases {
        write!(names, ", {alias}").expect("memory");
    }
    names
}

fn meaning(row: &Row) -> String {
    let stage = match row.stage {
        Stage::Stable => "",
        Stage::Deprecated => "Deprecated. ",
        Stage::Draft => "Draft. ",
    };
    let mut text = format!("{stage}{}", row.doc.trim());
    if !row.types.is_empty() {
        let names: Vec<_> = row
            .types
            .iter()
            .map(|&number| socket_type(number))
            .collect();
        write!(text, " {} only.", names.join(", ")).expect("memory");
    }
    if row.owner != Owner::Options {
        return text;
    }
    match built::presence(row.need) {
        Presence::Built => {}
        Presence::Installed(library, _) => {
            write!(text, " Refused where there is no {library}.").expect("memory");
        }
        Presence::Absent => {
            let need = match row.need {
                Need::Gssapi => "GSSAPI",
                Need::Vmci => "vmci",
                Need::Norm => "norm",
                Need::Curve => "CURVE",
                Need::Wss => "wss",
                Need::Nothing => unreachable!("always built"),
            };
            write!(text, " Refused: this library has no {need}.").expect("memory");
        }
    }
    text
}

fn socket_type(number: u8) -> &'static str {
    let types = GROUPS
        .iter()
        .filter(|group| group.name == "socket_type")
        .flat_map(|group| group.constants);
    let mut types = types.filter(|constant| constant.value == i32::from(number));
    types.next().expect("every socket type has a name").name
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Int(0, 1) => "int, 0 or 1".to_owned(),
        Kind::Int(i32::MIN, i32::MAX) => "int".to_owned(),
        Kind::Int(least, i32::MAX) => format!("int, {least} or more"),
        Kind::Int(least, most) => format!("int, {least} to {most}"),
        Kind::Flag => "int, 0 or not".to_owned(),
        Kind::Status => "int".to_owned(),
        Kind::I64 => "int64_t".to_owned(),
        Kind::U64 => "uint64_t".to_owned(),
        Kind::Bytes(least, most, empty) => {
            format!("bytes{}{}", lengths(least, most), emptiness(empty))
        }
        Kind::Text(least, most, empty) => {
            format!("text{}{}", lengths(least, most), emptiness(empty))
        }
        Kind::Key => "key: 32 bytes, or 40 characters of Z85".to_owned(),
        Kind::Id => "four bytes; NULL clears all".to_owned(),
        Kind::Network => "text, address/bits; NULL clears all".to_owned(),
        Kind::Property => "text, X-name:value".to_owned(),
    }
}

fn lengths(least: usize, most: usize) -> String {
    match (least, most) {
        (_, usize::MAX) => String::new(),
        (least, most) => format!(", {} to {most}", least.max(1)),
    }
}

fn emptiness(empty: Empty) -> &'static str {
    match empty {
        Empty::Refused => "",
        Empty::NullClears => "; NULL clears",
        Empty::Clears => "; empty clears",
        Empty::Allowed => ", may be empty",
    }
}

fn initial(row: &Row) -> String {
    match row.initial {
        Initial::Number(number) => number.to_string(),
        Initial::Nothing => String::new(),
        Initial::Empty => "none".to_owned(),
        Initial::ZeroKey => "zeros".to_owned(),
    }
}
