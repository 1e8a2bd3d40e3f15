//! The promises of the whole program, judged from outside: a real process, real sockets, real tools.
//!
//! Nothing here uses the crate's own types, but `torn_and_flipped`, which opens thousands of damaged logs; `tidy` reads
//! its sources. One binary, so that it links once.

mod client;
mod conversation;
mod httpie;
mod support;
mod offer;
mod services;
mod vitals;

mod all_systems;
mod bad_input;
mod book_market_document;
mod book_rental_document;
mod car_rental_document;
mod conservation;
mod contract;
mod edge;
mod experiments;
mod hair_shop_document;
mod health;
mod oa_rental_delivery_down;
mod oa_rental_document;
mod outside_bank;
mod own_system;
mod overload;

mod big_store;
mod campaign;
mod chaos_kill;
mod fuzz;
mod monkey;
mod nemeses;
mod nothing_lost;
mod power_cut;
mod metrics;
mod topology;
mod torn_and_flipped;
mod disk_calls;
mod disk_errors;
mod reload;
mod siege;
mod slow_clients;
mod starts;
mod traces;
mod verified;

mod cases;
mod imports;
mod source_text;
mod tidy;
