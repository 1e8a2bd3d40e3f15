# What all dashboards have in common, so that each of them says only what it shows.
#
# In expressions ' stands for ", and these for the variables of the dashboard:
#   @here  the job and instance      @served  the same and the system, without operators' own requests
#   @kind @guard @follower @asked @edge  the same and names of a system
def source: { type: "prometheus", uid: "${datasource}" };
def here: "job=~\"$job\",instance=~\"$instance\"";
def filled:
  gsub("'"; "\"") | gsub("@here"; here) | gsub("@served"; here + ",system=~\"$system\",service!=\"admin\"")
  | gsub("@edge"; here + ",server=~\"$system/.+\"")
  | gsub("@(?<label>kind|guard|follower|asked)"; here + ",\(.label)=~\"$system/.+\"");

# Panels: a title, what it tells, a unit, a width of 24 and a height, and pairs of a legend and an expression.
def panel($type; $title; $about; $unit; $w; $h; $pairs):
  { type: $type, title: $title, description: $about, datasource: source, gridPos: { w: $w, h: $h },
    fieldConfig: { defaults: { unit: $unit }, overrides: [] }, options: {},
    targets: [$pairs | to_entries[] | {
      refId: ([65 + .key] | implode), datasource: source, editorMode: "code",
      legendFormat: .value[0], expr: (.value[1] | filled), range: true, instant: false }] };
def instant: .targets[] |= (.range = false | .instant = true);
def graph($title; $about; $unit; $w; $pairs):
  panel("timeseries"; $title; $about; $unit; $w; 8; $pairs) * {
    fieldConfig: { defaults: { min: 0, custom: { fillOpacity: 8, lineWidth: 1, showPoints: "never", spanNulls: false } } },
    options: { legend: { displayMode: "table", placement: "bottom", showLegend: true, calcs: ["lastNotNull", "max"] },
      tooltip: { mode: "multi", sort: "desc" } } };
def bars: .fieldConfig.defaults.custom += { drawStyle: "bars", fillOpacity: 60 };
def steps($pairs): { mode: "absolute", steps: [$pairs[] | { color: .[0], value: .[1] }] };
# A line at each step.
def limits($pairs): .fieldConfig.defaults += { thresholds: steps($pairs) }
  | .fieldConfig.defaults.custom += { thresholdsStyle: { mode: "dashed" } };
def stat($title; $about; $unit; $w; $steps; $pairs):
  panel("stat"; $title; $about; $unit; $w; 5; $pairs) * {
    fieldConfig: { defaults: { thresholds: steps($steps), color: { mode: "thresholds" } } },
    options: { reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false }, colorMode: "background", graphMode: "none",
      textMode: "auto", justifyMode: "auto", orientation: "auto" } } | instant;
def decimals($count): .fieldConfig.defaults.decimals = $count;
def otherwise($text): .fieldConfig.defaults.noValue = $text;
# A strip of states over the time; each value is one of these words with its colour.
def strip($title; $about; $h; $words; $pairs):
  panel("state-timeline"; $title; $about; "none"; 24; $h; $pairs) * {
    fieldConfig: { defaults: { custom: { fillOpacity: 80, lineWidth: 0 }, color: { mode: "thresholds" },
      thresholds: steps([["green", null]]),
      mappings: [{ type: "value", options: ($words | with_entries(.value = { text: .value[0], color: .value[1], index: (.key | tonumber) })) }] } },
    options: { mergeValues: true, showValue: "auto", alignValue: "left", rowHeight: 0.85,
      legend: { displayMode: "list", placement: "bottom", showLegend: true }, tooltip: { mode: "single", sort: "none" } } };
# A row a series; `columns` are the names of the values, in the order of the pairs, with their units.
def table($title; $about; $w; $h; $columns; $pairs):
  panel("table"; $title; $about; "short"; $w; $h; $pairs) | instant | .targets[].format = "table"
  | . * {
      fieldConfig: { overrides: [$columns[] | { matcher: { id: "byName", options: .[0] }, properties: [{ id: "unit", value: .[1] }] }] },
      options: { showHeader: true, cellHeight: "sm", footer: { show: false, reducer: ["sum"], countRows: false, fields: "" } } }
  | .transformations = ([{ id: "merge", options: {} } | select($pairs | length > 1)] + [{ id: "organize", options: {
      excludeByName: { Time: true }, indexByName: {},
      renameByName: ([$columns | to_entries[]
        | { key: (if ($pairs | length) > 1 then "Value #\([65 + .key] | implode)" else "Value" end), value: .value[0] }] | from_entries) } }]);
def row($title): { type: "row", title: $title, gridPos: { w: 24, h: 1 }, collapsed: false, panels: [] };

