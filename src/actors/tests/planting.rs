//! What is there from the first start on is made once, and first.

use std::sync::Arc;

use super::house::{House, life};
use super::yard::{Add, Tally, TallyCommand, system};
use crate::domain::{Aggregate, SettingValues, Stream, System};
use crate::journal::memory_engine::MemoryEngine;

fn seeded(commands: fn(&SettingValues) -> Vec<TallyCommand>) -> System {
    let mut system = system();
    let tally = system.services.remove(0);
    system.services.insert(0, tally.seeded::<Tally>(commands));
    system
}

const fn tally(id: u64) -> Stream {
    Stream::new(Tally::KIND, id)
}

#[test]
fn a_seed_is_sown_once_whatever_became_of_it_and_has_the_first_ids() {
    let storage = MemoryEngine::default();
    let sown = seeded(|_| vec![Add { n: 1 }.into(), Add { n: 2 }.into()]);
    for start in 0..2 {
        life(async {
            let house = House::start(Arc::new(storage.clone())).await;
            for _ in 0..2 {
                house.runtime.plant(&sown).await.expect("sown");
            }
            assert_eq!(house.done(house.make::<Tally>(Add { n: 9 })).await.0, 3 + start);
            house.done(house.tell::<Tally>(1, Add { n: 1 })).await;
            assert_eq!(house.state::<Tally>(Tally::KIND, 1).expect("a tally").sum, 2 + start);
            assert_eq!(house.version(tally(2)), 1);
        });
    }
}

#[test]
fn a_seed_that_is_refused_stops_the_start_and_is_named() {
    life(async {
        let house = House::start(Arc::new(MemoryEngine::default())).await;
        let refused = house.runtime.plant(&seeded(|_| vec![Add { n: 1 }.into(), Add { n: 0 }.into()])).await;
        let said = refused.expect_err("nothing to add").to_string();
        assert!(said.contains("yard/tally/tally/2") && said.contains("nothing-to-add"), "{said}");
        assert_eq!(house.version(tally(1)), 1);
    });
}
