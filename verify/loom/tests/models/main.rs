//! Few threads, few steps, and every order in which they can happen. What a model shows holds for all of them.

mod breaker;
mod budget;
mod bulkhead;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use loom::model::Builder;
use loom::thread;

const SECOND: Duration = Duration::from_secs(1);

/// Runs a model in every order and prints how many there were.
fn explore(name: &str, model: impl Fn() + Send + Sync + 'static) {
    run(Builder::new(), name, model);
}

/// Runs a model in every order in which a thread that could go on is interrupted at most so many times.
fn explore_within(preemptions_max: usize, name: &str, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions_max);
    run(builder, name, model);
}

fn run(builder: Builder, name: &str, model: impl Fn() + Send + Sync + 'static) {
    let orders = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&orders);
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    println!("{name}: {} orders", orders.load(Ordering::Relaxed));
}

/// Has each thread do one of these, at once, and waits for all.
fn at_once<T: Send + Sync + 'static, const N: usize>(shared: &Arc<T>, works: [fn(&T); N]) {
    let threads = works.map(|work| {
        let shared = Arc::clone(shared);
        thread::spawn(move || work(&shared))
    });
    threads.into_iter().for_each(|thread| thread.join().expect("no thread of a model panics"));
}
