//! Asks the ZAP handler: the socket of this context that is bound at `inproc://zeromq.zap.01`. 27/ZAP.
//!
//! Each question travels over a pipe of its own, which to the handler looks like any other inproc peer.
#![forbid(unsafe_code)]

use super::Registry;
use crate::link::zap::{Authenticator, Inquiry};
use crate::msg::Msg;
use crate::pipe::{Far, Newcomer, News, Peer, PipeKey};
use crate::queue::{LaneRx, LaneTx, Mailbox, Wake, lane};
use crate::zmtp::mechanism::Verdict;
use crate::zmtp::secret::Secret;
use crate::zmtp::zap;
use parking_lot::Mutex;
use std::sync::Arc;

impl Authenticator for Mutex<Registry> {
    fn ask(&self, question: &[Secret], wake: Wake) -> Result<Box<dyn Inquiry>, Verdict> {
        // Held until our end is on its way: a handler that goes away meanwhile still finds it in its mailbox.
        let registry = self.lock();
        let bound = registry.find(zap::HANDLER).ok_or(Verdict::NoHandler)?;
        if !bound.answers {
            return Err(Verdict::DeafHandler);
        }
        // No high water mark either way.
        let ((mut tx, far_rx), (far_tx, rx)) = (lane(0), lane(0));
        let last = question.len().saturating_sub(1);
        for (place, frame) in question.iter().enumerate() {
            // Out of memory: better no answer than a wrong question.
            let mut msg = Msg::copied(frame.expose()).map_err(|_| Verdict::DeafHandler)?;
            msg.set_more(place < last);
            tx.push(msg, place == last);
        }
        // Nobody reads yet, so nobody has to be told.
        let _ = tx.publish();
        let asked = Asked {
            mailbox: Arc::new(Mailbox::waking(wake)),
            lanes: Some((tx, rx)),
            far: Arc::clone(&bound.mailbox),
            far_key: PipeKey::fresh(),
        };
        bound.mailbox.send(News::Attach(Box::new(Newcomer {
            key: asked.far_key,
            tx: far_tx,
            rx: far_rx,
            far: Far::Inproc {
                mailbox: Arc::clone(&asked.mailbox),
                key: PipeKey::fresh(),
            },
            peer: Some(Peer::default()),
            endpoint: bound.endpoint,
        })));
        Ok(Box::new(asked))
    }
}

/// A question under way.
struct Asked {
    mailbox: Arc<Mailbox<News>>,
    /// Until dropped.
    lanes: Option<(LaneTx<Msg>, LaneRx<Msg>)>,
    far: Arc<Mailbox<News>>,
    far_key: PipeKey,
}

impl Inquiry for Asked {
    fn answer(&mut self) -> Option<Verdict> {
        // All they say is that it is time to look.
        self.mailbox.take(drop);
        let (_, rx) = self.lanes.as_mut()?;
        if !rx.is_readable() && (rx.park_now() || !rx.is_readable()) {
            return None;
        }
        let mut frames = Vec::new();
        // A message of several frames is there whole.
        while let Some(frame) = rx.pop() {
            let more = frame.more();
            if frames.len() < zap::ENOUGH_FRAMES {
                frames.push(frame);
            }
            if !more {
                break;
            }
        }
        let frames: Vec<&[u8]> = frames.iter().map(Msg::data).collect();
        Some(zap::verdict(&frames))
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        // Our ends of the lanes are gone before the handler hears of it.
        drop(self.lanes.take());
        self.far.send(News::Gone(self.far_key));
    }
}
