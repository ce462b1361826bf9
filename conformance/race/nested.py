"""Queries over nested columns: `millwork sql` against DuckDB, in turn, on the same file.

    cargo build --release -p millwork && pip install duckdb pyarrow
    python conformance/race/nested.py --millwork target/release/millwork [--data FILE] [--rounds N]

In: the program; a file of a million rows with a struct and a list of structs, made if it is missing.
Out: a table of milliseconds (medians) and ratios, with the bytes that were read. Answers are compared:
a difference is told, and the status is 1 then.
"""

import argparse
import csv
import io
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import duckdb

ROWS = 1_000_000
QUERIES = [
    "select sum(p.x) from t",
    "select p.y, count(*), max(p.z) from t group by 1 order by 1",
    "select p.c from t where p.x > 999990 order by 1",
    "select count(*), sum(items[1].n) from t where p.y = 'word-7'",
    "select sum(e.n) from t, unnest(items) as u(e)",
    "select e.sku, count(*) from t, unnest(items) as u(e) where e.n < 50 group by 1 order by 1",
    "select s, count(*) from (select {'a': id % 1000, 'b': p.y} as s from t) group by s order by s",
]


def make(path: pathlib.Path) -> None:
    import numpy
    import pyarrow
    import pyarrow.parquet

    random = numpy.random.default_rng(1)
    p = pyarrow.StructArray.from_arrays(
        [pyarrow.array(numpy.arange(ROWS) + random.integers(0, 50, ROWS)),
         pyarrow.array([f"word-{row % 1000}" for row in range(ROWS)]),
         pyarrow.array(random.random(ROWS)),
         pyarrow.array([f"a longer comment number {row * 7919 % ROWS}" for row in range(ROWS)])],
        names=["x", "y", "z", "c"])
    element = pyarrow.StructArray.from_arrays(
        [pyarrow.array(random.integers(0, 100, 3 * ROWS)),
         pyarrow.array([f"sku-{slot % 5000}" for slot in range(3 * ROWS)]),
         pyarrow.array(random.random(3 * ROWS))],
        names=["n", "sku", "w"])
    offsets = pyarrow.array(numpy.arange(0, 3 * ROWS + 1, 3).astype("int32"))
    table = pyarrow.table({"id": numpy.arange(ROWS), "p": p,
                           "items": pyarrow.ListArray.from_arrays(offsets, element)})
    pyarrow.parquet.write_table(table, path, write_page_index=True)


def ours(program: str, view: str, query: str, threads: int):
    """Milliseconds and the answer as lines of CSV."""
    command = [program, "sql", f"{view}; {query}", "--format", "csv", "--timing", "json",
               "--threads", str(threads)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    timing = json.loads(run.stderr.splitlines()[-1])
    return timing["elapsed_ms"], list(csv.reader(io.StringIO(run.stdout)))[1:]


def bytes_read(program: str, view: str, query: str) -> int:
    text = f"{view}; explain (analyze, format json) {query}"
    run = subprocess.run([program, "sql", text, "--format", "csv"],
                         capture_output=True, text=True, check=True)
    plan = json.loads(list(csv.reader(io.StringIO(run.stdout)))[1][0])
    return sum(scan["bytes_read"] for scan in plan["scans"])


def theirs(connection, query: str, target: str):
    started = time.perf_counter()
    connection.execute(query).fetchall()
    elapsed = (time.perf_counter() - started) * 1e3
    connection.execute(f"copy ({query}) to '{target}' (header)")
    return elapsed, list(csv.reader(open(target)))[1:]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--millwork", required=True)
    parser.add_argument("--data", type=pathlib.Path,
                        default=pathlib.Path(tempfile.gettempdir()) / "millwork_nested.parquet")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    if not arguments.data.exists():
        make(arguments.data)
    view = f"create view t as select * from '{arguments.data}'"
    connection = duckdb.connect()
    connection.execute(f"set threads = {arguments.threads}")
    connection.execute(view)
    print(f"{arguments.data.stat().st_size} bytes, load {os.getloadavg()[0]:.1f}, DuckDB "
          f"{duckdb.__version__}, {arguments.threads} threads, median of {arguments.rounds}\n")
    print("| query | millwork ms | duckdb ms | ratio | bytes read |\n|---|---|---|---|---|")
    wrong = 0
    with tempfile.NamedTemporaryFile(suffix=".csv") as target:
        for query in QUERIES:
            pairs = []
            for _ in range(arguments.rounds):
                own, answer = ours(arguments.millwork, view, query, arguments.threads)
                other, expected = theirs(connection, query, target.name)
                pairs.append((own, other))
                if answer != expected:
                    wrong += 1
                    print(f"another answer: {query}", file=sys.stderr)
            own, other = (statistics.median(side) for side in zip(*pairs))
            read = bytes_read(arguments.millwork, view, query)
            print(f"| {query} | {own:.1f} | {other:.1f} | {own / other:.2f} | {read} |", flush=True)
    return int(wrong > 0)


sys.exit(main())
