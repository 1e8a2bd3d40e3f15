include "board";

board("runtime"; "runtime"; "The process: build, settings, event loop, memory, processor, files."; [
  stat("Build"; "The version that runs."; "none"; 6; [["blue", null]]; [["{{version}} {{instance}}", "max by (instance, version) (resurgam_build_info{@here})"]])
    | .options.textMode = "name",
  (stat("Settings"; "Whether the guards took the settings read last over; others wait for a restart."; "none"; 6; [["red", null], ["green", 1]];
    [["{{instance}}", "min by (instance) (resurgam_config_last_reload_successful{@here})"]])
    | .fieldConfig.defaults.mappings = [{ type: "value", options: { "0": { text: "refused", index: 0 }, "1": { text: "taken over", index: 1 } } }]),
  stat("Up since"; "When the process began."; "dateTimeFromNow"; 6; [["blue", null]]; [["{{instance}}", "1000 * max by (instance) (process_start_time_seconds{@here})"]]),
  (stat("Series"; "Samples of one scrape; more than 10,000 raise an alert."; "short"; 6; [["green", null], ["red", 10000]];
    [["{{instance}}", "max by (instance) (scrape_samples_scraped{@here})"]]) | decimals(0)),
  row("Process"),
  graph("Processor"; "Seconds of processor time a second: 1 is one processor."; "short"; 8; [["{{instance}}", per_second("process_cpu_seconds_total"; "instance"; "@here")]]),
  graph("Memory"; "What the process holds, what it has reserved, and how much it may (0: any)."; "bytes"; 8;
    [["resident {{instance}}", "max by (instance) (process_resident_memory_bytes{@here})"], ["virtual {{instance}}", "max by (instance) (process_virtual_memory_bytes{@here})"],
     ["virtual, limit {{instance}}", "max by (instance) (process_virtual_memory_max_bytes{@here})"]]),
  graph("Files"; "Open files and connections, and how many may be."; "short"; 8;
    [["open {{instance}}", "max by (instance) (process_open_fds{@here})"], ["limit {{instance}}", "max by (instance) (process_max_fds{@here})"]]),
  row("Event loop"),
  graph("Tasks"; "Tasks of the event loop, and those that wait for any of its threads."; "short"; 6;
    [["tasks {{instance}}", "sum by (instance) (resurgam_runtime_tasks{@here})"], ["waiting {{instance}}", "sum by (instance) (resurgam_runtime_queue_depth{@here})"]]),
  graph("Threads"; "Threads of the event loop, and of the whole process."; "short"; 6;
    [["event loop {{instance}}", "sum by (instance) (resurgam_runtime_workers{@here})"], ["all {{instance}}", "max by (instance) (process_threads{@here})"]]),
  graph("Lag"; "How late the event loop turned when it was last looked at; what it holds up waits as long."; "s"; 6; [["{{instance}}", "max by (instance) (resurgam_event_loop_lag_seconds{@here})"]]),
  (graph("Readings of the settings"; "In each interval, by result; refused ones leave the old settings in force."; "short"; 6;
    [["{{result}}", in_each("resurgam_config_reloads_total"; "result"; "@here")]]) | bars),
  row("What others are told"),
  graph("Time of a scrape"; "How long the server took to tell its metrics, as Prometheus saw it."; "s"; 12; [["{{instance}}", "max by (instance) (scrape_duration_seconds{@here})"]]),
  (graph("Spans that no collector has"; "In each interval, by reason: the collector is gone or slow, refuses them, or the queue to it is full. Empty while traces are off."; "short"; 12;
    [["{{reason}}", in_each("resurgam_trace_spans_dropped_total"; "reason"; "@here")]]) | bars)
])
