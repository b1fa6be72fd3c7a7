//! What a connection needs of the ZAP handler. The handler is a socket of the application: the I/O thread leaves the
//! question with it and goes on; the answer has the connection run again.
#![forbid(unsafe_code)]

use super::Link;
use super::life::Shaking;
use crate::queue::Wake;
use crate::zmtp::mechanism::Verdict;
use crate::zmtp::secret::Secret;
use crate::zmtp::zap;
use std::sync::Arc;

/// Knows where the handler is. Called on any thread; must not block.
pub trait Authenticator: Send + Sync + std::fmt::Debug {
    /// Asks, in these frames. `wake` is called, by whichever thread, whenever the answer may be there.
    ///
    /// # Errors
    /// The verdict, when there is nobody to ask.
    fn ask(&self, question: &[Secret], wake: Wake) -> Result<Box<dyn Inquiry>, Verdict>;
}

/// A question that was asked; dropped, it is taken back.
pub trait Inquiry: Send {
    /// The answer, once. Until then the next one wakes.
    fn answer(&mut self) -> Option<Verdict>;
}

impl Link {
    /// What the ZAP handler says of the peer; asks it first. `None` while it thinks. One that is gone thinks until the peer
    /// leaves or the handshake's time is over, as with libzmq: a refusal at once would have the peer back at once.
    pub(super) fn hear_zap(self: &Arc<Self>, shaking: &mut Shaking) -> Option<Verdict> {
        if let Some(request) = shaking.handshake.zap_request() {
            let config = &self.setup.handshake;
            let question = zap::question(request, config, shaking.peer_address.as_bytes());
            let me = Arc::downgrade(self);
            let wake = move || {
                if let Some(link) = me.upgrade() {
                    link.setup.io.clone().run(link);
                }
            };
            match self.setup.zap.ask(&question, Box::new(wake)) {
                Ok(inquiry) => shaking.inquiry = Some(inquiry),
                Err(verdict) => return Some(verdict),
            }
        }
        let verdict = shaking.inquiry.as_mut()?.answer()?;
        shaking.inquiry = None;
        Some(verdict)
    }
}
