"""Writes lineitem of TPC-H again as one row group: `li_one_idx.parquet`, with a page index, and
`li_one_noidx.parquet`, without one.

    one_group.py LINEITEM FOLDER

One row group has to feed every core; these files show whether it does (`tests/shape.rs`). Needs
pyarrow.
"""

import pathlib
import sys

import pyarrow.parquet as pq

lineitem, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
table = pq.read_table(lineitem)
for name, index in (("li_one_idx", True), ("li_one_noidx", False)):
    path = folder / f"{name}.parquet"
    if not path.exists():
        pq.write_table(table, path, row_group_size=2**26, write_page_index=index)
    assert pq.ParquetFile(path).num_row_groups == 1, path
