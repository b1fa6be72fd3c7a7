//! What a message costs in instructions: `bench/instructions.c`, linked with what ships and counted by valgrind, beside
//! the committed figures of `xtask/instructions.txt`.
//!
//! Instructions are the same on a slow and on a busy machine, so a step that the hot path gains shows at once, where times
//! would hide it. They depend on the processor's kind (its name is part of each figure's), a little on compiler and C library.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::{Context, Tally};
use crate::child::{Ending, Job};
use crate::compile::Step;
use crate::toolchain::{self, Toolchain};

/// The figures: a name and a number a line; below the repository's root.
const LIST: &str = "xtask/instructions.txt";
/// What a figure may exceed the recorded one by, or stay below it before it is to be recorded anew.
const TOLERANCE: f64 = 0.10;
/// Runs of one that is out of bounds or to be recorded; the middle one counts.
const TRIES: usize = 3;
const LIMIT: Duration = Duration::from_secs(60);

/// The program's function that is counted, and those of the library: named here as valgrind prints them, and never inlined.
const CALLER: &str = "measured";
const ENCODING: &str = "zmq::link::Link::send";
const DECODING: &str = "zmq::link::Link::receive";

/// One thing that is counted.
struct Case {
    name: &'static str,
    function: &'static str,
    work: &'static str,
    size: usize,
    count: usize,
}

const CASES: [Case; 13] = [
    case("tcp-send-10", CALLER, "send", 10, 50_000),
    case("tcp-send-100", CALLER, "send", 100, 20_000),
    case("tcp-receive-10", CALLER, "receive", 10, 50_000),
    case("tcp-receive-100", CALLER, "receive", 100, 20_000),
    case("encode-10", ENCODING, "encode", 10, 50_000),
    case("encode-100", ENCODING, "encode", 100, 20_000),
    case("decode-10", DECODING, "decode", 10, 50_000),
    case("decode-100", DECODING, "decode", 100, 8_000),
    case("inproc-send-10", CALLER, "inproc-send", 10, 20_000),
    case("inproc-send-100", CALLER, "inproc-send", 100, 20_000),
    case("inproc-receive-10", CALLER, "inproc-receive", 10, 20_000),
    case("inproc-receive-100", CALLER, "inproc-receive", 100, 20_000),
    case("tcp-round-trip-10", CALLER, "round-trip", 10, 1_000),
];

const fn case(
    name: &'static str,
    function: &'static str,
    work: &'static str,
    size: usize,
    count: usize,
) -> Case {
    Case {
        name,
        function,
        work,
        size,
        count,
    }
}

impl Case {
    /// Its name on this kind of processor.
    fn full_name(&self) -> String {
        format!("{}/{}", std::env::consts::ARCH, self.name)
    }
}

type Figures = BTreeMap<String, f64>;

pub fn run(context: &Context) -> Result<Tally> {
    let lib = context.dist()?.join("lib");
    let valgrind = toolchain::valgrind()?;
    let program = compile(context, &lib)?;
    let path = context.workspace.root.join(LIST);
    let mut figures = match fs::read_to_string(&path) {
        Ok(text) => parse(&text)?,
        Err(_) if context.record => Figures::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {LIST}")),
    };
    let mut tally = Tally::default();
    for case in &CASES {
        let name = case.full_name();
        let known = figures.get(&name).copied();
        let mut counts = Vec::new();
        while counts.len() < TRIES {
            let counted = count(valgrind, &program, &lib, case)?;
            counts.push(counted);
            if !context.record && judge(counted, known) == Verdict::Same {
                counts = vec![counted];
                break;
            }
        }
        let counted = middle(counts);
        if context.record {
            println!("   {name} {counted:.1}, was {}", text(known));
            figures.insert(name, counted);
            tally.pass();
            continue;
        }
        let change = format!("{counted:.1} instructions, recorded are {}", text(known));
        match judge(counted, known) {
            Verdict::Same => {
                println!("   {name}: {change}");
                tally.pass();
            }
            Verdict::More => tally.fail(&name, &change),
            Verdict::Less => tally.fail(
                &name,
                &format!(
                    "{change}: keep what was gained by `cargo xtask test instructions --record`"
                ),
            ),
            Verdict::Unknown => tally.fail(
                &name,
                &format!("{change}: `cargo xtask test instructions --record` on a sound build"),
            ),
        }
    }
    if context.record {
        fs::write(&path, render(&figures)).with_context(|| format!("cannot write {LIST}"))?;
    }
    Ok(tally)
}

fn middle(mut counts: Vec<f64>) -> f64 {
    counts.sort_by(f64::total_cmp);
    counts.get(counts.len() / 2).copied().unwrap_or(f64::NAN)
}

fn text(figure: Option<f64>) -> String {
    figure.map_or("none".into(), |figure| format!("{figure:.1}"))
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    More,
    Less,
    Unknown,
}

fn judge(counted: f64, recorded: Option<f64>) -> Verdict {
    match recorded {
        _ if counted.is_nan() => Verdict::Unknown,
        None => Verdict::Unknown,
        Some(recorded) if counted > recorded * (1.0 + TOLERANCE) => Verdict::More,
        Some(recorded) if counted < recorded * (1.0 - TOLERANCE) => Verdict::Less,
        Some(_) => Verdict::Same,
    }
}

