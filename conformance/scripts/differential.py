#!/usr/bin/env python3
"""Judges the rows of generated queries by DuckDB.

    pip install duckdb==2.0.0 && cargo run --release -p conformance -- agree --print > answers.jsonl
    python differential.py answers.jsonl

Reads what `agree --print` wrote: views and files, then a query and its rows a line. Every query is run
by DuckDB; rows are compared as multisets, in order where that is settled, numbers by value and floats
to 1e-9 of their size. Ends with 1 if a difference is left.
"""

import collections
import datetime
import decimal
import json
import math
import re
import sys

import duckdb

EPOCH = datetime.datetime(1970, 1, 1)


def parts(text: str) -> list[str]:
    """What commas outside parentheses separate."""
    found, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            found.append(text[start:at].strip())
            start = at + 1
    return [*found, text[start:].strip()]


def ours(value, type_name: str):
    """A value of ours as the value DuckDB would give; structs as lists, maps as lists of pairs."""
    if value is None or isinstance(value, bool) or type_name == "VARCHAR":
        return value
    if type_name.endswith("[]"):
        return [ours(element, type_name[:-2]) for element in value]
    if type_name.startswith("STRUCT("):
        fields = [field.rsplit(" ", 1)[1] if "(" not in field else field.split(" ", 1)[1]
                  for field in parts(type_name[7:-1])]
        return [ours(*pair) for pair in zip(value, fields)]
    if type_name.startswith("MAP("):
        return [[ours(*pair) for pair in zip(entry, parts(type_name[4:-1]))] for entry in value]
    if type_name.startswith("DECIMAL("):
        return decimal.Decimal(value)
    if type_name in ("FLOAT", "DOUBLE"):
        return float(value)
    if type_name == "DATE":
        return EPOCH + datetime.timedelta(days=int(value))
    if type_name.startswith("TIMESTAMP"):
        digits = int(re.search(r"\((\d)\)", type_name)[1])
        return EPOCH + datetime.timedelta(microseconds=int(value) * 10 ** (6 - digits))
    return int(value)


def theirs(value, type_name: str):
    """A date is its midnight: whether a sum of dates is a date is told by the types."""
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return datetime.datetime(value.year, value.month, value.day)
    if isinstance(value, dict):
        if type_name.startswith("MAP("):
            return [[theirs(part, "") for part in pair] for pair in value.items()]
        return [theirs(part, "") for part in value.values()]
    if isinstance(value, list):
        return [theirs(part, type_name.removesuffix("[]")) for part in value]
    return value


def same(one, other) -> bool:
    numbers = (int, float, decimal.Decimal)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one is other
    if isinstance(one, numbers) and isinstance(other, numbers):
        if isinstance(one, float) or isinstance(other, float):
            one, other = float(one), float(other)
            return one == other or math.isnan(one) and math.isnan(other) or \
                math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
        return one == other
    return type(one) is type(other) and one == other


def key(row):
    """Exact values first, then rounded floats: near rows stand together."""
    exact, floats = [], []
    for value in row:
        if isinstance(value, list):
            exact.append(key(value))
        elif isinstance(value, float):
            exact.append("float")
            floats.append("nan" if math.isnan(value) else f"{value + 0.0:+.6e}")
        else:
            number = isinstance(value, (int, decimal.Decimal)) and not isinstance(value, bool)
            exact.append((value is not None, str(float(value)) if number else str(value)))
    return repr((exact, floats))


def main() -> None:
    database = duckdb.connect()
    # Division of integers and the like are DuckDB's own; only threads are fixed, for the order.
    database.execute("set threads = 1")
    counts, kinds = collections.Counter(), collections.Counter()
    examples = {}
    for line in open(sys.argv[1]):
        case = json.loads(line)
        if "view" in case:
            database.execute(f"create view {case['view']} as select * from '{case['file']}'")
            continue
        try:
            result = database.execute(case["sql"])
            types = [str(column[1]).replace('"', "") for column in result.description]
            expected = [tuple(map(theirs, row, types)) for row in result.fetchall()]
            error = None
        except duckdb.Error as failed:
            expected, error = None, str(failed).splitlines()[0]
        if error or "error" in case:
            if error and "error" in case:
                counts["both fail"] += 1
                print(f"seed {case['seed']}: both fail: {case['error']}; {error}\n  {case['sql']}\n")
                continue
            counts["one fails"] += 1
            print(f"seed {case['seed']}: ours {case.get('error', 'gives rows')}; "
                  f"DuckDB {error or 'gives rows'}\n  {case['sql']}\n")
            continue
        for one, other in zip(case["types"], types):
            if one.replace("TIMESTAMP(6)", "TIMESTAMP") != other:
                kinds[one, other] += 1
                examples.setdefault((one, other), case["seed"])
        found = [tuple(map(ours, row, case["types"])) for row in case["rows"]]
        if not case["ordered"]:
            found.sort(key=key)
            expected.sort(key=key)
        wrong = None
        if len(found) != len(expected):
            wrong = f"{len(found)} rows, DuckDB {len(expected)}"
        else:
            for at, (one, other) in enumerate(zip(found, expected)):
                if len(one) != len(other) or not all(map(same, one, other)):
                    wrong = f"row {at}: {one}\n  DuckDB: {other}"
                    break
        if wrong:
            counts["differ"] += 1
            print(f"seed {case['seed']}: {wrong}\n  {case['sql']}\n")
        else:
            counts["agree"] += 1
    for (one, other), count in kinds.most_common():
        print(f"{count} columns are {one}, DuckDB's {other}: seed {examples[one, other]}")
    print(dict(counts))
    sys.exit(bool(counts["differ"] or counts["one fails"]))


main()
