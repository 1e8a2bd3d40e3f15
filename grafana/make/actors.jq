include "board";

board("actors"; "actors"; "How many live, why they end, how soon they are back, and who waits."; [
  row("Lives"),
  graph("Live actors"; "Aggregates that are in memory, by kind."; "short"; 8; [["{{kind}}", "sum by (kind) (resurgam_actors_live{@kind})"]]),
  graph("Starts"; "Aggregates started, a second: new ones, and those that were asked again."; "ops"; 8;
    [["{{kind}}", per_second("resurgam_actor_starts_total"; "kind"; "@kind")]]),
  graph("Ends by cause"; "Aggregates ended, a second: they left because others needed the place, were stopped, were killed, or failed."; "ops"; 8;
    [["{{cause}}", per_second("resurgam_actor_ends_total"; "cause"; "@kind")]]),
  row("Supervision"),
  (graph("Failures and kills"; "Aggregates that failed or were killed in each interval, by kind."; "short"; 8;
    [["{{cause}} {{kind}}", in_each("resurgam_actor_ends_total"; "kind, cause"; "@kind,cause=~'failed|killed'")]]) | bars),
  graph("Time to take up its state"; "From the start of an aggregate to its first command, 99 of 100, by kind."; "s"; 8;
    [["{{kind}}", p(0.99; "resurgam_actor_recovery_seconds"; "kind"; "@kind")]]),
  graph("Answered again after"; "From the moment a command lost its actor, or found none alive, to its answer by the next one."; "s"; 8;
    [["p50", p(0.5; "resurgam_answered_again_seconds"; "instance"; "@here")], ["p99", p(0.99; "resurgam_answered_again_seconds"; "instance"; "@here")]]),
  (graph("Commands sent again"; "Commands in each interval whose actor was gone, by kind; the client does not notice."; "short"; 8;
    [["{{kind}}", in_each("resurgam_redispatches_total"; "kind"; "@kind")]]) | bars),
  graph("Set aside"; "Aggregates that failed too often and are asked no more until an operator releases them."; "short"; 8;
    [["{{kind}}", "sum by (kind) (resurgam_quarantined{@kind})"]]),
  graph("Handlers stuck"; "Commands still being decided long after their deadline; each holds a thread for good."; "short"; 8;
    [["{{instance}}", "max by (instance) (resurgam_handlers_stuck{@here})"]]),
  row("Mailboxes"),
  graph("Commands that wait"; "Commands in mailboxes, by kind."; "short"; 12; [["{{kind}}", "sum by (kind) (resurgam_mailbox_depth{@kind})"]]),
  graph("Time in a mailbox"; "How long a command waited for its turn, 99 of 100, by kind."; "s"; 12;
    [["{{kind}}", p(0.99; "resurgam_mailbox_wait_seconds"; "kind"; "@kind")]])
])
