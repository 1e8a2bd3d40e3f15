include "board";

board("http"; "HTTP"; "Who asks what, how fast it is answered, and who is turned away at the edge."; [
  row("Answers"),
  graph("Request rate by service"; "Answers a second. Requests through a front door count as its own, under gateway."; "reqps"; 8;
    [["{{system}} {{service}}", per_second("http_server_requests_total"; "system, service"; "@served")]]),
  graph("Request rate by status"; "Answers a second, by system and status."; "reqps"; 8;
    [["{{system}} {{status}}", per_second("http_server_requests_total"; "system, status"; "@served")]]),
  graph("Request rate by route"; "Answers a second, by method and route template."; "reqps"; 8;
    [["{{system}} {{method}} {{uri}}", per_second("http_server_requests_total"; "system, method, uri"; "@served")]]),
  (graph("Availability by service"; "Share of requests that did not fail; a gap where nobody asked."; "percentunit"; 12;
    [["{{system}} {{service}}", available("system, service"; "$__rate_interval"; "")]]) | .fieldConfig.defaults.max = 1),
  (graph("Failures by route"; "Answers with 5xx in each interval, by route and status."; "short"; 12;
    [["{{status}} {{method}} {{system}} {{uri}}", in_each("http_server_requests_total"; "system, method, uri, status"; "@served,status=~'5..'")]]) | bars),
  graph("Time to answer reads"; "Time from a request's head to its answer, GET and HEAD, by service."; "s"; 12;
    [["p50 {{system}} {{service}}", p(0.5; "http_server_requests_seconds"; "system, service"; "@served,access='read'")],
     ["p99 {{system}} {{service}}", p(0.99; "http_server_requests_seconds"; "system, service"; "@served,access='read'")]]),
  graph("Time to answer writes"; "The same for what changes something, and so waits for the log to be synced."; "s"; 12;
    [["p50 {{system}} {{service}}", p(0.5; "http_server_requests_seconds"; "system, service"; "@served,access='write'")],
     ["p99 {{system}} {{service}}", p(0.99; "http_server_requests_seconds"; "system, service"; "@served,access='write'")]]),
  graph("Time to answer by route"; "On average, by method and route template."; "s"; 12;
    [["{{system}} {{method}} {{uri}}", "sum by (system, method, uri) (rate(http_server_route_seconds_sum{@served}[$__rate_interval])) / (sum by (system, method, uri) (rate(http_server_route_seconds_count{@served}[$__rate_interval])) > 0)"]]),
  (graph("Slow answers by route"; "Share that took longer than 100 ms, by method and route template."; "percentunit"; 12;
    [["{{system}} {{method}} {{uri}}", "1 - sum by (system, method, uri) (rate(http_server_route_seconds_bucket{@served,le='0.1'}[$__rate_interval])) / (sum by (system, method, uri) (rate(http_server_route_seconds_count{@served}[$__rate_interval])) > 0)"]]) | .fieldConfig.defaults.max = 1),
  row("Edge"),
  graph("Requests inside"; "How many are inside the edge, and how many may be: the limit falls while requests take longer than usual."; "short"; 8;
    [["inside {{instance}}", "sum by (instance) (resilience_limit_in_flight{@here})"], ["limit {{instance}}", "sum by (instance) (resilience_limit{@here})"]]),
  graph("Turned away at the edge"; "Requests that were not let in, a second: too many inside (503), or one client beyond its rate (429)."; "reqps"; 8;
    [["{{reason}}", per_second("resilience_limit_rejected_total"; "reason"; "@here")]]),
  graph("Connections"; "Open connections over all listeners."; "short"; 4; [["{{instance}}", "sum by (instance) (resurgam_http_connections{@here})"]]),
  (graph("Failed accepts"; "Connections the operating system would not hand over in each interval: descriptors or memory ran out."; "short"; 4;
    [["{{instance}}", in_each("resurgam_http_accept_failures_total"; "instance"; "@here")]]) | bars)
])
