//! Items are found by what they are.

use super::*;
use crate::domain::{Field, Resource, Value};
use crate::systems::oa_rental::product::ProductRemoved;

on_both! {
    items_are_found_by_what_they_are_now_and_after_a_start_too
}

const FIELDS: &[Field] = &[Field::text("name").indexed(), Field::int("qty").indexed()];

fn products() -> Resource {
    Resource::of::<Product>("products", "product", FIELDS, |state| {
        let services = crate::systems::oa_rental::system().services;
        let mut resources = services.into_iter().flat_map(|service| service.resources);
        resources.find(|resource| resource.kind == Product::KIND).expect("products are shown").represent(state)
    })
}

fn named(name: &str) -> (usize, Value) {
    (0, name.into())
}

/// Waits until everything stored has been learnt of.
async fn found(journal: &Journal, wanted: &[(usize, Value)]) -> Vec<u64> {
    let index = journal.indexed().expect("an index");
    loop {
        match index.find(Product::KIND, wanted) {
            Some(found) => return found,
            None => tokio::task::yield_now().await,
        }
    }
}

/// What the collection holds with a name and a number, looked at one by one.
fn held(journal: &Journal, wanted: &[(usize, Value)]) -> Vec<u64> {
    let ids = journal.ids().page(Product::KIND, 0, 1_000).into_iter();
    let has_all = |id: &u64| {
        let row = journal.row(product(*id)).expect("a look-up").expect("a row");
        let values = products().represent(&*row.state);
        wanted.iter().all(|(place, value)| values[*place] == *value)
    };
    ids.filter(has_all).collect()
}

async fn items_are_found_by_what_they_are_now_and_after_a_start_too(bed: Bed) {
    let queries = ["copier", "lamp", "desk"].map(|name| [vec![named(name)], vec![named(name), (1, Value::Int(3))]]);
    let queries = queries.concat();
    let mut commands = 1..;
    let mut change = async |journal: &Journal, id: u64, event: Arc<dyn AnyEvent>| {
        let mut instance = Incarnation::start(journal, product(id)).await;
        let number = commands.next().expect("numbers do not end");
        instance.write(command(number), vec![event]).await.expect("released");
    };
    let removed = |id| -> Arc<dyn AnyEvent> { Arc::new(ProductEvent::from(ProductRemoved { id })) };
    for round in 0..3 {
        let engine = bed.engine().await;
        let journal = open_on(Arc::clone(&engine)).await;
        // What is written before is learnt of, what is written after is seen.
        for id in 1..=20 {
            if id == 10 {
                journal.index([&products()]);
            }
            let name = ["copier", "lamp", "desk"][(id as usize + round) % 3];
            change(&journal, id, saved(id, name, (id % 5) as i32)).await;
        }
        change(&journal, 20 + round as u64, saved(20 + round as u64, "copier", 3)).await;
        change(&journal, 5, removed(5)).await;
        for wanted in &queries {
            let expected = held(&journal, wanted);
            assert_eq!(found(&journal, wanted).await, expected, "{wanted:?} in round {round}");
        }
        assert!(found(&journal, &[named("copier")]).await.len() > 3);
        assert!(found(&journal, &[named("chair")]).await.is_empty());
        crash(journal, engine).await;
    }
}
