//! Some of libzmq's own test programs on ours under valgrind: no byte used that is not ours or not set, no definite leak.
//!
//! Nothing is suppressed. What a pool hands out again is one block to valgrind: it sees neither the use of a body after it
//! went back nor one that is never given back to the pool.

use std::ffi::OsString;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{Context, Ran, Tally, count_each};
use crate::child::{Ending, Finished, Job};
use crate::conformance::{Library, Outcome, PAGE, Table};
use crate::toolchain;

/// One or two of each family. Left out are those that depend on how fast they run, and `test_fork`: in the child of a
/// fork the other threads are gone, and what they had counts as lost.
const PROGRAMS: [&str; 16] = [
    "test_client_server",
    "test_connect_resolve",
    "test_hwm",
    "test_monitor",
    "test_msg_ffn",
    "test_poller",
    "test_proxy_single_socket",
    "test_radio_dish",
    "test_reqrep_inproc",
    "test_reqrep_ipc",
    "test_reqrep_tcp",
    "test_router_mandatory",
    "test_stream",
    "test_sub_forward",
    "test_thread_safe",
    "test_xpub_manual",
];
const LIMIT: Duration = Duration::from_secs(60);
/// What valgrind makes of a program's exit code when it found something.
const FOUND: i32 = 9;
/// Lines of a report that are shown.
const SHOWN: usize = 60;

pub fn run(context: &Context) -> Result<Tally> {
    let valgrind = toolchain::valgrind()?;
    let table = Table::read(&context.workspace.root)?;
    let reference = context.reference()?;
    let names = PROGRAMS.map(str::to_owned);
    reference.build_tests(&names)?;
    let library = Library {
        folder: context.dist()?.join("lib"),
        draft: true,
    };
    let folder = reference.test_folder();
    count_each("memcheck", &names, String::clone, |name| {
        let fails = table.0.get(name).map(|row| row.ours) == Some(Outcome::Fail);
        let mut arguments: Vec<OsString> = [
            "--leak-check=full",
            "--errors-for-leak-kinds=definite",
            "--show-leak-kinds=definite",
            "--num-callers=30",
        ]
        .map(OsString::from)
        .into();
        arguments.push(format!("--error-exitcode={FOUND}").into());
        arguments.push(folder.join(name).into());
        let finished = Job {
            program: valgrind.into(),
            arguments,
            environment: library.environment(),
            ..Job::default()
        }
        .run_apart(LIMIT)?;
        judge(&finished, fails)?;
        let note = fails.then(|| format!("{PAGE} says that not all of its cases pass"));
        Ok(Ran::Passed(note.into_iter().collect()))
    })
}

/// Whether a program ended as it should and valgrind found nothing.
fn judge(finished: &Finished, fails: bool) -> Result<()> {
    let Finished { ending, output } = finished;
    let counts: Vec<&str> = output
        .lines()
        .filter_map(|line| line.split_once("ERROR SUMMARY: "))
        .filter_map(|(_, rest)| rest.split_whitespace().next())
        .collect();
    ensure!(!counts.is_empty(), "{ending}, and valgrind did not count");
    ensure!(
        counts.iter().all(|count| *count == "0") && *ending != Ending::Exit(FOUND),
        "{ending}, valgrind counts {} errors\n{}",
        counts.join(" and "),
        report(output)
    );
    let ended = match ending {
        Ending::Exit(code) => *code == 0 || fails,
        _ => false,
    };
    ensure!(ended, "{ending}\n{output}");
    Ok(())
}

/// What valgrind wrote, behind its preface.
fn report(output: &str) -> String {
    let lines = output.lines().filter(|line| line.starts_with("=="));
    let lines: Vec<&str> = lines
        .skip_while(|line| !line.contains(" Command: "))
        .take(SHOWN)
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: &str = "==7== ERROR SUMMARY: 0 errors from 0 contexts (suppressed: 0 from 0)\n";
    const ONE: &str = "==7== ERROR SUMMARY: 1 errors from 1 contexts (suppressed: 0 from 0)\n";

    fn judged(ending: Ending, output: &str, fails: bool) -> bool {
        let output = output.to_owned();
        judge(&Finished { ending, output }, fails).is_ok()
    }

    #[test]
    fn what_valgrind_found_is_a_failure() {
        assert!(judged(Ending::Exit(0), NONE, false));
        assert!(!judged(Ending::Exit(FOUND), ONE, false));
        // The program's own exit code, and a child's errors beside none of the parent's.
        assert!(!judged(Ending::Exit(0), ONE, false));
        assert!(!judged(Ending::Exit(0), &format!("{NONE}{ONE}"), false));
        assert!(!judged(Ending::Exit(FOUND), ONE, true));
    }

    #[test]
    fn nothing_counted_is_a_failure() {
        assert!(!judged(Ending::Exit(0), "OK\n", false));
        assert!(!judged(Ending::Signal(11), NONE, true));
        assert!(!judged(Ending::Deadline(LIMIT), NONE, true));
    }

    #[test]
    fn a_program_that_does_not_pass_by_itself_may_fail_but_not_leak() {
        assert!(judged(Ending::Exit(3), NONE, true));
        assert!(!judged(Ending::Exit(3), NONE, false));
    }

    #[test]
    fn a_report_has_no_preface() {
        let output = "==7== Memcheck\n==7== Command: x\nok\n==7== Invalid read\n";
        assert_eq!(report(output), "==7== Command: x\n==7== Invalid read");
    }
}
