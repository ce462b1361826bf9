#!/usr/bin/env bash
# TPC-H at SF1 against DuckDB, from nothing: a Python environment and the data outside the tree, a
# release build, then race.py. Arguments go to race.py (`--data DIR`, `--rounds N`, `--queries 1,6`).
#
#   MILLWORK_VENV   Python environment with duckdb and tpchgen-cli; made if it is not there
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=${MILLWORK_VENV:-$HOME/.cache/millwork-venv}

if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
fi
if ! "$venv/bin/python" -c 'import duckdb' 2>/dev/null || [ ! -x "$venv/bin/tpchgen-cli" ]; then
    "$venv/bin/python" -m pip install --quiet duckdb tpchgen-cli
fi

cd "$root"
cargo build --release --locked -p millwork
target=${CARGO_TARGET_DIR:-$root/target}
exec "$venv/bin/python" "$here/race.py" --millwork "$target/release/millwork" \
    --tpchgen "$venv/bin/tpchgen-cli" "$@"
