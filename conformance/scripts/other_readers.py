"""What others than the oracle of a golden read from its file: DuckDB, hyparquet, the corpus's own documents.

In: files of parquet-testing. Out: their rows as canonical JSON texts (the head of make_goldens.py). Nothing here
looks at an Arrow array or calls the code that renders one: DuckDB writes the JSON itself, in SQL made from its types,
and rows_by_hyparquet.mjs does it in JavaScript, so that what these agree on is not one mistake made twice.
"""

import csv
import json
import pathlib
import subprocess

import duckdb
import numpy as np

# ------------------------------------------------------------------ where a reader stands apart, and why

# What DuckDB's type does not keep of a column: the text that is missing behind its timestamps. LogicalTypes.md: the
# converted type TIMESTAMP_MICROS is a TIMESTAMP adjusted to UTC, which DuckDB takes for one that is not.
INT96_DIGITS = ("000", "INT96 is in microseconds")
BEHIND_TIMESTAMPS = {
    ("data/alltypes_dictionary.parquet", "timestamp_col"): INT96_DIGITS,
    ("data/alltypes_plain.parquet", "timestamp_col"): INT96_DIGITS,
    ("data/alltypes_plain.snappy.parquet", "timestamp_col"): INT96_DIGITS,
    ("data/alltypes_tiny_pages.parquet", "timestamp_col"): INT96_DIGITS,
    ("data/alltypes_tiny_pages_plain.parquet", "timestamp_col"): INT96_DIGITS,
    ("data/nested_structs.rust.parquet", "ul_observation_date"): (
        "Z", "the converted type TIMESTAMP_MICROS is taken for one that is not adjusted to UTC"),
}

# Columns that DuckDB cannot read or shortens; the others of the file are compared.
UNIFORM = "data/uniform_encryption.parquet.encrypted"
UNIFORM_256 = "data/aes256/uniform_encryption.parquet.encrypted"
PAGES = "its pages are not decrypted: AES tag differs"
TIME = "TIME is in microseconds and has a zone"
NANOSECONDS = "INT96 is in microseconds, which cuts these"
SPLIT_BYTES = "BYTE_STREAM_SPLIT of a FIXED_LEN_BYTE_ARRAY is not read"
UNREAD_COLUMNS = {
    ("data/byte_stream_split_extended.gzip.parquet", "float16_byte_stream_split"): SPLIT_BYTES,
    ("data/byte_stream_split_extended.gzip.parquet", "flba5_byte_stream_split"): SPLIT_BYTES,
    ("data/byte_stream_split_extended.gzip.parquet", "decimal_byte_stream_split"): SPLIT_BYTES,
    (UNIFORM, "int32_field"): TIME,
    (UNIFORM, "int64_field"): PAGES,
    (UNIFORM, "int96_field"): NANOSECONDS,
    (UNIFORM_256, "int32_field"): TIME,
    (UNIFORM_256, "int64_field"): PAGES,
    (UNIFORM_256, "int96_field"): NANOSECONDS,
}

# Files that a reader cannot read: part of its error, which has to come, and the reason.
UNREAD = {
    ("duckdb", "data/int96_from_spark.parquet"): ("Int96 timestamp is out of range", "refused for row 5"),
    ("duckdb", "data/map_no_value.parquet"): (
        "MAP_KEY_VALUE requires two children", "a MAP without values is not read"),
    ("hyparquet", UNIFORM): ("footer != PAR1", "encryption is not read"),
    ("hyparquet", UNIFORM_256): ("footer != PAR1", "encryption is not read"),
    ("hyparquet", "data/nation.dict-malformed.parquet"): (
        "Invalid typed array length", "the total_compressed_size that is too small is trusted"),
}
VARIANTS = ("VARIANT has no canonical JSON", "a VARIANT is its value, not the struct that it is stored as")

# Files of which a reader gives rows that are not the golden's, and why the golden is right.
WRONG = {
    ("hyparquet", "data/int96_from_spark.parquet"): (
        [5], "the day of row 5 is lost, for its nanoseconds are negative; the other rows are these"),
}

