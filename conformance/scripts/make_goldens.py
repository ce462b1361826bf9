#!/usr/bin/env python3
"""Makes conformance/golden: what other programs read from the corpus of parquet-testing.

    HYPARQUET=FOLDER python make_goldens.py PARQUET_TESTING_DIR [PATH_PART ...]

needs pyarrow, numpy, duckdb, and node with a FOLDER in which `npm install hyparquet hyparquet-compressors`
ran; nothing of this project is asked. Each file FOLDER/NAME.parquet of the corpus gets
FOLDER/NAME.parquet.json here:

    oracle, version   the program that read the file; "documented" where no program reads it right
    note              why it is not plainly pyarrow (absent otherwise)
    readers           who gives these rows: the oracle, and the others that agree with it in each value
    apart             [[reader, what it gives otherwise or not at all, and why], ...] (absent where there is none)
    schema            [[name, type as the oracle prints it], ...] of the top-level columns
    rows              the number of rows
    jsonl             all rows as canonical JSON Lines, if they are at most 200 and 20 KB; else
    head, digest      the first five rows, and the SHA-256 of the normal form of all rows; or, of one file,
    keys              of each row bytes and SHA-256 of the only key of a map, and its value

Canonical JSON Lines are those of `millwork cat` (README, "JSON Lines"). The *normal form* of a row,
over which the digest is taken (each row followed by one "\\n"), is its canonical JSON text where

    - there is no white space outside strings;
    - a string is written with the escapes \\" \\\\ \\b \\f \\n \\r \\t, \\u00xx (lower case) for other
      characters below U+0020, and everything else as UTF-8;
    - a number without "." "e" "E" that fits a signed or unsigned 64-bit integer, "-0" excepted, is
      written in plain decimal digits;
    - any other number is parsed as the nearest IEEE 754 double: if that is integral, below 2^53 in
      magnitude and not -0.0, it is written in plain decimal digits; otherwise as "~" and the 16
      hexadecimal digits (lower case) of its bits.

A FLOAT column prints the shortest digits that give the same FLOAT, so both sides agree on the double.

The others read the file on ways of their own (other_readers.py). Where one differs and the tables there do not
say why, the golden stays as it was and the end is 1.
"""

import base64
import hashlib
import json
import math
import os
import pathlib
import re
import struct
import sys
import uuid

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import other_readers  # noqa: E402

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"
SMALL_ROWS, SMALL_BYTES = 200, 20_000

# ------------------------------------------------------------------ the normal form of JSON text

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[^\s]')


def normal_number(token):
    if not any(c in token for c in ".eE") and token != "-0":
        if -(2**63) <= int(token) < 2**64:
            return str(int(token))
    value = float(token)
    minus_zero = value == 0 and math.copysign(1, value) < 0
    if abs(value) < 2**53 and value == int(value) and not minus_zero:
        return str(int(value))
    return "~" + struct.pack(">d", value).hex()


def normal(line):
    parts = []
    for token in TOKEN.findall(line):
        if token[0] == '"':
            parts.append(json.dumps(json.loads(token, strict=False), ensure_ascii=False))
        elif token[0] == "-" or token[0].isdigit():
            parts.append(normal_number(token))
        else:
            parts.append(token)
    return "".join(parts)


# ------------------------------------------------------------------ canonical text of one value


def text(value):
    return json.dumps(value, ensure_ascii=False)


def binary(value):
    return '"' + base64.b64encode(value).decode() + '"'


def real(value):
    """`value` is a numpy float of the column's width (FLOAT16 widened to float32)."""
    if np.isnan(value):
        return '"NaN"'
    if np.isinf(value):
        return '"Infinity"' if value > 0 else '"-Infinity"'
    return np.format_float_scientific(value, unique=True, trim="0") if (
        value != 0 and not 1e-5 <= abs(value) < 1e16
    ) else np.format_float_positional(value, unique=True, trim="0")


