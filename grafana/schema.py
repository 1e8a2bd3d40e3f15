#!/usr/bin/env python3
"""Says what in the dashboards Grafana's own SDK (PyPI `grafana-foundation-sdk`, made from Grafana's schemas) does not know.

Each is read into the SDK's types and written again; what is lost or changed on the way is not in the schema.
"""
import json, pathlib

from grafana_foundation_sdk.cog import encoder, plugins
from grafana_foundation_sdk.models import dashboard

# Grafana has these, its schema does not: the id that is null in a file, the built-in annotation, what annotations of Prometheus
# say, and the text of a variable's query.
KNOWN = {".id", ".annotations.list.builtIn", ".annotations.list.step", ".annotations.list.textFormat",
    ".annotations.list.titleFormat", ".templating.list.definition"}


def lost(ours, theirs, path=""):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            yield from lost(value, theirs[key], f"{path}.{key}") if key in theirs else [f"{path}.{key}"]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for one, other in zip(ours, theirs):
            yield from lost(one, other, path)
    elif ours != theirs:
        yield path


plugins.register_default_plugins()
for file in sorted((pathlib.Path(__file__).parent / "dashboards").glob("*.json")):
    text = file.read_text()
    again = json.loads(json.dumps(dashboard.Dashboard.from_json(json.loads(text)), cls=encoder.JSONEncoder))
    for path in sorted(set(lost(json.loads(text), again)) - KNOWN):
        print(f"{file.name}: {path}")
