include "board";

# Both ends of each edge, once.
def nodes: "sum by (id) (label_replace(rate(traces_service_graph_request_total{@edge}[$__rate_interval]), 'id', '$1', 'server', '(.+)'))\nor\nsum by (id) (label_replace(rate(traces_service_graph_request_total{@edge}[$__rate_interval]), 'id', '$1', 'client', '(.+)'))";

board("sagas"; "sagas"; "What spans services: asks, policies, views, how far they are behind, and who calls whom."; [
  row("Asks"),
  graph("Open asks"; "Requests from one aggregate to another that wait for their answer."; "short"; 6;
    [["{{instance}}", "sum by (instance) (resurgam_asks_open{@here})"]]),
  (graph("Oldest ask"; "How long the oldest of them has waited, over crashes too."; "s"; 6;
    [["{{instance}}", "max by (instance) (resurgam_asks_oldest_seconds{@here})"]]) | limits([["green", null], ["red", 300]])),
  graph("Ended asks"; "A second, by who was asked and how it ended: done, refused, not executed (nothing happened), undone (it took too long and is taken back)."; "ops"; 12;
    [["{{asked}} {{outcome}}", per_second("resurgam_asks_ended_total"; "asked, outcome"; "@asked")]]),
  row("Policies and views"),
  graph("Lag in facts"; "Facts a policy or view is behind."; "short"; 8; [["{{follower}}", "max by (follower) (resurgam_follower_lag_facts{@follower})"]]),
  (graph("Lag in seconds"; "Age of the oldest fact a policy or view has not finished."; "s"; 8;
    [["{{follower}}", "max by (follower) (resurgam_follower_lag_seconds{@follower})"]]) | limits([["green", null], ["red", 60]])),
  graph("Parked facts"; "Facts that wait because a follower set them aside; an operator has them tried again or skips them. Beside them, how many more were set aside in each interval."; "short"; 8;
    [["{{follower}}", "sum by (follower) (resurgam_follower_parked{@follower})"],
     ["{{follower}}, new", in_each("resurgam_follower_parked_total"; "follower"; "@follower")]]),
  row("Who calls whom"),
  (panel("nodeGraph"; "Service graph"; "Requests, asks and facts a second between services; the table beside it has the same in numbers."; "ops"; 12; 14;
    [["", nodes], ["", "sum by (id, client, server) (label_join(rate(traces_service_graph_request_total{@edge}[$__rate_interval]), 'id', ' > ', 'client', 'server'))"]])
    | instant | .targets[].format = "table"
    | .transformations = [{ id: "organize", options: { excludeByName: { Time: true }, indexByName: {},
        renameByName: { client: "source", server: "target", "Value #A": "mainstat", "Value #B": "mainstat" } } }]),
  table("Edges"; "Each edge of the service graph: calls a second, failures a second, and the time of 99 of 100; for facts, until what follows from them is done."; 12; 14;
    [["calls", "ops"], ["failed", "ops"], ["p99", "s"]];
    [["", per_second("traces_service_graph_request_total"; "client, server, connection_type"; "@edge")],
     ["", per_second("traces_service_graph_request_failed_total"; "client, server, connection_type"; "@edge")],
     ["", p(0.99; "traces_service_graph_request_server_seconds"; "client, server, connection_type"; "@edge")]])
])
