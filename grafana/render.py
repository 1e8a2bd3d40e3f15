#!/usr/bin/env python3
"""Draws a dashboard from what Prometheus has, for those without a Grafana: overview.png is made by it.

    grafana/render.py http://127.0.0.1:9090 overview 600 overview.png    # the last 600 seconds

Needs matplotlib (Debian's python3-matplotlib, or PyPI). It reads dashboards/NAME.json and asks for each panel's expressions as
Grafana would; places, titles, units, colours and thresholds are the panel's own, everything else is plainer.
"""
import datetime, json, math, pathlib, re, sys, time, urllib.parse, urllib.request

import matplotlib

matplotlib.use("agg")
from matplotlib import dates, pyplot, ticker

BACK, PANEL, INK, FAINT = "#111217", "#181b1f", "#d8d9da", "#6e7079"
COLOURS = {"green": "#73bf69", "red": "#f2495c", "orange": "#ff9830", "yellow": "#fade2a", "blue": "#5794f2", "purple": "#b877d9"}
LINES = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0", "#37872d", "#fade2a"]
CELL_W, CELL_H = 0.62, 0.34  # Inches of a cell of the grid.
SAMPLES = 240  # Points of a line.

ENDED = time.time()


def ask(server, path, **query):
    with urllib.request.urlopen(f"{server}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=30) as answer:
        return json.load(answer)["data"]["result"]


def answers(server, target, seconds):
    """The series of one expression: a legend, and pairs of a time and a value."""
    step = max(seconds // SAMPLES, 1)
    expr = target["expr"].replace("$__rate_interval", "20s").replace("$__range", f"{seconds}s")
    expr = re.sub(r"\$(job|instance|system)\b", ".+", expr)
    if target.get("instant"):
        result = ask(server, "query", query=expr, time=ENDED)
    else:
        result = ask(server, "query_range", query=expr, start=ENDED - seconds, end=ENDED, step=step)
    for series in result:
        legend = re.sub(r"{{(\w+)}}", lambda name: series["metric"].get(name[1], ""), target["legendFormat"])
        pairs = [(float(at), float(value)) for at, value in series.get("values") or [series["value"]]]
        yield legend, series["metric"], [(at, value) for at, value in pairs if math.isfinite(value)]


def shown(value, unit, decimals=None):
    if unit == "percentunit":
        return f"{100 * value:.{2 if decimals is None else decimals - 2 if decimals > 2 else decimals}f} %"
    if unit == "s":
        return f"{1e6 * value:.0f} µs" if value < 1e-3 else f"{1e3 * value:.3g} ms" if value < 1 else f"{value:.3g} s"
    if unit == "bool_yes_no":
        return "yes" if value else "no"
    text = f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.3g}"
    return f"{text}/s" if unit == "reqps" else text


def colour_of(value, steps):
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return COLOURS.get(reached[-1], INK) if reached else INK


def stat(axes, panel, series):
    defaults = panel["fieldConfig"]["defaults"]
    parts = [(legend, pairs[-1][1]) for legend, _, pairs in series if pairs]
    if not parts:
        axes.text(0.5, 0.4, defaults.get("noValue", "no data"), color=COLOURS["green"], size=13, ha="center", va="center")
    for place, (legend, value) in enumerate(parts):
        x = (place + 0.5) / len(parts)
        colour = colour_of(value, defaults["thresholds"]["steps"])
        size = 15 if len(parts) < 3 else 9.5
        axes.text(x, 0.5, shown(value, defaults["unit"], defaults.get("decimals")), color=colour, size=size, ha="center", va="center")
        axes.text(x, 0.14, legend, color=FAINT, size=7, ha="center", va="center")


def over_time(axes, seconds):
    axes.set_xlim(dates.date2num(time_of(ENDED - seconds)), dates.date2num(time_of(ENDED)))
    axes.xaxis.set_major_locator(dates.AutoDateLocator(maxticks=7))
    axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M" if seconds > 900 else "%H:%M:%S"))
    axes.tick_params(colors=FAINT, labelsize=6.5, length=0)


def time_of(stamp):
    return datetime.datetime.fromtimestamp(stamp)


def timeseries(axes, panel, series, seconds):
    defaults = panel["fieldConfig"]["defaults"]
    axes.axis("on")
    axes.grid(color="#2c3036", linewidth=0.5)
    for colour, (legend, _, pairs) in zip(LINES * 9, series):
        at, value = [time_of(at) for at, _ in pairs], [value for _, value in pairs]
        axes.plot(at, value, color=colour, linewidth=1.1, label=legend)
        if defaults.get("min") == 0:
            axes.fill_between(at, value, color=colour, alpha=0.06, linewidth=0)
    for step in defaults.get("thresholds", {}).get("steps", [])[1:]:
        axes.axhline(step["value"], color=COLOURS[step["color"]], linewidth=0.8, linestyle="--")
    if defaults.get("min") == 0:
        axes.set_ylim(bottom=0)
    if defaults.get("max") == 1:
        axes.set_ylim(min(axes.get_ylim()[0], 0.999), 1 + 0.04 * (1 - min(axes.get_ylim()[0], 0.999)))
    axes.yaxis.set_major_locator(ticker.MaxNLocator(5))
    axes.yaxis.set_major_formatter(lambda value, _: shown(value, defaults["unit"]))
    over_time(axes, seconds)
    if series:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncol=5, fontsize=5.5, columnspacing=1, frameon=False, labelcolor=INK)


