//! Fills the templates in `cmake/`: how pkg-config and CMake find what was built.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{SHARED_FILE, SONAME, VERSION};

/// A template and where it goes below the distribution.
const TEMPLATES: [(&str, &str); 5] = [
    ("libzmq.pc.in", "lib/pkgconfig/libzmq.pc"),
    (
        "ZeroMQConfig.cmake.in",
        "lib/cmake/ZeroMQ/ZeroMQConfig.cmake",
    ),
    (
        "ZeroMQConfigVersion.cmake.in",
        "lib/cmake/ZeroMQ/ZeroMQConfigVersion.cmake",
    ),
    (
        "ZeroMQTargets.cmake.in",
        "lib/cmake/ZeroMQ/ZeroMQTargets.cmake",
    ),
    (
        "ZeroMQTargets-release.cmake.in",
        "lib/cmake/ZeroMQ/ZeroMQTargets-release.cmake",
    ),
];

/// Writes all of them. `native` is what a program must link beside `libzmq.a`.
pub fn write(root: &Path, dist: &Path, native: &[String], draft: bool) -> Result<()> {
    for (template, target) in TEMPLATES {
        let path = root.join("cmake").join(template);
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let text = fill(&text, native, draft);
        ensure!(
            !has_placeholder(&text),
            "{template} has a placeholder nobody fills"
        );
        let target = dist.join(target);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&target, text)?;
    }
    Ok(())
}

fn fill(text: &str, native: &[String], draft: bool) -> String {
    let pointer = size_of::<usize>().to_string();
    let (definition, flag) = match draft {
        true => ("ZMQ_BUILD_DRAFT_API=1", " -DZMQ_BUILD_DRAFT_API=1"),
        false => ("", ""),
    };
    text.replace("@VERSION@", VERSION)
        .replace("@SHARED_FILE@", SHARED_FILE)
        .replace("@SONAME@", SONAME)
        .replace("@POINTER_BYTES@", &pointer)
        .replace("@NATIVE_LIBRARIES_LIST@", &native.join(";"))
        .replace("@NATIVE_LIBRARIES@", &native.join(" "))
        .replace("@DRAFT_DEFINITION@", definition)
        .replace("@DRAFT_FLAG@", flag)
}

fn has_placeholder(text: &str) -> bool {
    text.split('@')
        .skip(1)
        .step_by(2)
        .any(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_filled() {
        let native = ["-lm".to_owned(), "-lc".to_owned()];
        let text = fill(
            "Libs.private: @NATIVE_LIBRARIES@\nCflags: -I.@DRAFT_FLAG@",
            &native,
            true,
        );
        assert_eq!(
            text,
            "Libs.private: -lm -lc\nCflags: -I. -DZMQ_BUILD_DRAFT_API=1"
        );
        assert!(has_placeholder("a @NOBODY@ b"));
        assert!(!has_placeholder(&text));
    }

    #[test]
    fn drafts_show_only_when_asked_for() {
        assert_eq!(fill("x@DRAFT_FLAG@", &[], false), "x");
    }
}
