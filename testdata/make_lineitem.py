#!/usr/bin/env python3
"""Makes lineitem.parquet beside this script: the TPC-H table at scale factor 0.001, written by pyarrow.

    pip install pyarrow==26.0.1 tpchgen-cli==4.0.0 && python make_lineitem.py

Row groups of 2,000 rows and small pages, so that pruning by statistics and by the page index has
something to prune; column and offset indexes, checksums, dictionaries.
"""

import pathlib
import subprocess
import tempfile

import pyarrow as pa
import pyarrow.parquet as pq

TARGET = pathlib.Path(__file__).resolve().parent / "lineitem.parquet"

with tempfile.TemporaryDirectory() as folder:
    subprocess.run(
        ["tpchgen-cli", "parquet", "-s", "0.001", "-T", "lineitem", "-o", folder], check=True)
    table = pq.read_table(pathlib.Path(folder) / "lineitem.parquet")

table = table.cast(pa.schema(
    pa.field(f.name, pa.string() if pa.types.is_string_view(f.type) else f.type, f.nullable)
    for f in table.schema))
# Sorted by the date, as files of facts mostly are.
table = table.sort_by([("l_shipdate", "ascending"), ("l_orderkey", "ascending"),
                       ("l_linenumber", "ascending")])
pq.write_table(
    table.replace_schema_metadata(None), TARGET, row_group_size=2_000, data_page_size=4_096,
    write_batch_size=256, compression="zstd", write_page_index=True, store_schema=False,
    write_page_checksum=True, store_decimal_as_integer=True)
print(f"{table.num_rows} rows, {TARGET.stat().st_size} bytes")
