//! The model checker's primitives under the names that `src/resilience/sync.rs` gives to the system's.

use std::future::poll_fn;
use std::task::Poll;

use tokio::time::Instant;

pub(super) use loom::sync::MutexGuard;
pub(super) use loom::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Clock;

/// A mutex that no panic poisons: a model that panics has failed.
#[derive(Debug)]
pub(super) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(super) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(super) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0.lock().expect("no thread of a model has panicked")
    }
}

pub(super) struct Elapsed;

/// Is over when this thread's time is, at the next poll.
pub(super) async fn timeout_at<F: Future + Unpin>(at: Instant, mut future: F) -> Result<F::Output, Elapsed> {
    let polled = poll_fn(|context| match std::pin::Pin::new(&mut future).poll(context) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending if at <= Clock.now() => Poll::Ready(Err(Elapsed)),
        Poll::Pending => Poll::Pending,
    });
    polled.await
}

/// A channel for one value that keeps the promises of tokio's which the bulkhead relies on: a value goes to the receiver,
/// or back to the sender if the receiver is closed or gone; one that was sent and not received is dropped with the
/// receiver.
pub(super) mod oneshot {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};

    use super::Mutex;

    #[derive(Debug)]
    pub(in crate::resilience) struct Sender<T>(Arc<Mutex<Channel<T>>>);

    #[derive(Debug)]
    pub(in crate::resilience) struct Receiver<T>(Arc<Mutex<Channel<T>>>);

    #[derive(Debug)]
    pub(in crate::resilience) struct SenderGone;

    #[derive(Debug)]
    pub(in crate::resilience) struct Empty;

    #[derive(Debug)]
    struct Channel<T> {
        value: Option<T>,
        waker: Option<Waker>,
        has_sender: bool,
        is_open: bool,
    }

    pub(in crate::resilience) fn channel<T>() -> (Sender<T>, Receiver<T>) {
        let channel = Channel { value: None, waker: None, has_sender: true, is_open: true };
        let shared = Arc::new(Mutex::new(channel));
        (Sender(Arc::clone(&shared)), Receiver(shared))
    }

    impl<T> Sender<T> {
        pub(in crate::resilience) fn send(self, value: T) -> Result<(), T> {
            let mut channel = self.0.lock();
            if !channel.is_open {
                return Err(value);
            }
            channel.value = Some(value);
            Ok(())
        }
    }

    impl<T> Drop for Sender<T> {
        fn drop(&mut self) {
            let mut channel = self.0.lock();
            channel.has_sender = false;
            let waker = channel.waker.take();
            drop(channel);
            waker.into_iter().for_each(Waker::wake);
        }
    }

    impl<T> Receiver<T> {
        pub(in crate::resilience) fn close(&mut self) {
            self.0.lock().is_open = false;
        }

        pub(in crate::resilience) fn try_recv(&mut self) -> Result<T, Empty> {
            self.0.lock().value.take().ok_or(Empty)
        }
    }

    impl<T> Future for Receiver<T> {
        type Output = Result<T, SenderGone>;

        fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
            let mut channel = self.0.lock();
            if let Some(value) = channel.value.take() {
                return Poll::Ready(Ok(value));
            }
            if !channel.has_sender {
                return Poll::Ready(Err(SenderGone));
            }
            channel.waker = Some(context.waker().clone());
            Poll::Pending
        }
    }

    impl<T> Drop for Receiver<T> {
        fn drop(&mut self) {
            let mut channel = self.0.lock();
            channel.is_open = false;
            let unclaimed = channel.value.take();
            drop(channel);
            drop(unclaimed);
        }
    }
}
