//! The server of every system of this build.

use std::process::ExitCode;

use resurgam::{app, systems};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    app::main(systems::all())
}