def date(days):
    """Proleptic Gregorian; years before 0 with a sign, beyond 9999 with all their digits."""
    era, day = divmod(days + 719_468, 146_097)
    year = (day - day // 1_460 + day // 36_524 - day // 146_096) // 365
    day_of_year = day - (365 * year + year // 4 - year // 100)
    month = (5 * day_of_year + 2) // 153
    of_month = day_of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    year = year + era * 400 + (month <= 2)
    sign = "-" if year < 0 else ""
    return f"{sign}{abs(year):04}-{month:02}-{of_month:02}"


def time(units, per_second, digits):
    seconds, fraction = divmod(units, per_second)
    hours, rest = divmod(seconds, 3600)
    return f"{hours:02}:{rest // 60:02}:{rest % 60:02}.{fraction:0{digits}}"


UNITS = {"s": (1, 0), "ms": (1_000, 3), "us": (1_000_000, 6), "ns": (1_000_000_000, 9)}


def timestamp(units, unit, zone):
    per_second, digits = UNITS[unit]
    days, rest = divmod(units, 86_400 * per_second)
    return f'"{date(days)}T{time(rest, per_second, digits)}{zone}"'


# ------------------------------------------------------------------ columns: Arrow arrays to text


class Leaves:
    """The leaf columns of a Parquet schema in order, as a renderer of nested types meets them."""

    def __init__(self, schema):
        self.schema, self.at = schema, 0

    def next(self):
        self.at += 1
        return self.schema.column(self.at - 1)


def render(array, leaves, wide_int96):
    """The rows of `array` as a list of canonical JSON texts; consumes the leaves of its type."""
    kind = array.type
    valid = array.is_valid().to_pylist()
    if pa.types.is_struct(kind):
        children = [(kind.field(i).name, render(array.field(i), leaves, wide_int96))
                    for i in range(kind.num_fields)]
        return [objects(children, row) if ok else "null" for row, ok in enumerate(valid)]
    if pa.types.is_map(kind):
        keys = render(array.keys, leaves, wide_int96)
        items = render(array.items, leaves, wide_int96)
        entries = ["{" + f'"key":{k},"value":{v}' + "}" for k, v in zip(keys, items)]
        return lists(array, entries, valid)
    if pa.types.is_fixed_size_list(kind):
        kind = pa.list_(kind.value_field)
        array = array.cast(kind)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return lists(array, render(array.values, leaves, wide_int96), valid)
    leaf = leaves.next()
    rendered = flat(array, leaf, wide_int96)
    return [value if ok else "null" for value, ok in zip(rendered, valid)]


def objects(children, row):
    return "{" + ",".join(f"{text(name)}:{values[row]}" for name, values in children) + "}"


def lists(array, elements, valid):
    offsets = array.offsets.to_pylist()
    return ["[" + ",".join(elements[offsets[i]:offsets[i + 1]]) + "]" if ok else "null"
            for i, ok in enumerate(valid)]


def flat(array, leaf, wide_int96):
    logical, physical, kind = leaf.logical_type.type, leaf.physical_type, array.type
    if pa.types.is_dictionary(kind):
        array, kind = array.dictionary_decode(), kind.value_type
    if isinstance(kind, pa.BaseExtensionType):
        array, kind = array.storage, kind.storage_type
    if pa.types.is_null(kind):
        return ["null"] * len(array)
    if physical == "INT96":
        return int96(array, wide_int96)
    if pa.types.is_boolean(kind):
        return ["true" if v else "false" for v in array.to_pylist()]
    if logical == "DECIMAL":
        return [f'"{v:f}"' if v is not None else "" for v in array.to_pylist()]
    if logical == "FLOAT16":
        return [real(np.float32(v)) for v in floats(array)]
    if physical in ("FLOAT", "DOUBLE"):
        return [real(v) for v in floats(array)]
    if logical == "DATE":
        return [f'"{date(v)}"' for v in integers(array, pa.int32())]
    if logical == "TIME":
        per_second, digits = UNITS[kind.unit]
        width = pa.int32() if pa.types.is_time32(kind) else pa.int64()
        return [f'"{time(v, per_second, digits)}"' for v in integers(array, width)]
    if logical == "TIMESTAMP":
        zone = "Z" if "isAdjustedToUTC=true" in str(leaf.logical_type) else ""
        return [timestamp(v, kind.unit, zone) for v in integers(array, pa.int64())]
    if pa.types.is_duration(kind):
        array, kind = array.view(pa.int64()), pa.int64()
    if pa.types.is_integer(kind):
        return [str(v) for v in array.to_pylist()]
    values = [b"" if v is None else v for v in array.cast(pa.large_binary()).to_pylist()]
    if logical in ("STRING", "ENUM", "JSON"):
        return [text(v.decode("utf-8")) for v in values]
    if logical == "UUID":
        return [f'"{uuid.UUID(bytes=v)}"' if v else "" for v in values]
    if logical == "INTERVAL" or leaf.converted_type == "INTERVAL":
        return [text(dict(zip(("months", "days", "millis"), struct.unpack("<III", v)))) if v else ""
                for v in values]
    return [binary(v) for v in values]


def integers(array, storage):
    return [0 if v is None else v for v in array.view(storage).to_pylist()]


def floats(array):
    return array.fill_null(0).to_numpy(zero_copy_only=False)


def int96(array, wide):
    """pyarrow reads INT96 as nanoseconds that wrap; microseconds (`wide`, the same file read again)
    do not, within i64. The wrapped value is right modulo 2^64 and gives the last three digits."""
    rendered = []
    for wrapped, micros in zip(array.cast(pa.timestamp("ns")).view(pa.int64()).to_pylist(),
                               wide.cast(pa.timestamp("us")).view(pa.int64()).to_pylist()):
        below = 0 if micros is None else (wrapped - micros * 1000) % 2**64
        assert below < 1000, (wrapped, micros)
        rendered.append("" if micros is None else timestamp(micros * 1000 + below, "ns", ""))
    return rendered


def column_names(names):
    """Duplicates get _1, _2, as in DuckDB."""
    seen, out = {}, []
    for name in names:
        count = seen.get(name.lower(), 0)
        seen[name.lower()] = count + 1
        out.append(name if count == 0 else f"{name}_{count}")
    return out


# ------------------------------------------------------------------ oracles

def decryption(path):
    """pyarrow takes one key for all columns: files of a key per column stay without a golden."""
    key = b"0123456789012345" if "aes256" not in str(path) else b"01234567890123456789012345678901"
    return pe.create_decryption_properties(key)


def by_pyarrow(path):
    options = {"arrow_extensions_enabled": False}
    if path.suffix == ".encrypted":
        options["decryption_properties"] = decryption(path)
    file = pq.ParquetFile(path, **options)
    table = file.read(use_threads=False)
    wide = pq.ParquetFile(path, coerce_int96_timestamp_unit="us", **options).read(use_threads=False)
    leaves, columns = Leaves(file.schema), []
    for index in range(table.num_columns):
        start, texts = leaves.at, []
        pairs = zip(unified(table.column(index)), unified(wide.column(index)))
        for array, wide_array in pairs:
            leaves.at = start
            texts += render(array, leaves, wide_array)
        columns.append(texts)
    assert leaves.at == len(file.schema.names), (leaves.at, path)
    names = column_names(table.column_names)
    rows = [objects(list(zip(names, columns)), row) for row in range(table.num_rows)]
    schema = [[field.name, str(field.type)] for field in table.schema]
    return {"oracle": "pyarrow", "version": pa.__version__}, schema, rows


def unified(column):
    """At least one array, so that an empty column still consumes its leaves."""
    return column.chunks or [pa.array([], column.type)]


def by_duckdb(path, name, note):
    rows, columns = other_readers.by_duckdb(path, name)
    schema = [[column, str(kind)] for column, kind in columns]
    return {"oracle": "duckdb", "version": duckdb.__version__, "note": note}, schema, rows


def large_strings(path):
    """Two rows of a map with one key of 2^30 bytes, too large to keep: the length and SHA-256 of the key, the value.
    parquet-testing documents them; DuckDB and pyarrow read them."""
    schema = [[field.name, str(field.type)] for field in pq.ParquetFile(path).schema_arrow]
    rows = duckdb.sql(f"""select strlen(map_keys(arr)[1]), sha256(map_keys(arr)[1]), map_values(arr)[1], cardinality(arr)
        from '{path}'""").fetchall()
    assert all(row[3] == 1 for row in rows)
    keys = [list(row[:3]) for row in rows]
    for batch, found in zip(pq.ParquetFile(path).iter_batches(batch_size=1), keys, strict=True):
        [[(key, value)]] = batch.column("arr").to_pylist()
        assert found == [len(key), hashlib.sha256(key.encode()).hexdigest(), value]
    assert keys == [[2**30, hashlib.sha256(b"a" * 2**30).hexdigest(), 1]] * 2
    head = {"oracle": "duckdb", "version": duckdb.__version__, "keys": keys,
            "note": "each row is a map with one entry: bytes and SHA-256 of its key, and its value",
            "readers": [f"duckdb {duckdb.__version__}", f"pyarrow {pa.__version__}", "README"],
            "apart": [["hyparquet", "not asked: a string of JavaScript ends at 2^29 characters"]]}
    return head, schema, None


def int96_of_spark(path):
    """The values that parquet-testing documents; no program reads them all. Row 5: Spark overflowed
    when it added the Julian day of 1970 to the microseconds, so day (as i32) and nanoseconds of the
    file are congruent to the value documented modulo 2^64 microseconds, which a reader undoes."""
    micros = [1704141296123456, 1704070800000000, 253402225200000000, 1735599600000000, None,
              9089380393200000000]
    rows = ["null" if v is None else timestamp(v * 1000, "ns", "") for v in micros]
    assert by_pyarrow(path)[2][:5] == [f'{{"a":{v}}}' for v in rows[:5]]
    # The dictionary page of the file, whose values are those of the rows in their order.
    dictionary = pa.decompress(path.read_bytes()[23:81], 60, "snappy", asbytes=True)
    stored = [(day - 2_440_588) * 86_400_000_000 + nanoseconds // 1000
              for nanoseconds, day in struct.iter_unpack("<qi", dictionary)]
    assert all((a - b) % 2**64 == 0 for a, b in zip(stored, [v for v in micros if v is not None], strict=True))
    note = "rows 0 to 4 are also pyarrow's (microseconds); row 5 wraps modulo 2^64 microseconds"
    head = {"oracle": "documented", "version": "parquet-testing README", "note": note}
    return head, [["a", "int96"]], [f'{{"a":{v}}}' for v in rows]


SPECIAL = {
    "data/incorrect_map_schema.parquet": lambda path: by_duckdb(
        path, "data/incorrect_map_schema.parquet", "pyarrow refuses a map with optional keys"),
    "data/int96_from_spark.parquet": int96_of_spark,
    "data/large_string_map.brotli.parquet": large_strings,
}


# ------------------------------------------------------------------ the others that agree


class Disagreement(Exception):
    """Another reader gives other values, and no table says why."""


def without(rows, columns):
    """The rows without some columns; floats are spelt anew, which their normal form does not show."""
    kept = ({k: v for k, v in json.loads(row).items() if k not in columns} for row in rows)
    return [text(row) for row in kept] if columns else rows


def differences(rows, others):
    """The numbers of the rows that differ; the last one is that of the first row that one side lacks."""
    pairs = enumerate(zip(rows, others))
    found = [at for at, (one, other) in pairs if one != other and normal(one) != normal(other)]
    return found + [min(len(rows), len(others))] * (len(rows) != len(others))


def agreement(path, name, head, rows, hyparquet):
    """The readers that give `rows`, and those that stand apart with the reasons."""
    readers, apart = [f"{head['oracle']} {head['version']}"], []
    for reader, version, read in (
        ("duckdb", f"duckdb {duckdb.__version__}", lambda: other_readers.by_duckdb(path, name)[0]),
        ("hyparquet", hyparquet.version, lambda: hyparquet.rows(path)),
    ):
        if reader == head["oracle"]:
            continue
        partly = other_readers.partly(reader, name)
        apart += [[version, f"{column}: {why}"] for column, why in partly.items()]
        error, why_unread = other_readers.unread(reader, name)
        at, why_wrong = other_readers.wrong(reader, name)
        try:
            others = read()
        except Exception as failure:
            if not error or error not in str(failure):
                raise Disagreement(f"{version}: {failure}") from failure
            apart.append([version, why_unread])
            continue
        ours = without(rows, other_readers.unread_columns(reader, name))
        found = differences(ours, others)
        if error or found != at:
            row = (found or [0])[0]
            raise Disagreement(f"{version} differs in rows {found[:5]} of {len(rows)}, expected {error or at}\n"
                               f"    golden: {ours[row:row + 1]}\n    other:  {others[row:row + 1]}")
        if at:
            apart.append([version, why_wrong])
        else:
            readers.append(version)
    for document, expected, found in other_readers.documents(path, name, rows):
        if differences(found, expected):
            raise Disagreement(f"{document} says otherwise of rows {differences(found, expected)[:5]}")
        readers.append(document)
    return {"readers": readers} | ({"apart": apart} if apart else {})


def golden(path, name, hyparquet=None):
    """What the readers agree on; without `hyparquet` none but the first is asked."""
    head, schema, rows = SPECIAL.get(name, by_pyarrow)(path)
    if rows is None:
        return head | {"schema": schema, "rows": 2}
    for row in rows:
        json.loads(row)
    made = head | (agreement(path, name, head, rows, hyparquet) if hyparquet else {})
    made |= {"schema": schema, "rows": len(rows)}
    if len(rows) <= SMALL_ROWS and sum(len(row) + 1 for row in rows) <= SMALL_BYTES:
        return made | {"jsonl": rows}
    digest = hashlib.sha256()
    for row in rows:
        digest.update(normal(row).encode() + b"\n")
    return made | {"head": rows[:5], "digest": digest.hexdigest()}


def written(made):
    """One key a line, one row a line: a difference shows as a line."""
    parts = []
    for key, value in made.items():
        if isinstance(value, list):
            lines = ",\n".join("  " + text(item) for item in value)
            parts.append(f" {text(key)}: [\n{lines}\n ]" if value else f" {text(key)}: []")
        else:
            parts.append(f" {text(key)}: {text(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main():
    corpus, parts = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    found = []
    for folder in ("data", "data/geospatial", "data/aes256", "bad_data", "shredded_variant"):
        for pattern in ("*.parquet", "uniform_encryption.parquet.encrypted"):
            found += sorted((corpus / folder).glob(pattern))
    named = {path.relative_to(corpus).as_posix(): path for path in found}
    named = {name: path for name, path in named.items() if not parts or any(part in name for part in parts)}
    asked = [path for name, path in named.items() if name not in other_readers.NOT_ASKED]
    hyparquet = other_readers.Hyparquet(pathlib.Path(os.environ["HYPARQUET"]), asked)
    disagreements = 0
    for name, path in named.items():
        target = GOLDEN / (name + ".json")
        try:
            made = golden(path, name, hyparquet)
        except Disagreement as why:
            disagreements += 1
            print(f"DISAGREE   {name}: {why}")
            continue
        except Exception as error:  # a file that its oracle rejects has no golden
            print(f"no golden  {name}: {type(error).__name__}: {str(error)[:110]}")
            target.unlink(missing_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(written(made), encoding="utf-8")
        print(f"{made['rows']:7} rows  {name}: {', '.join(made['readers'])}")
    sys.exit(disagreements > 0)


if __name__ == "__main__":
    main()
