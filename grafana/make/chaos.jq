include "board";

board("chaos"; "chaos"; "A chaos run: what was broken on purpose, whether anybody noticed, and how soon everything was back."; [
  (stat("Broken on purpose"; "Acts and injected faults in the time range shown."; "short"; 6; [["blue", null]];
    [["acts", "sum(increase(resurgam_chaos_acts_total{@here}[$__range]))"], ["faults", "sum(increase(resurgam_faults_injected_total{@kind}[$__range]))"]]) | decimals(0)),
  (stat("Sent again"; "Commands in the time range shown that lost their actor and were given to the next one."; "short"; 6; [["blue", null]];
    [["commands", "sum(increase(resurgam_redispatches_total{@kind}[$__range]))"]]) | decimals(0)),
  (stat("Failed requests"; "Answers with 5xx in the time range shown."; "short"; 6; [["green", null], ["red", 1]];
    [["failed", "sum(increase(resurgam_requests_total{@served,outcome='failed'}[$__range]))"]]) | decimals(0)),
  (stat("Availability"; "Share of requests in the time range shown that did not fail."; "percentunit"; 6; [["red", null], ["orange", 0.999], ["green", 0.99999]];
    [["{{system}}", available("system"; "$__range"; "")]]) | decimals(5) | otherwise("no requests")),
  row("What was done"),
  graph("Acts"; "Parts that an operator or a monkey killed, had panic, stall or fail, a second, by act and sort of part."; "ops"; 12;
    [["{{act}} {{what}}", per_second("resurgam_chaos_acts_total"; "act, what"; "@here")]]),
  graph("Injected faults"; "Calls an operator had delayed, failed or hung, a second."; "ops"; 12;
    [["{{effect}} {{kind}}", per_second("resurgam_faults_injected_total"; "effect, kind"; "@kind")]]),
  row("Whether anybody noticed"),
  (graph("Availability while it lasts"; "Share of requests that did not fail, by system."; "percentunit"; 8; [["{{system}}", available("system"; "$__rate_interval"; "")]])
    | .fieldConfig.defaults += { max: 1, decimals: 4 } | del(.fieldConfig.defaults.min)),
  graph("Latency"; "Time from a request's head to its answer, 99 of 100."; "s"; 8; [["{{system}}", p(0.99; "http_server_requests_seconds"; "system"; "@served")]]),
  graph("Answered again after"; "From the moment a command lost its actor, or found none alive, to its answer by the next one."; "s"; 8;
    [["p50", p(0.5; "resurgam_answered_again_seconds"; "instance"; "@here")], ["p99", p(0.99; "resurgam_answered_again_seconds"; "instance"; "@here")]]),
  row("How it came back"),
  graph("Killed and started"; "Aggregates that were killed or failed, and those that started, a second."; "ops"; 8;
    [["{{cause}}", per_second("resurgam_actor_ends_total"; "cause"; "@kind,cause=~'killed|failed'")], ["started", "sum(rate(resurgam_actor_starts_total{@kind}[$__rate_interval]))"]]),
  graph("Time to take up its state"; "From the start of an aggregate to its first command, 99 of 100."; "s"; 8;
    [["p99", "histogram_quantile(0.99, sum by (le) (rate(resurgam_actor_recovery_seconds_bucket{@kind}[$__rate_interval])))"]]),
  graph("Furthest behind"; "Age of the oldest fact that any policy or view has not finished."; "s"; 8;
    [["{{instance}}", "max by (instance) (resurgam_follower_lag_seconds{@follower})"]]),
  strip("Breakers"; "Circuit breakers that have opened are closed again by calls that go well."; 14; breaker_words; [["{{guard}}", breaker_states("@guard")]])
])
