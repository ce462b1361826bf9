"""Nine queries of TPC-H on Parquet files: `millwork sql` against DuckDB, in turn, on the same files.

In: the program, the files (generated if they are missing), the texts of `conformance/sql/tpch`.
Out: a table of milliseconds (medians) and ratios, and a verdict. The answers are compared value by
value and in order: decimals, integers, dates and text exactly, doubles within 1e-9 of each other.
Status 0: answers equal, total and each query within the allowed ratios; 1: not so; 2: cannot run.

Both are given the same number of threads, and one run each to warm up. Millwork's time is what
`--timing json` says of the statement; DuckDB's is `execute` and `fetchall` on one connection.
"""

import argparse
import csv
import datetime
import decimal
import io
import json
import math
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import time

import duckdb

QUERIES = [1, 3, 4, 5, 6, 10, 12, 14, 19]
TABLES = ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"]
TOTAL_RATIO = 1.5
QUERY_RATIO = 3.0
DOUBLES_RELATIVE = 1e-9
TEXTS = pathlib.Path(__file__).resolve().parent.parent / "sql" / "tpch"


def main():
    arguments = parse_arguments()
    generate_missing(arguments)
    views = "".join(
        f"create view {table} as select * from '{arguments.data / (table + '.parquet')}';\n"
        for table in TABLES
    )
    connection = duckdb.connect()
    connection.execute(f"set threads = {arguments.threads}")
    connection.execute(views)
    print(
        f"{cpu_model()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; DuckDB "
        f"{duckdb.__version__}; {arguments.threads} threads, median of {arguments.rounds}, "
        f"{datetime.date.today()}\n"
    )
    print("| query | millwork ms | duckdb ms | ratio | answer |\n|---|---|---|---|---|")
    totals, worst, all_equal = [0.0, 0.0], 0.0, True
    for number in arguments.queries:
        text = (TEXTS / f"q{number}.sql").read_text().strip()
        ours, theirs, problem = race(arguments, connection, views, text)
        all_equal &= problem is None
        if ours is None:
            print(f"| Q{number} | - | {theirs:.1f} | - | {problem} |", flush=True)
            continue
        totals[0] += ours
        totals[1] += theirs
        worst = max(worst, ours / theirs)
        said = problem or "equal"
        print(f"| Q{number} | {ours:.1f} | {theirs:.1f} | {ours / theirs:.2f} | {said} |", flush=True)
    if not totals[1]:
        print("\nverdict: nothing ran")
        return 1
    ratio = totals[0] / totals[1]
    print(f"| total | {totals[0]:.1f} | {totals[1]:.1f} | {ratio:.2f} | |")
    good = all_equal and ratio <= TOTAL_RATIO and worst <= QUERY_RATIO
    print(
        f"\nverdict: {'passed' if good else 'NOT passed'}: answers "
        f"{'equal' if all_equal else 'NOT all equal'}, total {ratio:.2f}x (allowed {TOTAL_RATIO}x), "
        f"worst {worst:.2f}x (allowed {QUERY_RATIO}x)"
    )
    return 0 if good else 1


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    home = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
    parser.add_argument("--data", type=pathlib.Path, default=home / "millwork-tpch" / "sf1")
    parser.add_argument("--millwork", type=pathlib.Path, required=True)
    parser.add_argument("--tpchgen", type=pathlib.Path, default=pathlib.Path("tpchgen-cli"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    numbers = lambda text: [int(number) for number in text.split(",")]
    parser.add_argument("--queries", type=numbers, default=QUERIES, help="such as 1,6,19")
    return parser.parse_args()


def generate_missing(arguments):
    """Writes the tables at SF1 if one of them is not there."""
    if all((arguments.data / f"{table}.parquet").exists() for table in TABLES):
        return
    arguments.data.mkdir(parents=True, exist_ok=True)
    command = [arguments.tpchgen, "parquet", "-s", "1", f"--output-dir={arguments.data}"]
    subprocess.run(command, check=True)


def race(arguments, connection, views, text):
    """Both medians in milliseconds, and what is wrong with our answer; ours is None on failure."""
    ours, theirs, problem, failed = [], [], None, False
    for round_number in range(arguments.rounds + 1):
        started = time.perf_counter()
        expected = connection.execute(text).fetchall()
        theirs_ms = (time.perf_counter() - started) * 1e3
        if round_number > 0:
            theirs.append(theirs_ms)
        if failed:
            continue
        answer, ours_ms, failure = run_millwork(arguments, views + text)
        if failure is not None:
            problem, failed = failure, True
            continue
        if round_number > 0:
            ours.append(ours_ms)
        problem = problem or difference(answer, expected, connection.description)
    median = None if failed else statistics.median(ours)
    return median, statistics.median(theirs), problem


def run_millwork(arguments, script):
    """The rows as CSV text, milliseconds of the last statement, and the error if there is one."""
    command = [arguments.millwork, "sql", "-f", "/dev/stdin", "--threads", str(arguments.threads)]
    command += ["--timing", "json", "--format", "csv"]
    run = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    timings = [line for line in run.stderr.splitlines() if line.startswith('{"statement"')]
    if run.returncode != 0 or not timings:
        said = " ".join(run.stderr.split()).replace("|", "/")[:120]
        return None, None, f"status {run.returncode}: {said}"
    return run.stdout, json.loads(timings[-1])["elapsed_ms"], None


def difference(answer, expected, description):
    """The first difference between our CSV and DuckDB's rows, or None."""
    rows = list(csv.reader(io.StringIO(answer)))
    names = [column[0] for column in description]
    if not rows or rows[0] != names:
        return f"columns {rows[:1]} instead of {names}"
    if len(rows) - 1 != len(expected):
        return f"{len(rows) - 1} rows instead of {len(expected)}"
    for number, (row, wanted) in enumerate(zip(rows[1:], expected), 1):
        for name, found, value in zip(names, row, wanted):
            if not equal(found, value):
                return f"row {number}, {name}: {found!r} instead of {value!r}"
    return None


def equal(found, wanted):
    """Whether the text `found` stands for the value `wanted`."""
    if wanted is None:
        return found == ""
    if isinstance(wanted, bool):
        return found == str(wanted).lower()
    try:
        if isinstance(wanted, (int, decimal.Decimal)):
            return decimal.Decimal(found) == wanted
        if isinstance(wanted, float):
            return math.isclose(float(found), wanted, rel_tol=DOUBLES_RELATIVE, abs_tol=0.0)
    except (ValueError, decimal.InvalidOperation):
        return False
    return found == str(wanted)


def cpu_model():
    """The processor as the system names it."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"model name\s*: (.*)", text)
    return found.group(1) if found else platform.machine()


if __name__ == "__main__":
    sys.exit(main())
