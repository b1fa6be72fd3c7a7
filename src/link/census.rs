//! What can be asked of a connection from outside.
#![forbid(unsafe_code)]

use super::Link;
use super::life::PATIENCE;
use crate::endpoint::Ends;

impl Link {
    /// The ends that the statistics of its pipe carry: what was told when the pipe was made. One that we made ourselves
    /// does not tell which local end it has at the moment.
    pub fn pipe_ends(&self) -> Ends {
        let life = self.life.lock();
        match life.dialer {
            Some(_) => Ends::dialing(life.ends.remote.clone()),
            None => life.ends.clone(),
        }
    }

    /// How many messages of the peer wait for the application, as the high water mark counts them.
    pub fn waiting(&self) -> u64 {
        for _ in 0..PATIENCE {
            let Some(core) = self.enter(0) else {
                // A turn of the I/O thread is short.
                std::thread::yield_now();
                continue;
            };
            let queued = core.lanes.as_ref().map_or(0, |(_, inbox)| inbox.queued());
            self.finish(core, false);
            return queued;
        }
        0
    }
}