# Too large for hyparquet.
NOT_ASKED = {"data/large_string_map.brotli.parquet"}


def unread(reader, name):
    """The part of the error that has to come and the reason, if `reader` cannot read the file `name`."""
    if reader == "duckdb" and name.startswith("shredded_variant/"):
        return VARIANTS
    return UNREAD.get((reader, name), (None, None))


def wrong(reader, name):
    """The numbers of the rows that `reader` gives otherwise, and the reason."""
    return WRONG.get((reader, name), ([], None))


def unread_columns(reader, name):
    return [column for file, column in UNREAD_COLUMNS if (reader, file) == ("duckdb", name)]


def partly(reader, name):
    """Columns that `reader` gives in part or not at all, and the reasons."""
    reasons = UNREAD_COLUMNS | {key: why for key, (_, why) in BEHIND_TIMESTAMPS.items()}
    return {column: why for (file, column), why in reasons.items() if (reader, file) == ("duckdb", name)}


# ------------------------------------------------------------------ DuckDB


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def identifier(text):
    return '"' + text.replace('"', '""') + '"'


def key(name):
    return literal(json.dumps(name, ensure_ascii=False) + ":")


PLAIN = {"boolean", "tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint"}


def canonical(value, kind, behind_timestamps="", depth=0):
    """SQL for the canonical JSON of the SQL expression `value`, whose type is `kind`."""

    def inner(value, kind):
        return canonical(value, kind, behind_timestamps, depth + 1)

    def array(elements, kind):
        each = f"element_{depth}"
        joined = f"array_to_string(list_transform({elements}, lambda {each}: {kind(each)}), ',')"
        return f"'[' || coalesce({joined}, '') || ']'"

    name = kind.id
    if str(kind) == '"NULL"':
        return "'null'"
    if name == "struct":
        sql = members([(child, inner(f"struct_extract({value}, {literal(child)})", child_kind))
                       for child, child_kind in kind.children])
    elif name == "list":
        sql = array(value, lambda each: inner(each, kind.children[0][1]))
    elif name == "map":
        sql = array(f"map_entries({value})", lambda each: members(
            [(part, inner(f"{each}.{part}", part_kind)) for part, part_kind in kind.children]))
    elif name in PLAIN:
        sql = f"{value}::varchar"
    elif name in ("float", "double"):
        sql = f"""case when isnan({value}) then '"NaN"' when isinf({value})
            then if({value} > 0, '"Infinity"', '"-Infinity"') else {value}::varchar end"""
    elif name == "decimal":
        sql = quoted(f"{value}::varchar")
    elif name == "varchar":
        sql = f"to_json({value})::varchar"
    elif name == "blob":
        sql = quoted(f"to_base64({value})")
    elif name == "geometry":
        sql = quoted(f"to_base64(st_aswkb({value})::blob)")
    elif name == "timestamp":
        sql = quoted(f"strftime({value}, '%Y-%m-%dT%H:%M:%S.%f{behind_timestamps}')")
    else:
        raise TypeError(f"{kind} has no canonical JSON")
    return f"case when {value} is null then 'null' else {sql} end"


def quoted(sql):
    return f"""'"' || {sql} || '"'"""


def members(children):
    return "'{' || " + " || ',' || ".join(f"{key(name)} || {sql}" for name, sql in children) + " || '}'"


def by_duckdb(path, name):
    """The rows of the file, without the columns of UNREAD_COLUMNS, and the columns with their types."""
    connection = duckdb.connect()
    connection.execute("set threads = 1")
    source = f"read_parquet({literal(str(path))}{encryption(connection, path)})"
    relation = connection.sql(f"select * from {source}")
    children = [(column, canonical(identifier(column), kind, BEHIND_TIMESTAMPS.get((name, column), ("",))[0]))
                for column, kind in zip(relation.columns, relation.types) if (name, column) not in UNREAD_COLUMNS]
    rows = connection.execute(f"select {members(children)} from {source}").fetchall()
    return [row for row, in rows], list(zip(relation.columns, relation.types))