def strip(axes, panel, series, seconds):
    words = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    axes.axis("on")
    step = max(seconds // SAMPLES, 1)
    for row, (_, _, pairs) in enumerate(series):
        for at, value in pairs:
            word = words.get(f"{value:.0f}", {"color": "green"})
            axes.barh(row, step / 86400, left=dates.date2num(time_of(at)), height=0.8, color=COLOURS.get(word["color"], INK), linewidth=0)
    axes.set_yticks(range(len(series)), [legend for legend, _, _ in series])
    axes.set_ylim(len(series) - 0.4, -0.6)
    over_time(axes, seconds)
    if not series:
        axes.text(0.5, 0.5, "nothing", color=COLOURS["green"], size=9, ha="center", transform=axes.transAxes)


def table(axes, panel, columns):
    rows = {}
    names = [one["matcher"]["options"] for one in panel["fieldConfig"]["overrides"]]
    units = [one["properties"][0]["value"] for one in panel["fieldConfig"]["overrides"]]
    for column, series in enumerate(columns):
        for _, labels, pairs in series:
            if pairs:
                rows.setdefault(tuple(sorted(labels.items())), {})[column] = pairs[-1][1]
    heads = [name for name, _ in next(iter(rows), ())] + names
    cells = [[value for _, value in labels] + [shown(row[at], units[at]) if at in row else "" for at in range(len(names))]
        for labels, row in sorted(rows.items())]
    if cells:
        drawn = axes.table(cells, colLabels=heads, loc="upper center", cellLoc="left", edges="horizontal", bbox=[0, 0, 1, 1])
        drawn.auto_set_font_size(False)
        drawn.set_fontsize(5.5)
        for (row, _), cell in drawn.get_celld().items():
            cell.set_edgecolor("#2c3036")
            cell.get_text().set_color(FAINT if row == 0 else INK)


def draw(server, name, seconds, file):
    board = json.loads((pathlib.Path(__file__).parent / "dashboards" / f"{name}.json").read_text())
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    figure = pyplot.figure(figsize=(24 * CELL_W, (height + 1.2) * CELL_H), facecolor=BACK)
    total = height + 1.2
    figure.text(0.01, 1 - 0.7 / total, f"{board['title']}: the last {seconds // 60} minutes to {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime(ENDED))}",
        color=INK, size=12, va="center")
    for panel in board["panels"]:
        grid = panel["gridPos"]
        left, top = grid["x"] / 24, 1 - (grid["y"] + 1.2) / total
        if panel["type"] == "row":
            figure.text(left + 0.01, top - 0.5 / total, panel["title"], color=INK, size=9, weight="bold", va="center")
            continue
        frame = pyplot.Rectangle((left + 0.003, top - (grid["h"] - 0.15) / total), grid["w"] / 24 - 0.006, (grid["h"] - 0.2) / total,
            transform=figure.transFigure, facecolor=PANEL, edgecolor="#2c3036", linewidth=0.6, zorder=-1)
        figure.add_artist(frame)
        figure.text(left + 0.01, top - 0.65 / total, panel["title"], color=INK, size=8, va="center")
        # Below the title, with room for the words at the side and beneath.
        side = {"state-timeline": 0.13, "timeseries": 0.042}.get(panel["type"], 0.01)
        below = {"timeseries": 2.1, "state-timeline": 0.9}.get(panel["type"], 0.3)
        axes = figure.add_axes([left + side, top - (grid["h"] - below) / total, grid["w"] / 24 - side - 0.014, (grid["h"] - below - 1.3) / total],
            facecolor=PANEL)
        axes.axis("off")
        for spine in axes.spines.values():
            spine.set_visible(False)
        columns = [list(answers(server, target, seconds)) for target in panel["targets"]]
        series = [one for column in columns for one in column]
        match panel["type"]:
            case "stat": stat(axes, panel, series)
            case "timeseries": timeseries(axes, panel, series, seconds)
            case "state-timeline": strip(axes, panel, series, seconds)
            case "table": table(axes, panel, columns)
            case other: axes.text(0.5, 0.5, f"{other}: see Grafana", color=FAINT, size=9, ha="center")
    figure.savefig(file, dpi=76, facecolor=BACK, pil_kwargs={"optimize": True})


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    draw(sys.argv[1].rstrip("/"), sys.argv[2], int(sys.argv[3]), sys.argv[4])
