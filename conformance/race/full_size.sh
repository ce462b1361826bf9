#!/usr/bin/env bash
# What the suite looks at on small fixtures, on TPC-H SF1: how one row group is shared by workers, what is
# opened once (`tests/shape.rs`), and the memory that queries keep to (`tests/memory.rs`). Makes the
# data outside the tree first.
#
#   MILLWORK_VENV   Python environment with pyarrow and tpchgen-cli; made if it is not there
#   MILLWORK_DATA   where the data lies; made if it is not there
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
venv=${MILLWORK_VENV:-$HOME/.cache/millwork-venv}
data=${MILLWORK_DATA:-$HOME/.cache/millwork-tpch}

[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
if ! "$venv/bin/python" -c 'import pyarrow' 2>/dev/null || [ ! -x "$venv/bin/tpchgen-cli" ]; then
    "$venv/bin/python" -m pip install --quiet pyarrow tpchgen-cli
fi
if [ ! -e "$data/sf1/lineitem.parquet" ]; then
    mkdir -p "$data/sf1"
    "$venv/bin/tpchgen-cli" parquet -s 1 --output-dir="$data/sf1"
fi
"$venv/bin/python" "$root/conformance/race/one_group.py" "$data/sf1/lineitem.parquet" "$data/one"

cd "$root"
MILLWORK_TPCH="$data/sf1" MILLWORK_TPCH_ONE="$data/one" \
    cargo test --locked -p conformance --test shape --test memory -- --nocapture "$@"
