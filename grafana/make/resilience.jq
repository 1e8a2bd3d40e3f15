include "board";

board("resilience"; "resilience"; "Which breakers are open, which bulkheads are full, who is turned away, and what retries add."; [
  strip("Breaker states"; "Each circuit breaker: closed, open, trying whether its callee is back, or as an operator has decided. One that nobody calls stays open until somebody does."; 14;
    breaker_words; [["{{guard}}", breaker_states("@guard")]]),
  row("Breakers"),
  graph("Calls by outcome"; "Calls that circuit breakers admitted, a second; stale ones ended after a change of state."; "ops"; 8;
    [["{{outcome}}", per_second("resilience_breaker_calls_total"; "outcome"; "@guard")]]),
  graph("Slow and refused calls"; "Calls that took longer than their breaker likes, and calls it did not admit, a second."; "ops"; 8;
    [["slow {{guard}}", per_second("resilience_breaker_slow_calls_total"; "guard"; "@guard")],
     ["refused {{guard}}", per_second("resilience_breaker_not_permitted_total"; "guard"; "@guard")]]),
  (graph("Changes of state"; "In each interval, by their cause; the first of a kind shows with the second."; "short"; 8;
    [["{{guard}} {{level}} to {{to}}: {{cause}}", in_each("resilience_breaker_transitions_total"; "guard, level, to, cause"; "@guard")]]) | bars),
  graph("Failure and slow ratio"; "Shares in each breaker's window; a line is there while the window holds enough calls."; "percentunit"; 12;
    [["failures {{guard}}", "max by (guard) (resilience_breaker_failure_ratio{@guard})"], ["slow {{guard}}", "max by (guard) (resilience_breaker_slow_ratio{@guard})"]]),
  graph("Admitted calls by completion"; "Guarded calls that were admitted, a second, by how they ended."; "ops"; 12;
    [["{{completion}}", per_second("resurgam_guard_calls_total"; "completion"; "@guard")]]),
  row("Bulkheads"),
  graph("Use"; "Calls that run, as a share of those that may at once, where any do."; "percentunit"; 8;
    [["{{guard}} {{partition}}", "max by (guard, partition) (\n  resilience_bulkhead_in_flight{@guard}\n  /\n  resilience_bulkhead_limit{@guard}\n) > 0"]]),
  graph("Queues"; "Calls that wait for a place, where any do."; "short"; 8;
    [["{{guard}} {{partition}}", "sum by (guard, partition) (resilience_bulkhead_queue_depth{@guard}) > 0"]]),
  graph("Wait for a place"; "Time that 99 of 100 admitted calls which had to wait waited at most."; "s"; 8;
    [["{{guard}}", p(0.99; "resurgam_guard_wait_seconds"; "guard"; "@guard")]]),
  graph("Rejections by reason"; "Guarded calls that were not executed, a second, where there are any."; "ops"; 12;
    [["{{reason}} {{partition}} {{guard}}", per_second("resurgam_guard_rejections_total"; "reason, partition, guard"; "@guard") + " > 0"]]),
  row("Retries"),
  graph("Calls that may be tried again"; "Commands of policies a second, by how they ended."; "ops"; 8;
    [["{{result}}", per_second("resilience_retry_calls_total"; "result"; "@guard")]]),
  graph("Amplification"; "Tries for each call; 1 is none more than needed, the budget keeps it below 1.2 or so."; "short"; 8;
    [["{{guard}}", "1 + sum by (guard) (rate(resilience_retry_attempts_total{@guard}[$__rate_interval]))\n/\n(sum by (guard) (rate(resilience_retry_calls_total{@guard}[$__rate_interval])) > 0)"]]),
  graph("Given up"; "Calls that failed and were not tried again, a second, and why."; "ops"; 8;
    [["{{why}} {{guard}}", per_second("resilience_retry_stopped_total"; "why, guard"; "@guard")]])
])
