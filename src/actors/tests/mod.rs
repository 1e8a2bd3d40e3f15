//! What the runtime promises, tried on the real runtime and the real journal.
//!
//! A life of the process is a tokio runtime: dropped, everything in it is gone at once, as after a kill. The engines
//! outlive it, as a disk does. Time is paused wherever no thread but the test's takes part.

mod asks;
mod breakers;
mod failures;
mod fault_points;
mod faults;
mod followers;
mod gate;
mod gauges;
mod histories;
mod house;
mod keys;
mod letters;
mod levers;
mod kills;
mod limits;
mod outside;
mod parked;
mod planting;
mod live_set;
mod shop;
mod simulation;
mod starting;
mod stops;
mod storm;
mod storm_of_orders;
mod undo;
mod yard;
