//! Many of a kind, some at a time, under a progress bar.

use std::time::Duration;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;

/// Does `work` on every item, `jobs` at a time: what came of each, in their order. The first error is all that comes of it,
/// and keeps those from being begun that have not.
pub fn each<T: Sync, R: Send>(
    title: &str,
    items: &[T],
    jobs: usize,
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let bar = progress(title, items.len() as u64);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build()?;
    let results = pool.install(|| {
        items
            .par_iter()
            .map(|item| {
                let result = work(item);
                bar.inc(1);
                result
            })
            .collect()
    });
    bar.finish_and_clear();
    results
}

/// A progress bar in the workspace's one style.
pub fn progress(title: &str, length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    let style =
        ProgressStyle::with_template("{prefix:<28} {bar:32} {pos:>3}/{len:<3} {elapsed} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar.set_prefix(title.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// How many processes to run at once.
pub fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}
