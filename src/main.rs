//! The server of every system of this build.

use std::process::ExitCode;

use resurgam::{app, systems};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    app::main(systems::all())
}
