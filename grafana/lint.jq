# What a dashboard must be like: the rules of grafana/dashboard-linter that matter here, and ours. Prints what is wrong.
def fault($where; $what): "\($where): \($what)";
def shown: .panels[] | select(.type != "row");
def queries: shown | .title as $title | .targets[] | { title: $title, expr, legendFormat };
# Each selector, as its metric and its matchers.
def selectors: [scan("([a-zA-Z_:][a-zA-Z0-9_:]*)\\{([^}]*)\\}")][];

. as $board
| (select(.id != null) | fault("id"; "must be null")),
  (select(.uid | test("^resurgam-[a-z]{3,30}$") | not) | fault("uid"; .uid)),
  (select(.schemaVersion < 42) | fault("schemaVersion"; "older than 42")),
  (select(.editable != false) | fault("uneditable-dashboard"; "editable")),
  (select(all(.links[]; .type == "dashboards" and .tags == ["resurgam"] and .includeVars and .keepTime) and (.links | length == 1) | not)
    | fault("links"; "none to the others")),
  (select([.panels[].id] | length != (unique | length)) | fault("panels"; "ids are not unique")),
  (select([shown.title] | length != (unique | length)) | fault("panels"; "titles are not unique")),

  # template-datasource, template-job, template-instance, template-on-time-change-reload, and the system
  (select([.templating.list[].name] != ["datasource", "job", "instance", "system"]) | fault("variables"; "not the four")),
  (.templating.list[] | select((.label // "") == "") | fault(.name; "no label")),
  (.templating.list[] | select(.type == "datasource" and .query != "prometheus") | fault(.name; "not of Prometheus")),
  (.templating.list[] | select(.type == "query")
    | select((.multi and .includeAll and .allValue == ".+" and .refresh == 2 and .datasource.uid == "${datasource}") | not)
    | fault(.name; "not multi with all as .+, asked again when the time changes, from the variable's data source")),
  # panel-datasource
  ([$board | .. | objects | select(has("datasource")) | .datasource.uid] | unique - ["${datasource}", "-- Grafana --"]
    | .[] | fault("datasource"; "written down: \(.)")),
  # panel-title-description, panel-units, panel-no-targets
  (shown | select((.title // "") == "" or (.description // "") == "") | fault("panel \(.id)"; "without a title or description")),
  (shown | select((.fieldConfig.defaults.unit // "") == "") | fault(.title; "without a unit")),
  (shown | select((.targets | length) == 0 or any(.targets[]; (.expr // "") == "")) | fault(.title; "without a query")),
  (shown | select(.gridPos | .x + .w > 24 or .w < 1 or .h < 1) | fault(.title; "beyond the grid")),
  # target-rate-interval
  (queries | .title as $title | .expr | scan("(rate|irate|increase|deriv|changes)\\([^\\[]*\\[([^\\]]*)\\]")
    | select(.[1] != "$__rate_interval" and (.[0] == "increase" and .[1] == "$__range" | not)) | fault($title; "\(.[0]) over \(.[1])")),
  # target-counter-agg: a counter is only seen through its rate
  (queries | .title as $title | .expr | [scan("([a-z]+\\()?([a-z_:]+_total)\\b")][]
    | select(.[0] | IN("rate(", "irate(", "increase(") | not) | fault($title; "\(.[1]) without a rate")),
  # target-job, target-instance; recorded series and alerts have no instance
  (queries | .title as $title | .expr | selectors
    | select((.[1] | contains("job=~\"$job\"") | not)
        or (.[1] | contains("instance=~\"$instance\"") | not) and (.[0] | contains(":") or . == "ALERTS" | not))
    | fault($title; "\(.[0]) of any job or instance")),
  (queries | select(.expr | test("vector\\(|__name__")) | fault(.title; "vector() or __name__")),
  # A legend names only labels that are left.
  (queries | . as { $title, $expr } | .legendFormat | scan("{{([a-z_]+)}}")[0]
    | select(. as $name | $expr | test("by \\([^)]*\\b\($name)\\b|^[^(]*job_system") | not) | fault($title; "legend of \(.)"))
