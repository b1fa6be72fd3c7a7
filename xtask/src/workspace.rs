//! Where things are: the repository, its target folder, the reference's sources.

use std::path::PathBuf;

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;

/// What `cargo metadata` says about this workspace.
pub struct Workspace {
    pub root: PathBuf,
    pub target: PathBuf,
    /// The C++ sources of libzmq, as the crate `zeromq-src` carries them.
    pub vendor: PathBuf,
    /// The version of that crate: part of what makes a build out of date.
    pub vendor_version: String,
}

impl Workspace {
    pub fn locate() -> Result<Self> {
        // Asked at run time first: two checkouts may share one target folder.
        let folder = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let folder = folder.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let manifest = folder.join("../Cargo.toml");
        let metadata = MetadataCommand::new()
            .manifest_path(manifest)
            .exec()
            .context("cargo metadata failed")?;
        let source = metadata
            .packages
            .iter()
            .find(|package| package.name.as_str() == "zeromq-src")
            .context("the crate zeromq-src is not among the workspace's dependencies")?;
        let folder = source
            .manifest_path
            .parent()
            .context("zeromq-src has no folder")?;
        Ok(Self {
            root: metadata.workspace_root.into_std_path_buf(),
            target: metadata.target_directory.into_std_path_buf(),
            vendor: folder.join("vendor").into_std_path_buf(),
            vendor_version: source.version.to_string(),
        })
    }

    /// The folder that `cargo xtask dist` fills unless it is told otherwise.
    pub fn dist(&self) -> PathBuf {
        self.target.join("dist")
    }

    /// The folder the reference is built in.
    pub fn reference(&self) -> PathBuf {
        self.target.join("reference")
    }
}
