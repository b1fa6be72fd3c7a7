//! GSSAPI, in a Kerberos realm that `capi-tests/realm.sh` makes for each program: our programs on both libraries, libzmq's own
//! program on ours, and both on one wire. What the other stages run of these programs leaves itself out, for want of a realm.

use std::ffi::OsString;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::{Context, Tally, capi, interop};
use crate::child::{Ending, Finished, Job};
use crate::conformance::{Library, Verdict};
use crate::reference::Flavour;
use crate::toolchain::{self, Toolchain};

/// What `realm.sh` exits with where there are no programs to make a realm with.
const NO_REALM: i32 = 77;
const LIMIT: Duration = Duration::from_secs(300);
const INTEROP_LIMIT: Duration = Duration::from_secs(600);
const THEIR_TEST: &str = "test_security_gssapi";

pub fn run(context: &Context) -> Result<Tally> {
    check_realm(context)?;
    let mut tally = Tally::default();
    let tools = Toolchain::locate()?;
    let lib = context.dist()?.join("lib");
    let ours = Library {
        folder: lib.clone(),
        draft: true,
    };
    let reference = context.reference()?;
    let theirs = reference.has_gssapi().then(|| Library {
        folder: reference.library_folder(Flavour::Draft),
        draft: false,
    });
    if theirs.is_none() {
        tally.skip("the reference", "it is built without GSSAPI");
    }
    let programs = capi::programs(context, "capi-tests")?;
    for program in programs.iter().filter(|p| p.name.contains("_gssapi")) {
        capi::step(context, &tools, &lib, program)?.ensure()?;
        let executable = [program.executable.clone().into_os_string()];
        let run = |library: &Library| {
            let finished = in_realm(context, &executable, library.environment(), LIMIT)?;
            capi::judge(&finished)
        };
        tally.count(&program.name, run(&ours));
        if let (Some(theirs), None) = (&theirs, &program.difference) {
            let name = format!("{} on the reference", program.name);
            tally.count(&name, run(theirs));
        }
    }

    reference.build_tests(&[THEIR_TEST.to_owned()])?;
    let executable = [reference.test_folder().join(THEIR_TEST).into_os_string()];
    let finished = in_realm(context, &executable, ours.environment(), LIMIT)?;
    match Verdict::of(&finished) {
        Verdict::Fail(reason) => tally.fail(THEIR_TEST, &format!("{reason}\n{}", finished.output)),
        Verdict::Skip => tally.fail(THEIR_TEST, "it left itself out, in a realm"),
        _ => tally.pass(),
    }

    if let Some(theirs) = &theirs {
        for program in &capi::programs(context, "capi-tests/interop")? {
            capi::step(context, &tools, &lib, program)?.ensure()?;
            let command = [
                "sh".into(),
                interop::script(context).into_os_string(),
                lib.clone().into_os_string(),
                theirs.folder.clone().into_os_string(),
            ];
            let environment = vec![("PEER_PROGRAM", program.executable.clone().into_os_string())];
            let finished = in_realm(context, &command, environment, INTEROP_LIMIT)?;
            interop::count(&mut tally, &finished)?;
        }
    }
    Ok(tally)
}

/// Installs what makes a realm, where that can be done without asking.
fn check_realm(context: &Context) -> Result<()> {
    let probe = || in_realm(context, &["true".into()], Vec::new(), LIMIT);
    let mut finished = probe()?;
    if finished.ending == Ending::Exit(NO_REALM) {
        toolchain::kerberos().context("GSSAPI takes a key distribution center to test with")?;
        finished = probe()?;
    }
    match finished.ending {
        Ending::Exit(0) => Ok(()),
        ending => bail!("no Kerberos realm, {ending}:\n{}", finished.output),
    }
}

/// Runs a command in a realm of its own.
fn in_realm(
    context: &Context,
    command: &[OsString],
    environment: Vec<(&'static str, OsString)>,
    limit: Duration,
) -> Result<Finished> {
    let realm = context.workspace.root.join("capi-tests/realm.sh");
    let mut arguments = vec![realm.into_os_string()];
    arguments.extend_from_slice(command);
    Job {
        program: "sh".into(),
        arguments,
        environment,
        group: true,
        ..Job::default()
    }
    .run(limit)
}