# Left to right and down, as wide as each panel says.
def placed:
  reduce .[] as $panel ({ x: 0, y: 0, tall: 0, done: [] };
    (if .x + $panel.gridPos.w > 24 then .y += .tall | .x = 0 | .tall = 0 else . end)
    | .done += [{ id: (.done | length + 1) } + ($panel | .gridPos += {})
        | .gridPos = { h: $panel.gridPos.h, w: $panel.gridPos.w, x: 0, y: 0 }]
    | .done[-1].gridPos.x = .x | .done[-1].gridPos.y = .y
    | .x += $panel.gridPos.w | .tall = ([.tall, $panel.gridPos.h] | max)) | .done;

def chosen($name; $shown; $definition):
  { name: $name, label: $shown, type: "query", datasource: source, definition: $definition,
    query: { query: $definition, refId: "PrometheusVariableQueryEditor-VariableQuery" },
    refresh: 2, regex: "", sort: 1, multi: true, includeAll: true, allValue: ".+",
    current: { selected: true, text: ["All"], value: ["$__all"] }, hide: 0, skipUrlSync: false, options: [] };
def variables: [
  { name: "datasource", label: "Data source", type: "datasource", query: "prometheus", regex: "", refresh: 1, multi: false,
    includeAll: false, current: { selected: false, text: "Prometheus", value: "prometheus" }, hide: 0, skipUrlSync: false, options: [] },
  chosen("job"; "Job"; "label_values(resurgam_build_info, job)"),
  chosen("instance"; "Instance"; "label_values(resurgam_build_info{job=~\"$job\"}, instance)"),
  chosen("system"; "System"; "label_values(resurgam_service_up{\(here)}, system)")];
def annotations: [
  { builtIn: 1, name: "Annotations & Alerts", type: "dashboard", datasource: { type: "grafana", uid: "-- Grafana --" },
    enable: true, hide: true, iconColor: "rgba(0, 211, 255, 1)" },
  { name: "Firing alerts", datasource: source, enable: true, hide: false, iconColor: "red", step: "10s",
    expr: "ALERTS{alertstate=\"firing\",job=~\"$job\"}", titleFormat: "{{alertname}}",
    textFormat: "{{system}} {{service}} {{guard}} {{follower}} {{kind}}" },
  { name: "Starts of the process", datasource: source, enable: true, hide: false, iconColor: "blue", step: "10s",
    expr: "changes(process_start_time_seconds{\(here)}[$__rate_interval]) > 0", titleFormat: "started", textFormat: "{{instance}}" }];
def board($name; $title; $about; $panels):
  { id: null, uid: "resurgam-\($name)", title: "Resurgam: \($title)", description: $about, tags: ["resurgam"],
    schemaVersion: 42, version: 1, editable: false, graphTooltip: 1, timezone: "browser", weekStart: "", fiscalYearStartMonth: 0,
    liveNow: false, time: { from: "now-1h", to: "now" }, timepicker: {}, refresh: "10s",
    links: [{ title: "Resurgam", type: "dashboards", tags: ["resurgam"], asDropdown: true, includeVars: true, keepTime: true,
      targetBlank: false, icon: "external link", tooltip: "", url: "" }],
    templating: { list: variables }, annotations: { list: annotations }, panels: ($panels | placed) };

# Said more than once.
def p($share; $metric; $by; $matcher): "histogram_quantile(\($share), sum by (le, \($by)) (rate(\($metric)_bucket{\($matcher)}[$__rate_interval])))";
def per_second($metric; $by; $matcher): "sum by (\($by)) (rate(\($metric){\($matcher)}[$__rate_interval]))";
def in_each($metric; $by; $matcher): "sum by (\($by)) (increase(\($metric){\($matcher)}[$__rate_interval]))";
def in_range($metric; $by; $matcher): "sum by (\($by)) (increase(\($metric){\($matcher)}[$__range]))";
# No value while nobody asks: a silent service is neither available nor not.
def available($by; $window; $more):
  "sum by (\($by)) (increase(resurgam_requests_total{@served\($more),outcome='good'}[\($window)]))\n/\n"
  + "(sum by (\($by)) (increase(resurgam_requests_total{@served\($more)}[\($window)])) > 0)";
def breaker_words: { "0": ["closed", "green"], "1": ["half open", "yellow"], "2": ["open", "red"],
  "3": ["as decided: lets through", "blue"], "4": ["as decided: open", "purple"] };
def breaker_states($guards):
  def of($states): "sum by (guard) (resilience_breaker_state{\($guards),state=~'\($states)'})";
  of("HALF_OPEN|RAMPING") + "\n+ 2 * " + of("OPEN") + "\n+ 3 * " + of("FORCED_CLOSED|DISABLED|METRICS_ONLY") + "\n+ 4 * " + of("FORCED_OPEN");