fn parse(text: &str) -> Result<Figures> {
    let mut figures = Figures::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let pair = line
            .split_once(' ')
            .and_then(|(name, figure)| Some((name.to_owned(), figure.trim().parse().ok()?)));
        let Some((name, figure)) = pair else {
            bail!("{LIST} has a line that is no name and number: {line}");
        };
        figures.insert(name, figure);
    }
    Ok(figures)
}

fn render(figures: &Figures) -> String {
    let mut text = String::from(
        "# Instructions of the calling thread for one message (or one round trip), written by\n\
         # `cargo xtask test instructions --record`.\n",
    );
    for (name, figure) in figures {
        text.push_str(&format!("{name} {figure:.1}\n"));
    }
    text
}

fn compile(context: &Context, lib: &Path) -> Result<PathBuf> {
    let tools = Toolchain::locate()?;
    let bench = context.workspace.root.join("bench");
    let include = context.workspace.root.join("include");
    let source = bench.join("instructions.c");
    let output = context.workspace.target.join("bench/instructions");
    let mut arguments: Vec<OsString> = ["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-pthread"]
        .map(OsString::from)
        .into();
    for (option, value) in [("-I", &include), ("-o", &output), ("-L", &lib.to_owned())] {
        arguments.extend([option.into(), value.clone().into_os_string()]);
    }
    // The library is to find the program's clock.
    arguments.extend([
        source.clone().into(),
        "-rdynamic".into(),
        "-lzmq".into(),
        "-ldl".into(),
    ]);
    let inputs = vec![
        source,
        bench.join("bench.h"),
        bench.join("sockets.h"),
        include.join("zmq.h"),
    ];
    let step = Step {
        output: output.clone(),
        inputs,
        program: tools.cc,
        arguments,
        version: tools.version,
    };
    step.ensure()?;
    Ok(output)
}

/// Instructions for one message.
fn count(valgrind: &str, program: &Path, lib: &Path, case: &Case) -> Result<f64> {
    let mut arguments: Vec<OsString> = ["--tool=callgrind", "--callgrind-out-file=/dev/null"]
        .map(OsString::from)
        .into();
    arguments.push(format!("--toggle-collect={}", case.function).into());
    arguments.push(program.into());
    arguments.push(format!("work={}", case.work).into());
    arguments.push(format!("size={}", case.size).into());
    arguments.push(format!("count={}", case.count).into());
    let finished = Job {
        program: valgrind.into(),
        arguments,
        environment: vec![("LD_LIBRARY_PATH", lib.into())],
        group: true,
        ..Job::default()
    }
    .run(LIMIT)?;
    ensure!(
        finished.ending == Ending::Exit(0),
        "{}: {}\n{}",
        case.name,
        finished.ending,
        finished.output
    );
    // What the library's function did before the measured part counts as well.
    let messages = if case.function == CALLER {
        "messages "
    } else {
        "all "
    };
    per_message(&finished.output, messages)
        .with_context(|| format!("{}: nothing was counted\n{}", case.name, finished.output))
}

/// From valgrind's "==12== Collected : 34" and the program's "messages 5" or "all 6".
fn per_message(output: &str, messages: &str) -> Option<f64> {
    let behind = |mark: &str| -> Option<f64> {
        let (_, rest) = output.lines().find_map(|line| line.split_once(mark))?;
        rest.trim().parse().ok().filter(|number| *number > 0.0)
    };
    let program = |line: &&str| !line.starts_with("==");
    let count = output
        .lines()
        .filter(program)
        .find_map(|line| line.strip_prefix(messages))?;
    let count: f64 = count.trim().parse().ok().filter(|number| *number > 0.0)?;
    Some(behind("Collected :")? / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_judged_by_the_recorded_ones() {
        assert_eq!(judge(100.0, Some(100.0)), Verdict::Same);
        assert_eq!(judge(109.0, Some(100.0)), Verdict::Same);
        assert_eq!(judge(111.0, Some(100.0)), Verdict::More);
        assert_eq!(judge(89.0, Some(100.0)), Verdict::Less);
        assert_eq!(judge(1.0, None), Verdict::Unknown);
    }

    #[test]
    fn one_run_that_is_off_does_not_count() {
        assert_eq!(middle(vec![9.0, 1.0, 8.0]), 8.0);
        assert_eq!(middle(vec![7.0]), 7.0);
        assert_eq!(judge(middle(Vec::new()), Some(100.0)), Verdict::Unknown);
    }

    #[test]
    fn figures_are_read_as_they_were_written() {
        let figures = Figures::from([("b".into(), 2.5), ("a".into(), 100.0)]);
        let text = render(&figures);
        assert!(text.starts_with('#'));
        assert_eq!(parse(&text).unwrap(), figures);
        assert!(parse("a hundred").is_err());
    }

    #[test]
    fn nothing_counted_is_no_figure() {
        let output = "messages 4\nall 5\n==7== Events    : Ir\n==7== Collected : 10\n";
        assert_eq!(per_message(output, "messages "), Some(2.5));
        assert_eq!(per_message(output, "all "), Some(2.0));
        for output in [
            "messages 4\n==7== Collected : 0\n",
            "==7== Collected : 10\n",
            "messages 0\n==7== Collected : 10\n",
        ] {
            assert_eq!(per_message(output, "messages "), None);
        }
    }
}
