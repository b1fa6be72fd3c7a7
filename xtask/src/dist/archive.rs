//! The static library: one object whose only global names are the C functions.
//!
//! rustc's archive exports Rust's own runtime (`rust_eh_personality` and others), so two of them clash in one
//! program. Linking it into one relocatable object and making everything else local removes the clash.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::symbols::output;

/// Makes `target` from rustc's archive, keeping `names` global.
pub fn localise(source: &Path, target: &Path, names: &BTreeSet<String>) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let object = folder.path().join("zmq.o");
    let list = folder.path().join("names");
    fs::write(
        &list,
        names
            .iter()
            .map(|name| format!("{name}\n"))
            .collect::<String>(),
    )?;

    // Naming the roots pulls in the members they need and lets the linker drop the rest. Groups are dissolved,
    // or the final link would discard one of two equal groups and leave references to it dangling.
    let mut link = Command::new("ld");
    link.args(["-r", "--gc-sections", "--force-group-allocation"]);
    for name in names {
        link.args(["-u", name]);
    }
    output(link.arg("-o").arg(&object).arg(source))?;
    output(
        Command::new("objcopy")
            // Bitcode for rustc's own use: a linker plugin of another LLVM would stumble over it.
            .args(["--remove-section=.llvmbc", "--remove-section=.llvmcmd"])
            .arg("--keep-global-symbols")
            .arg(&list)
            .arg(&object),
    )?;

    if target.exists() {
        fs::remove_file(target)?;
    }
    output(Command::new("ar").arg("rcs").arg(target).arg(&object))?;
    Ok(())
}
