//! Many messages from one socket to another, for a proxy.
#![forbid(unsafe_code)]

use super::{NO_PIPE, Socket};
use crate::msg::Msg;
use crate::queue::QuickTurn;

/// What [`pass_now`] did.
#[derive(Debug, Default)]
pub struct Passed {
    /// Messages passed on, and their bytes.
    pub messages: usize,
    /// See `messages`.
    pub bytes: usize,
    /// Received behind these, and not sent: it takes more.
    pub left: Option<Msg>,
}

/// Receives and sends on up to `most` messages of one frame, until it takes more: that is for [`recv`](super::recv) and
/// [`send`](super::send) to find out.
pub fn pass_now(
    from: &mut QuickTurn<Socket>,
    to: &mut QuickTurn<Socket>,
    most: usize,
) -> Option<Passed> {
    let (from, in_fence) = from.object()?;
    let (to, out_fence) = to.object()?;
    if from.stopped || !from.pending.is_empty() || from.options.invert_matching {
        return None;
    }
    let out = to.sole_out;
    let queue = from.pattern.fair_in()?;
    if out == NO_PIPE {
        return None;
    }
    let mut passed = Passed::default();
    let mut msg = Msg::new();
    while passed.messages < most
        && !from.mailbox.has_news()
        && !to.mailbox.has_news()
        && queue.recv_now(&mut from.pipes, &mut msg, in_fence)
    {
        let size = msg.len();
        if to.pipes.write_now(out, &msg, out_fence) {
            msg.clear();
        } else if !to.pipes.write_sole(out, &mut msg) {
            passed.left = Some(msg);
            break;
        }
        passed.messages += 1;
        passed.bytes += size;
    }
    if passed.messages > 0 || passed.left.is_some() {
        from.rcvmore = false;
    }
    Some(passed)
}
