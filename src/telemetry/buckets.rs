//! Into how many parts histograms cut what they measure: each is a series for each of the metric's labels.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};

use super::metrics::{
    ACTOR_RECOVERY, EDGE_SECONDS, GUARD_WAIT, HTTP_ROUTE_SECONDS, JOURNAL_GROUP_APPENDS, MAILBOX_WAIT,
};

/// Upper bounds of every duration histogram, in seconds: from a memory hit to the request deadline.
const SECONDS: [f64; 12] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0];
/// The same where there is a series for every kind, guard or pair of services: enough to tell well from ill.
const COARSE_SECONDS: [f64; 6] = [0.0005, 0.0025, 0.01, 0.05, 0.25, 1.0];
/// The same where there is a series for every route and method: what clients want.
const WANTED_SECONDS: [f64; 1] = [0.1];
/// Upper bounds of the number of appends in a group.
const APPENDS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 256.0];
/// Upper bounds of every size histogram, in bytes.
const BYTES: [f64; 8] = [256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0];

/// Gives every histogram its buckets; without them the recorder would make summaries.
pub(super) fn in_buckets(builder: PrometheusBuilder) -> Result<PrometheusBuilder, BuildError> {
    let builder = builder
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), &BYTES)?
        .set_buckets_for_metric(Matcher::Full(JOURNAL_GROUP_APPENDS.to_owned()), &APPENDS)?
        .set_buckets_for_metric(Matcher::Full(HTTP_ROUTE_SECONDS.to_owned()), &WANTED_SECONDS)?;
    let coarse = [GUARD_WAIT, MAILBOX_WAIT, ACTOR_RECOVERY, EDGE_SECONDS];
    coarse.into_iter().try_fold(builder, |builder, name| {
        builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), &COARSE_SECONDS)
    })
}
