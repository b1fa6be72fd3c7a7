//! The workspace's command line: `cargo xtask <command>`.

mod compile;
mod reference;
mod toolchain;
mod workspace;

use anyhow::Result;
use reference::{Flavour, Reference};

fn main() -> Result<()> {
    let w = workspace::Workspace::locate()?;
    let r = Reference::new(&w, 2)?;
    r.build_library(Flavour::Release)?;
    r.build_perf()?;
    r.build_library(Flavour::Draft)?;
    r.build_tests(&r.test_names()?)?;
    Ok(())
}
