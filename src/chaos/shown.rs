//! What the server shows at rest: every collection whole, and by themselves some items that the log tells of.

use std::collections::BTreeMap;

use serde_json::Value;

use super::client::{Client, Request, id_of};
use super::load::Dice;
use super::story::States;
use crate::domain::{Kind, Paging, Resource, Stream, System};

/// How many items a page has.
const PAGE: usize = 1_000;
/// How many items of a collection are looked at by themselves.
const ALONE: u64 = 100;

/// Everything that was read.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Every collection, by the kind it shows.
    pub(super) lists: BTreeMap<Kind, BTreeMap<u64, Value>>,
    /// Whether a list shows everything there is; the longest ones of views do not.
    pub(super) whole: BTreeMap<Kind, bool>,
    /// Items by themselves: the version told by `ETag`, and the body.
    pub(super) alone: BTreeMap<Stream, (Option<u64>, Value)>,
    /// What could not be read, of which kind.
    pub(super) faults: Vec<(Kind, String)>,
}

/// The longest list of a view.
const LISTED_MAX: usize = 10_000;

impl Shown {
    /// Reads every resource of the served systems, and some of what must be there.
    pub(super) async fn read(client: &Client, systems: &[&System], states: &States, seed: u64) -> Self {
        let mut shown = Self::default();
        let mut dice = Dice::new(seed);
        for system in systems {
            for service in &system.services {
                for resource in &service.resources {
                    let place = format!("/{}/services/{}/{}", system.name, service.name, resource.collection);
                    shown.collection(client, resource, &place).await;
                    shown.some(client, resource, &place, &chosen(states, resource.kind, &mut dice)).await;
                }
            }
        }
        shown
    }

    async fn collection(&mut self, client: &Client, resource: &Resource, place: &str) {
        let mut items = BTreeMap::new();
        for page in 0.. {
            let list = match client.send(&Request::get(format!("{place}?size={PAGE}&page={page}"))).await {
                Ok(answer) if answer.status == 200 => answer.json(),
                other => return self.faults.push((resource.kind, format!("{place}: {other:?}"))),
            };
            let found = list["_embedded"][resource.collection].as_array().cloned().unwrap_or_default();
            let is_full = found.len() == PAGE;
            let with_id = |item: Value| Some((item["_links"]["self"]["href"].as_str().and_then(id_of)?, item));
            items.extend(found.into_iter().filter_map(with_id));
            if !is_full || resource.paging == Paging::Whole {
                break;
            }
        }
        self.whole.insert(resource.kind, resource.paging == Paging::Paged || items.len() < LISTED_MAX);
        self.lists.insert(resource.kind, items);
    }

    async fn some(&mut self, client: &Client, resource: &Resource, place: &str, ids: &[u64]) {
        for id in ids {
            match client.send(&Request::get(format!("{place}/{id}"))).await {
                Ok(answer) if answer.status == 200 => {
                    self.alone.insert(Stream::new(resource.kind, *id), (answer.version(), answer.json()));
                }
                other => self.faults.push((resource.kind, format!("{place}/{id}: {other:?}"))),
            }
        }
    }

    /// The items of a kind by the path of it.
    pub(super) fn of(&self, kind: &'static str) -> &BTreeMap<u64, Value> {
        const NOTHING: &BTreeMap<u64, Value> = &BTreeMap::new();
        self.lists.get(&Kind::new(kind)).unwrap_or(NOTHING)
    }
}

/// Draws from what the log makes, so that something no list shows is asked for too.
pub(super) fn chosen(states: &States, kind: Kind, dice: &mut Dice) -> Vec<u64> {
    let ids: Vec<u64> = states.existing(kind).map(|(stream, _)| stream.id).collect();
    (0..ALONE.min(ids.len() as u64)).filter_map(|_| dice.one_of(&ids).copied()).collect()
}
