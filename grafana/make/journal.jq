include "board";

board("journal"; "journal"; "The log: whether it can be written, how fast it syncs, how full its disk is."; [
  strip("Writable"; "Whether the log can be written. While it cannot, writes are answered with 503 and reads go on."; 4;
    { "0": ["read only", "red"], "1": ["writable", "green"] }; [["{{instance}}", "min by (instance) (resurgam_journal_writable{@here})"]]),
  row("Commits"),
  (graph("Time to write and sync a group"; "Every write waits for one sync."; "s"; 8;
    [["p50", p(0.5; "resurgam_journal_sync_seconds"; "instance"; "@here")], ["p99", p(0.99; "resurgam_journal_sync_seconds"; "instance"; "@here")]])
    | limits([["green", null], ["red", 0.1]])),
  graph("Groups"; "Groups written, a second; one sync each."; "ops"; 8; [["{{instance}}", per_second("resurgam_journal_sync_seconds_count"; "instance"; "@here")]]),
  graph("Appends in a group"; "How many commands share a sync: on average, and in the fullest of 100 groups."; "short"; 8;
    [["mean", "sum by (instance) (rate(resurgam_journal_group_appends_sum{@here}[$__rate_interval]))\n/\n(sum by (instance) (rate(resurgam_journal_group_appends_count{@here}[$__rate_interval])) > 0)"],
     ["p99", p(0.99; "resurgam_journal_group_appends"; "instance"; "@here")]]),
  graph("Size of a group"; "Bytes of a group, half of them and 99 of 100."; "bytes"; 8;
    [["p50", p(0.5; "resurgam_journal_group_bytes"; "instance"; "@here")], ["p99", p(0.99; "resurgam_journal_group_bytes"; "instance"; "@here")]]),
  # A gauge that only grows: `rate` is for counters.
  graph("Records"; "Records made durable, a second."; "ops"; 8; [["{{instance}}", "sum by (instance) (deriv(resurgam_journal_position{@here}[$__rate_interval]))"]]),
  (graph("Fenced appends and new committers"; "Appends of an incarnation that had been succeeded, and committers that were succeeded, in each interval."; "short"; 8;
    [["fenced", in_each("resurgam_journal_fenced_total"; "instance"; "@here")], ["committers", in_each("resurgam_committer_restarts_total"; "instance"; "@here")]]) | bars),
  row("Space"),
  (graph("Free on the disk"; "Below journal.free_bytes_min (1 GiB unless set) writes are refused."; "bytes"; 8;
    [["{{instance}}", "min by (instance) (resurgam_disk_free_bytes{@here})"]]) | limits([["red", null], ["green", 1073741824]])),
  graph("Log size"; "Size of the log on disk; it moves in segments."; "bytes"; 8; [["{{instance}}", "sum by (instance) (resurgam_journal_log_bytes{@here})"]]),
  graph("Segments"; "Files of the log."; "short"; 4; [["{{instance}}", "sum by (instance) (resurgam_journal_segments{@here})"]]),
  graph("Waiting values"; "Durable values that are not yet in the store; growing without end means that the store cannot keep up."; "short"; 4;
    [["{{instance}}", "sum by (instance) (resurgam_journal_waiting_values{@here})"]])
])
