//! What gauges show is counted where it is, so that no death on the way can put them wrong.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::super::directory::QUARANTINE_PROBE_AFTER;
use super::failures::{TALLY, fail_five_times, house};
use super::house::{House, life};
use super::yard::{Add, Tally};

async fn shown(house: &House, handle: &PrometheusHandle, name: &str) -> String {
    house.runtime.measure().await;
    let text = handle.render();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(&format!("{{kind=\"{}\"}} ", TALLY.kind.path())));
    line.unwrap_or_default().to_owned()
}

#[test]
fn who_died_with_a_shard_is_not_shown_as_living() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    life(async {
        let house = house().await;
        assert_eq!(shown(&house, &handle, "resurgam_actors_live").await, "1");
        assert!(house.runtime.kill_shard_of(TALLY));
        house.done(house.tell::<Tally>(TALLY.id, Add { n: 2 })).await;
        assert_eq!(shown(&house, &handle, "resurgam_actors_live").await, "1");
        let killed = format!("resurgam_actor_ends_total{{kind=\"{}\",cause=\"killed\"}} 1", TALLY.kind.path());
        assert!(handle.render().contains(&killed), "{}", handle.render());
    });
}

#[test]
fn an_instance_that_healed_by_its_probe_is_not_shown_as_set_aside() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    life(async {
        let house = house().await;
        fail_five_times(&house).await;
        assert_eq!(shown(&house, &handle, "resurgam_quarantined").await, "1");
        tokio::time::advance(QUARANTINE_PROBE_AFTER).await;
        house.done(house.tell::<Tally>(TALLY.id, Add { n: 7 })).await;
        assert_eq!(shown(&house, &handle, "resurgam_quarantined").await, "0");
    });
}
