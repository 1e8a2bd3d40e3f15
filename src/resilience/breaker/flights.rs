//! Calls that have begun and not ended, oldest first, so that those that hang are seen before they end.

use std::time::Duration;

use super::moment::Moment;

/// The end of a list.
const NONE: u32 = u32::MAX;

/// A list of calls in the order they began, threaded through one vector; each step costs the same however many there are.
#[derive(Clone, Debug)]
pub(super) struct Flights {
    calls: Vec<Call>,
    oldest: u32,
    newest: u32,
    free: u32,
    /// The oldest call that is not known to be slow.
    first_quick: u32,
    slow: u32,
}

#[derive(Clone, Copy, Debug)]
struct Call {
    began: Moment,
    older: u32,
    newer: u32,
    slow: bool,
}

impl Default for Flights {
    fn default() -> Self {
        Self { calls: Vec::new(), oldest: NONE, newest: NONE, free: NONE, first_quick: NONE, slow: 0 }
    }
}

impl Flights {
    /// Notes a call that begins now; returns its place.
    pub(super) fn begin(&mut self, now: Moment) -> u32 {
        let call = Call { began: now, older: self.newest, newer: NONE, slow: false };
        let place = match self.free {
            NONE => {
                let place = u32::try_from(self.calls.len()).unwrap_or(NONE);
                self.calls.push(call);
                place
            }
            free => {
                self.free = self.calls[free as usize].newer;
                self.calls[free as usize] = call;
                free
            }
        };
        match self.newest {
            NONE => self.oldest = place,
            newest => self.calls[newest as usize].newer = place,
        }
        self.newest = place;
        if self.first_quick == NONE {
            self.first_quick = place;
        }
        place
    }

    /// Takes a call out that has ended.
    pub(super) fn end(&mut self, place: u32) {
        let Some(Call { older, newer, slow, .. }) = self.calls.get(place as usize).copied() else { return };
        match older {
            NONE => self.oldest = newer,
            older => self.calls[older as usize].newer = newer,
        }
        match newer {
            NONE => self.newest = older,
            newer => self.calls[newer as usize].older = older,
        }
        if self.first_quick == place {
            self.first_quick = newer;
        }
        self.slow -= u32::from(slow);
        self.calls[place as usize].newer = self.free;
        self.free = place;
    }

    /// Returns how many have taken longer than `over` by now.
    pub(super) fn slow_at(&mut self, now: Moment, over: Duration) -> u32 {
        while let Some(call) = self.calls.get_mut(self.first_quick as usize) {
            if now.since(call.began) <= over {
                break;
            }
            call.slow = true;
            self.slow += 1;
            self.first_quick = call.newer;
        }
        self.slow
    }

    /// Forgets every call: what they come to counts no more.
    pub(super) fn clear(&mut self) {
        let calls = std::mem::take(&mut self.calls);
        *self = Self { calls, ..Self::default() };
        self.calls.clear();
    }
}
