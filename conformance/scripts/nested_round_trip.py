#!/usr/bin/env python3
"""Writes random nested shapes with pyarrow and compares what `millwork` reads with what pyarrow reads.

    python nested_round_trip.py MILLWORK_BINARY [--shapes 1000] [--seed 1] [--keep DIRECTORY]
    python nested_round_trip.py --fixtures DIRECTORY

needs pyarrow, numpy and duckdb (for make_goldens, whose canonical JSON is the oracle). Each shape is
a table of an `id` and one to three columns, lists, structs and maps up to four deep, with nulls,
empty lists and fields that must not be null, written with pages of either version, of 200 bytes or
whole, with and without page index and dictionary, in one or several row groups. Compared are all rows
in file order, the rows that a predicate on `id` leaves, and one column or a part of it by its path.
A shape that differs is kept in DIRECTORY, or named by its seed, and ends the run with code 1.
The second form writes the small files of testdata/nested anew, each with its rows as pyarrow reads them.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import pyarrow as pa
import pyarrow.parquet as pq

import make_goldens

LEAVES = [
    (pa.int32(), lambda r: r.randrange(-9, 9)),
    (pa.int64(), lambda r: r.randrange(-(2**62), 2**62)),
    (pa.string(), lambda r: r.choice(["", "a", "bc", "a longer text than 12 bytes", "\u00e9\u4e16"])),
    (pa.bool_(), lambda r: r.random() < 0.5),
    (pa.float64(), lambda r: r.randrange(-99, 99) / 4),
    (pa.int8(), lambda r: r.randrange(-128, 128)),
    (pa.binary(3), lambda r: bytes(r.randrange(256) for _ in range(3))),
    (pa.decimal128(9, 2), lambda r: make_decimal(r)),
    (pa.date32(), lambda r: r.randrange(-9999, 9999)),
]


def make_decimal(r):
    import decimal

    return decimal.Decimal(r.randrange(-99999, 99999)) / 100


def random_type(r, depth):
    """A type, and a function that makes a value of it that is not null."""
    kind = "leaf" if depth == 0 else r.choice(["leaf", "list", "list", "struct", "struct", "map"])
    if kind == "leaf":
        return r.choice(LEAVES)
    if kind == "struct":
        made = [random_field(r, f"f{i}", depth - 1) for i in range(r.randint(1, 3))]
        fields, makers = [field for field, _ in made], [maker for _, maker in made]
        return pa.struct(fields), lambda r: {f.name: m(r) for f, m in zip(fields, makers)}
    longest = r.choice([1, 2, 3, 5]) if depth > 1 else r.choice([1, 2, 5, 40])
    if kind == "list":
        field, maker = random_field(r, "element", depth - 1)
        return pa.list_(field), lambda r: [maker(r) for _ in range(length(r, longest))]
    key, key_maker = r.choice(LEAVES[:3])
    field, maker = random_field(r, "value", depth - 1)
    return pa.map_(key, field), lambda r: [
        (key_maker(r), maker(r)) for _ in range(length(r, longest))
    ]


def length(r, longest):
    return 0 if r.random() < 0.2 else r.randint(0, longest)


def random_field(r, name, depth):
    kind, maker = random_type(r, depth)
    nullable = r.random() < 0.6
    nulls = r.choice([0, 0.1, 0.5, 1]) if nullable else 0
    field = pa.field(name, kind, nullable=nullable)
    return field, lambda r: None if r.random() < nulls else maker(r)


def random_table(r):
    rows = r.choice([0, 1, 3, 20, 20, 100, 100, 300, 300, 2500])
    columns = [random_field(r, f"c{i}", r.randint(1, 4)) for i in range(r.randint(1, 3))]
    if rows == 2500:
        columns = columns[:1]
    fields = [pa.field("id", pa.int32(), nullable=False)] + [field for field, _ in columns]
    arrays = [pa.array(range(rows), pa.int32())]
    for field, maker in columns:
        arrays.append(pa.array([maker(r) for _ in range(rows)], field.type))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def random_options(r, rows):
    options = {
        "data_page_version": r.choice(["1.0", "2.0"]),
        "data_page_size": r.choice([200, 200, 1 << 20]),
        "write_batch_size": r.choice([1, 7, 64, 1024]),
        "write_page_index": r.random() < 0.4,
        "use_dictionary": r.random() < 0.5,
        "compression": r.choice(["none", "snappy", "zstd"]),
        "store_schema": r.random() < 0.2,
        "use_compliant_nested_type": r.random() < 0.7,
    }
    if rows and r.random() < 0.4:
        options["row_group_size"] = r.randint(max(1, rows // 5), rows)
    return options


def lines_of(binary, *arguments):
    ran = subprocess.run([binary, *arguments], capture_output=True, timeout=60)
    if ran.returncode:
        raise ValueError(ran.stderr.decode(errors="replace"))
    return [make_goldens.normal(line) for line in ran.stdout.decode().splitlines()]


def differs(found, expected):
    if len(found) != len(expected):
        return f"{len(found)} rows, pyarrow has {len(expected)}"
    for row, (ours, theirs) in enumerate(zip(found, expected)):
        if ours != theirs:
            return f"row {row}\n  ours:    {ours}\n  pyarrow: {theirs}"
    return None


def paths(field, prefix=""):
    """Paths of structs into which a projection may go: names of fields, lists stepped through."""
    kind = field.type
    while pa.types.is_list(kind):
        kind = kind.value_type
    if pa.types.is_struct(kind):
        for index in range(kind.num_fields):
            yield from paths(kind.field(index), f"{prefix}{field.name}.")
    else:
        yield prefix + field.name


def pruned(value, kind, path):
    """`value`, a parsed JSON value of type `kind`, with only the field at `path` of its structs."""
    if value is None or not path:
        return value
    if pa.types.is_list(kind):
        return [pruned(element, kind.value_type, path) for element in value]
    if pa.types.is_struct(kind):
        name = path[0]
        return {name: pruned(value[name], kind.field(name).type, path[1:])}
    return value


def check(binary, path, table, r):
    """What differs, in words."""
    schema_rows = make_goldens.by_pyarrow(path)[2]
    rows = [make_goldens.normal(row) for row in schema_rows]
    name = str(path)
    if why := differs(lines_of(binary, "cat", name, "--format", "jsonl"), rows):
        return f"cat: {why}"
    limit = r.randint(0, table.num_rows)
    head = lines_of(binary, "cat", name, "--format", "jsonl", "--limit", str(limit))
    if why := differs(head, rows[:limit]):
        return f"cat --limit {limit}: {why}"
    modulus, rest = r.choice([(2, 0), (3, 1), (7, 2), (50, 11)])
    query = f"select * from '{name}' where id % {modulus} = {rest}"
    if why := differs(lines_of(binary, "sql", query, "--format", "jsonl"),
                      [row for at, row in enumerate(rows) if at % modulus == rest]):
        return f"{query}: {why}"
    low = r.randint(0, max(0, table.num_rows))
    query = f"select * from '{name}' where id >= {low} and id < {low + 40}"
    if why := differs(lines_of(binary, "sql", query, "--format", "jsonl"), rows[low:low + 40]):
        return f"{query}: {why}"
    field = r.choice(list(table.schema)[1:])
    chosen = r.choice(list(paths(field)))
    values = [json.loads(row)[field.name] for row in schema_rows]
    expected = [pruned(value, field.type, chosen.split(".")[1:]) for value in values]
    texts = [make_goldens.normal(json.dumps({field.name: value}, ensure_ascii=False))
             for value in expected]
    found = lines_of(binary, "cat", name, "--format", "jsonl", "--columns", chosen)
    if why := differs(found, texts):
        return f"cat --columns {chosen}: {why}"
    return None


FIXTURES = {
    # Without an index, pages of version 1 begin inside rows.
    "v1_inside_rows": dict(data_page_version="1.0", write_page_index=False, write_batch_size=1),
    "v1_index": dict(data_page_version="1.0", write_page_index=True, row_group_size=70),
    "v2": dict(data_page_version="2.0", write_page_index=False, row_group_size=90),
    "v2_index": dict(data_page_version="2.0", write_page_index=True, compression="zstd"),
}


def fixture_table(r, rows):
    """Every kind of nesting in three columns."""
    person = pa.struct([
        pa.field("name", pa.string()),
        pa.field("born", pa.date32(), nullable=False),
        pa.field("marks", pa.list_(pa.field("element", pa.int32(), nullable=False))),
    ])
    fields = [
        pa.field("id", pa.int32(), nullable=False),
        pa.field("numbers", pa.list_(pa.int64())),
        pa.field("people", pa.list_(person), nullable=False),
        pa.field("places", pa.map_(pa.string(), pa.list_(pa.list_(pa.decimal128(9, 2))))),
    ]

    def maybe(make):
        return None if r.random() < 0.15 else make()

    def some(make):
        return [make() for _ in range(r.choice([0, 1, 2, 2, 3]))]

    def mark():
        return r.randrange(9)

    def one_person():
        text = r.choice(["", "Ada", "a name of more than twelve bytes"])
        return {"name": maybe(lambda: text), "born": r.randrange(20000),
                "marks": maybe(lambda: some(mark))}

    def place():
        return r.choice("abc"), maybe(
            lambda: some(lambda: maybe(lambda: some(lambda: maybe(lambda: make_decimal(r))))))

    columns = [list(range(rows)),
               [maybe(lambda: some(lambda: maybe(lambda: r.randrange(-(2**40), 2**40))))
                for _ in range(rows)],
               [some(lambda: maybe(one_person)) for _ in range(rows)],
               [maybe(lambda: some(place)) for _ in range(rows)]]
    # One row is longer than many pages.
    columns[1][rows // 2] = list(range(500))
    return pa.Table.from_arrays(
        [pa.array(values, field.type) for values, field in zip(columns, fields)],
        schema=pa.schema(fields))


def write_fixtures(directory):
    directory.mkdir(parents=True, exist_ok=True)
    for seed, (name, options) in enumerate(FIXTURES.items()):
        path = directory / f"{name}.parquet"
        options = dict(data_page_size=200, write_batch_size=16, store_schema=False,
                       use_dictionary=["people.list.element.name"], compression="snappy") | options
        pq.write_table(fixture_table(random.Random(seed), 160), path, **options)
        rows = make_goldens.by_pyarrow(path)[2]
        path.with_suffix(".jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
        print(path, path.stat().st_size)
    # Six million elements in few bytes: batches must have few rows.
    lists = pa.ListArray.from_arrays(
        pa.array(range(0, 6_000_001, 100_000), pa.int32()), pa.array([7] * 6_000_000, pa.int64()))
    path = directory / "long_lists.parquet"
    pq.write_table(pa.table({"l": lists}), path, compression="zstd", store_schema=False)
    print(path, path.stat().st_size)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", nargs="?")
    parser.add_argument("--fixtures", type=pathlib.Path)
    parser.add_argument("--shapes", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.fixtures:
        return write_fixtures(arguments.fixtures)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "shape.parquet"
        for seed in range(arguments.seed, arguments.seed + arguments.shapes):
            r = random.Random(seed)
            table = random_table(r)
            options = random_options(r, table.num_rows)
            pq.write_table(table, path, **options)
            try:
                why = check(arguments.binary, path, table, r)
            except (ValueError, subprocess.TimeoutExpired) as error:
                why = str(error)
            if why:
                failed += 1
                print(f"seed {seed}: {why}\n{table.schema}\n{options}\n", flush=True)
                if arguments.keep:
                    arguments.keep.mkdir(parents=True, exist_ok=True)
                    (arguments.keep / f"{seed}.parquet").write_bytes(path.read_bytes())
                if failed >= 5:
                    break
    print(f"{seed + 1 - arguments.seed} shapes, {failed} differ")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
