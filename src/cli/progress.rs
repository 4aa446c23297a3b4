//! A progress bar with the time left on stderr, and Ctrl-C.
//!
//! Draws nothing unless stderr is a terminal. Knows nothing of what is counted. Start at [`TerminalProgress::new`].

use crate::experiment::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub struct TerminalProgress {
    bar: ProgressBar,
    interrupted: Arc<AtomicBool>,
}

impl TerminalProgress {
    /// Takes over Ctrl-C: the first one asks the run to end, a second one ends the process.
    pub fn new(visible: bool) -> TerminalProgress {
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} replications, {eta} left");
        bar.set_style(style.expect("a valid template").progress_chars("=> "));

        let interrupted = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&interrupted);
        // Without a handler Ctrl-C ends the process at once, which leaves earlier results untouched as well.
        let _ = ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        });
        TerminalProgress { bar, interrupted }
    }

    /// Clears the bar, so that results start on a clean line.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for TerminalProgress {
    fn total(&self, replications: u64) {
        self.bar.set_length(replications);
    }

    fn done(&self) {
        self.bar.inc(1);
    }

    fn cancelled(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}
