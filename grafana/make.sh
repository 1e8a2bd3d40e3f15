#!/usr/bin/env bash
# Makes the dashboards from what grafana/make says of each: common things in board.jq, one file a dashboard beside it.
#
#   grafana/make.sh            writes grafana/dashboards/*.json
#   grafana/make.sh --check    says which differ from what would be written
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

status=0
for source in make/*.jq; do
  name=$(basename "$source" .jq)
  [ "$name" = board ] && continue
  made=$(jq -n -L make "$(cat "$source")")
  if [ "${1:-}" != --check ]; then
    printf '%s\n' "$made" >"dashboards/$name.json"
  elif ! diff -q <(printf '%s\n' "$made") "dashboards/$name.json" >/dev/null; then
    echo "dashboards/$name.json is not what grafana/make.sh makes of $source"
    status=1
  fi
done
exit $status
