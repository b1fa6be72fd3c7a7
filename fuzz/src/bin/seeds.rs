//! Writes the seeds below `seeds/`: `cargo run --features seeds --bin seeds`, in this folder.

use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (target, name, data) in ozmq_fuzz::seeds::all() {
        fs::create_dir_all(root.join(target))?;
        fs::write(root.join(target).join(name), data)?;
    }
    Ok(())
}
