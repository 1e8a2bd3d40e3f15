include "board";

board("overview"; "overview"; "Does it answer as promised (99.999 % of requests over 30 days), how fast, and what is wrong now."; [
  row("The promise"),
  (stat("Availability, 30 days"; "Share of requests that did not fail (5xx), by system, without the services of which only 60 % are asked. Objective: 99.999 %."; "percentunit"; 8;
    [["red", null], ["orange", 0.9999], ["green", 0.99999]];
    [["{{system}}", "1 - job_system:resurgam_requests_failed:ratio_rate30d{job=~'$job',system=~'$system'}"]])
    | decimals(5) | otherwise("no requests")),
  (stat("Error budget left, 30 days"; "What is left of the one failure in 100,000 requests that 99.999 % allow; below zero the promise is broken."; "percentunit"; 8;
    [["red", null], ["orange", 0], ["green", 0.5]];
    [["{{system}}", "1 - job_system:resurgam_requests_failed:ratio_rate30d{job=~'$job',system=~'$system'} / 0.00001"]])
    | decimals(1) | otherwise("no requests")),
  (stat("Availability, range shown"; "Share of requests that did not fail in the time range shown, all services of a system together."; "percentunit"; 8;
    [["red", null], ["orange", 0.999], ["green", 0.99999]]; [["{{system}}", available("system"; "$__range"; "")]])
    | decimals(5) | otherwise("no requests")),
  (stat("Failed requests"; "Answers with 5xx in the time range shown."; "short"; 6; [["green", null], ["red", 1]];
    [["failed", "sum(increase(resurgam_requests_total{@served,outcome='failed'}[$__range]))"]]) | decimals(0)),
  (stat("Alerts that fire"; "By severity; the strip below says which."; "short"; 6; [["red", null]];
    [["{{severity}}", "count by (severity) (ALERTS{alertstate='firing',job=~'$job'})"]]) | otherwise("none")),
  (stat("Services that run"; "Of those this process has: an operator may stop one."; "short"; 6; [["green", null]];
    [["running", "sum(resurgam_service_up{@served})"], ["of", "count(resurgam_service_up{@served})"]]) | decimals(0)),
  (stat("Processes up"; "Processes that Prometheus reaches, of those it knows."; "short"; 6; [["red", null], ["green", 1]];
    [["up", "sum(up{@here})"], ["of", "count(up{@here})"]]) | decimals(0)),
  (graph("Availability"; "Share of requests that did not fail, by system; a gap where nobody asked."; "percentunit"; 12;
    [["{{system}}", available("system"; "$__rate_interval"; "")]]) | .fieldConfig.defaults += { max: 1, decimals: 4 } | del(.fieldConfig.defaults.min)),
  (graph("Burn of the error budget"; "How many times faster than allowed failures come: 1 uses the budget of 30 days up in 30 days. Pages come at 14.4 over an hour and at 6 over six, tickets at 3 over a day and at 1 over three."; "short"; 12;
    [["{{system}} 1 h", "job_system:resurgam_requests_failed:ratio_rate1h{job=~'$job',system=~'$system'} / 0.00001"],
     ["{{system}} 6 h", "job_system:resurgam_requests_failed:ratio_rate6h{job=~'$job',system=~'$system'} / 0.00001"]])
    | limits([["green", null], ["orange", 6], ["red", 14.4]])),
  strip("What fires"; "Each alert while it fires."; 6; { "1": ["fires", "red"] };
    [["{{alertname}} {{severity}}", "max by (alertname, severity) (ALERTS{alertstate='firing',job=~'$job'})"]]),
  strip("Incidents"; "What an operator would want to know first: the process, the log, services that are stopped, breakers that are not closed, aggregates set aside."; 7;
    { "0": ["well", "green"], "1": ["trouble", "red"] };
    [["process {{instance}}", "1 - min by (instance) (up{@here})"],
     ["log {{instance}}", "1 - min by (instance) (resurgam_journal_writable{@here})"],
     ["services", "1 - min(resurgam_service_up{@served})"],
     ["breakers", "max(resilience_breaker_state{@guard,state=~'OPEN|HALF_OPEN|FORCED_OPEN'})"],
     ["aggregates", "clamp_max(max(resurgam_quarantined{@kind}), 1)"]]),
  row("Traffic"),
  graph("Requests"; "Answers a second, by system."; "reqps"; 8; [["{{system}}", per_second("resurgam_requests_total"; "system"; "@served")]]),
  graph("Failures"; "Answers with 5xx a second, by service, where there are any."; "reqps"; 8;
    [["{{system}} {{service}}", per_second("resurgam_requests_total"; "system, service"; "@served,outcome='failed'") + " > 0"]]),
  graph("Latency"; "Time from a request's head to its answer, half of the requests and 99 of 100."; "s"; 8;
    [["p50 {{system}}", p(0.5; "http_server_requests_seconds"; "system"; "@served")],
     ["p99 {{system}}", p(0.99; "http_server_requests_seconds"; "system"; "@served")]]),
  row("Services"),
  table("Services in numbers"; "Availability, requests and failures in the time range shown. Objective: 99.999 %; 60 % for Product and Delivery of OA rental and Delivery of the book market. Requests through a front door count as its own, under gateway."; 24; 10;
    [["availability", "percentunit"], ["requests", "short"], ["failed", "short"], ["runs", "bool_yes_no"]];
    [["", available("system, service"; "$__range"; "")],
     ["", in_range("resurgam_requests_total"; "system, service"; "@served")],
     ["", in_range("resurgam_requests_total"; "system, service"; "@served,outcome='failed'")],
     ["", "min by (system, service) (resurgam_service_up{@served})"]])
])