def encryption(connection, path):
    if path.suffix != ".encrypted":
        return ""
    secret = "01234567890123456789012345678901" if "aes256" in path.parts else "0123456789012345"
    connection.execute(f"pragma add_parquet_key('footer', {literal(secret)})")
    return ", encryption_config = {footer_key: 'footer'}"


# ------------------------------------------------------------------ hyparquet


class Hyparquet:
    """Asked once for all files: a start of node takes longer than most of them."""

    def __init__(self, folder, paths):
        self.version = "hyparquet " + json.loads(
            (folder / "node_modules/hyparquet/package.json").read_text())["version"]
        script = pathlib.Path(__file__).with_name("rows_by_hyparquet.mjs")
        # A script on standard input finds its packages from the folder it runs in.
        command = ["node", "--input-type=module", "-", *map(str, paths)]
        ran = subprocess.run(command, stdin=script.open(), cwd=folder, stdout=subprocess.PIPE, check=True)
        self.answers = dict(zip(paths, map(json.loads, ran.stdout.splitlines()), strict=True))

    def rows(self, path):
        answer = self.answers[path]
        if isinstance(answer, dict):
            raise ValueError(answer["error"])
        return answer


# ------------------------------------------------------------------ what the corpus documents


def documented():
    """File, document, rows."""
    float16s = [None, 1.0, -2.0, "NaN", 0.0, -1.0, -0.0, 2.0]
    maps = [[[{"key": key, "value": None} for key in keys], keys, keys] for keys in ([1, 2, 3], [4, 5, 6], [7, 8, 9])]
    return {
        "data/float16_nonzeros_and_nans.parquet": ("README", [{"x": value} for value in float16s]),
        "data/float16_zeros_and_nans.parquet": ("README", [{"x": value} for value in (None, 0.0, "NaN")]),
        "data/map_no_value.parquet": (
            "map_no_value.md", [dict(zip(("my_map", "my_map_no_v", "my_list"), row)) for row in maps]),
        "data/nan_in_stats.parquet": ("README", [{"x": 1.0}, {"x": "NaN"}]),
        "data/null_list.parquet": ("README", [{"emptylist": []}]),
        "data/old_list_structure.parquet": ("old_list_structure.md", [{"a": [[1, 2], [3, 4]]}]),
    }


def documents(path, name, rows):
    """For each document with something to say of the file: its name, the texts it expects, and those of `rows`."""
    if name in documented():
        document, expected = documented()[name]
        yield document, [json.dumps(row, ensure_ascii=False) for row in expected], rows
    if name == "data/byte_stream_split.zstd.parquet":
        # The Python that made it; of the other column, two logarithms of today differ in the last bit.
        f32 = np.random.RandomState(0).normal(size=300).astype(np.float32)
        yield "README (f32)", list(map(str, f32)), [str(json.loads(row)["f32"]) for row in rows]
    if name == "data/byte_stream_split_extended.gzip.parquet":
        values = [json.loads(row) for row in rows]
        pairs = [(f"{kind.removesuffix('_plain')}_byte_stream_split", kind) for kind in values[0] if "_plain" in kind]
        assert len(pairs) == 7
        split, plain = ([json.dumps([row[pair[at]] for pair in pairs]) for row in values] for at in (0, 1))
        yield "README (pairs of columns)", plain, split
    beside = path.with_name(path.stem + "_expect.csv")
    if beside.exists():
        # The cells say no types, and none is an empty string: an empty one is null. Names of columns differ in
        # blanks and colons.
        with beside.open(newline="", encoding="utf-8") as file:
            _, *cells = csv.reader(file)
        ours = [["" if value is None else str(value) for value in json.loads(row).values()] for row in rows]
        yield beside.name, list(map(json.dumps, cells)), list(map(json.dumps, ours))
