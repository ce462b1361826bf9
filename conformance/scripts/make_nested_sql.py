#!/usr/bin/env python3
"""Makes golden/nested_sql.json: queries over nested columns and what DuckDB answers to them, as CSV.

    pip install duckdb==2.0.0 pyarrow && python make_nested_sql.py PATH/TO/parquet-testing/data

Each query is over the view `t`: of the file of the corpus that it stands under, or of
fixtures/nested.parquet. `tests/nested_sql.rs` runs them. Rows are compared as sets unless the query has
an ORDER BY.
"""

import json
import pathlib
import sys
import tempfile

import duckdb
from pyarrow import parquet

HERE = pathlib.Path(__file__).resolve().parent
FIXTURE = HERE.parent / "fixtures" / "nested.parquet"

QUERIES = {
    None: """
select count(*), count(p), count(p.x), count(p.z.u), count(tags), count(tags[1]), count(m['a']) from t
select id, p.x, p.z.v from t where p.y = 'oak' order by id
select id, p.y from t where p.x > 850 order by id
select id, p from t where p.z.u > 9 order by id
select id, items[1].sku, items[-1].n from t where items[1].ok order by id limit 20
select id, tags[2:3], tags[-2:], words[:1] from t where len(tags) > 3 order by id
select p.z, count(*) from t where id < 60 group by p.z order by 1, 2
select s, count(*), min(id) from t group by s order by s
select s.f, s.e, count(*) from t group by s.f, s.e order by 1, 2
select tags, count(*) from t group by tags order by 2 desc, 1 limit 12
select m, count(*) from t group by m order by m desc limit 12
select mm, count(*) from t group by mm order by mm nulls first limit 12
select distinct s from t order by s desc
select distinct words from t where len(words) = 1 order by words
select count(distinct tags), count(distinct s), count(distinct items), count(distinct m), count(distinct p.z) from t
select min(s), max(s), min(tags), max(tags), min(m), max(mm) from t
select k, min(s), max(words) from t group by k order by k
select id, tags from t order by tags, id limit 30
select id, words from t order by words desc, id limit 30
select id, s from t order by s nulls first, id desc limit 30
select id, items from t order by items desc nulls last, id limit 15
select a.id, b.id from t a join t b on a.s = b.s where a.id < 12 and b.id < 40 order by 1, 2
select count(*) from t a join t b on a.tags = b.tags
select count(*) from t a left join t b on a.m = b.m and b.id < 9
select count(*) from t where s in (select s from t where k = 7)
select count(*) from t where not exists (select 1 from t b where b.tags = t.tags and b.id < 500)
select id, unnest(tags) as x from t where id < 20 order by id, x
select id, unnest(tags), unnest(words) from t where id < 12
select unnest(items).n as n, count(*) from t group by n order by n
select u.e.sku, count(*), sum(u.e.n) from t, unnest(t.items) as u(e) where u.e.n > 15 group by 1 order by 2 desc, 1 limit 10
select id, x from t, unnest(mm) as u(l), unnest(l) as v(x) where id < 25 order by id, x
select id, x from t left join unnest(tags) as u(x) on true where id < 15 order by id, x
select count(*), sum(x) from t cross join unnest(tags) as u(x) where x > 2
select count(*) from t, unnest(items)
select count(e), count(e.ok) from t, unnest(items) as u(e)
select distinct unnest(words) as w from t order by w
select id, m['a'], m['zz'], map_keys(m), map_values(m), cardinality(m) from t where cardinality(m) > 2 order by id limit 9
select count(*) from t where list_contains(tags, 3)
select count(*) from t where list_contains(words, 'oak') or m['b'] < 10
select list_position(tags, 5), count(*) from t group by 1 order by 1
select id, p.* from t where id < 9 order by id
select id, s.* from t where id < 9 order by id
select count(*) from t where p is null
select count(*) from t where p.z is null and p is not null
select count(*) from t where tags = [1] or s = {'f': 1, 'e': 'a'} or words < ['a']
select id, p.z.v * 2 as d, p.x // nullif(len(tags), 0) as q from t where id < 30 order by id
select sum(p.x), avg(p.z.v), max(p.y), min(p.z.u) from t where k between 5 and 9
select cast(p as varchar), cast(m as varchar), cast(mm as varchar) from t where id < 30 order by id
select id, {'a': k, 'b': [id, k]} as made, [p.x, id] as l, map {'k': g} as mp from t where id < 8 order by id
select coalesce(tags, [0]) as c, case when id % 2 = 0 then words else [g] end as w from t where id < 12 order by id
select id, p.x from t union all select id, tags[1] from t order by 1, 2 limit 20
select x, count(*) from (select p.x as x, p as q from t where p.x < 40) where q.y is not null group by x order by x
select [1, null] = [1, null] as a, {'a': null} = {'a': null} as b, [1, 2] < [1, null] as c, [] < [1] as d, [1] = null as e
select {'a': 1} = {'b': 1} as a, [1, 2] = [1.0, 2.0] as b, map {'a': 1} = map {'a': 1} as c, [1] is distinct from null as d
select [1, 2, 3][-1:-1] as a, [1, 2, 3][-5:2] as b, [1, 2, 3][2:-2] as c, [1, 2, 3][4:5] as d, [1, 2, 3][:-2] as e, [1, 2, 3][2:1] as f
select [1, 2, 3][0] as a, [1, 2, 3][-3] as b, [1, 2, 3][4] as c, 'hello'[2:3] as d, [[1], [2, 3]][2][1] as e
select list_concat([1], null) as a, list_append(null, 1) as b, [1] || [2.5] as c, [1] || null as d, list_prepend(0, [1]) as e
select list_contains([1, null], null) as a, list_contains([], null) as b, list_position([1, null, 2], null) as c, contains([1, 2], 2.0) as d
select map {'a': 1}['a'] as a, map {'a': [1]}['a'][1] as b, map {1: 2}['1'] as c, map {'k': null}['k'] as d, map_extract(map {'a': 1}, 'b') as e
select map(['a', 'b'], [1, 2]) as a, map_entries(map {'a': 1}) as b, map_contains(map {'a': null}, 'a') as c, cardinality(map {}) as d
select {'a': 1, 'b': 2}::struct(b int, a int) as a, {'a': 1}::struct(a int, c int) as b, row(1, 2)::struct(x int, y varchar) as c
select [1, 2]::varchar[] as a, {'a': 'x y', 'b': null}::varchar as b, map {'k': 'v'}::varchar as c, ['a,b', '']::varchar as d, row(1, 'x') as e
select coalesce(null, [1]) as a, greatest([1], [2]) as b, nullif([1], [1]) as c, case when true then [1] else [2.5] end as d
select struct_extract({'a': 1}, 'A') as a, {'a': 1}.A as b, struct_pack(x := 1, y := [2]).y[1] as c, row(7, 8)[2] as d
select unnest([1, 2]) as a, unnest(['a', 'b', 'c']) as b
select unnest({'a': 1, 'b': 2}), unnest([5, 6]) as c
select * from unnest([{'p': 1, 'q': [2]}, {'p': 3, 'q': null}]) as u(e), unnest(e.q) as v(x)
select {'a': 1} as a union all select {'b': 1} order by 1
select x, count(*) from (values ([1.0::double, 'nan'::double]), ([1, 'nan'::double]), ([0.5])) v(x) group by x order by x
select a.id, a.p.y, b.items[1].sku from t a join t b on a.id = b.p.x where a.id < 40 order by 1, 3
""",
    "nullable.impala.parquet": """
select * from t order by id
select id, nested_struct.A from t where nested_struct.A = 1 order by id
select id, nested_Struct.C.d from t where id < 4 order by id
select nested_struct.b, count(*) from t group by 1 order by 1
select int_map, count(*) from t group by int_map order by 2 desc, 1
select id, int_map['k1'], int_map_array[1]['k1'] from t order by id
select id, unnest(int_array) from t where id <= 2
select id, x from t, unnest(int_array_array) as u(l), unnest(l) as v(x) order by id, x
select e.E, e.F from t, unnest(nested_struct.C.d) as u(l), unnest(l) as v(e) order by 1, 2
select max(nested_struct.A), count(nested_struct.g), count(distinct int_array) from t
""",
    "nonnullable.impala.parquet": """
select * from t
select nested_struct.a, nested_struct.B, nested_struct.c.D from t where nested_struct.a < 0
select e.f from t, unnest(nested_struct.c.D) as u(l), unnest(l) as v(e) where e.e = -1
select int_map_array[2], int_map_array[2]['k1'], len(int_map_array) from t
select int_map, int_array, count(*) from t group by int_map, int_array
select nested_struct.g from t where int_map['k1'] = -1 or int_array[1] = -1
select x, count(*) from t, unnest(int_array_array) as u(l), unnest(l) as v(x) group by x order by x
""",
    "nested_lists.snappy.parquet": """
select * from t order by b, a
select a, count(*) from t group by a order by a
select b, x from t, unnest(a) as u(l), unnest(l) as v(x) order by x, b
select b from t where a[1][1][2] = 'b' order by b
select a[1][2] as l from t where len(a[2]) > 1 order by l
select z, count(*) from t, unnest(a) as u(x), unnest(x) as v(y), unnest(y) as w(z) group by z order by z
""",
    "nested_maps.snappy.parquet": """
select * from t order by a
select a, sum(c) from t group by a order by a
select b, a['a'], a['a'][1], map_keys(a) from t order by a
select distinct map_values(a) as v from t order by v
select c, map_keys(a) from t where a['a'][1] order by map_keys(a), c
select b, a['c'] from t where map_contains(a, 'c') or a['b'] is null order by 2
""",
    "nested_structs.rust.parquet": """
select roll_num.min, roll_num.max, PC_CUR.mean from t where CVA_2012.count > 400
select roll_num, ACTUAL_DEPTH from t
select GLA.min, count(*) from t group by GLA.min
select sum(PC_CUR.sum), max(SOURCE_GLA.variance) from t
select GLA, count(*), min(roll_num.max) from t group by GLA
""",
    "list_columns.parquet": """
select * from t order by int64_list
select int64_list[1], utf8_list[-1] from t order by 1, 2
select utf8_list, count(*) from t group by utf8_list order by 1
select unnest(int64_list) as x, count(*) from t group by x order by x
select utf8_list from t where int64_list[2] is null order by utf8_list
select int64_list from t where list_contains(utf8_list, 'efg') order by int64_list
""",
    "datapage_v2.snappy.parquet": """
select a, e from t where b > 2 order by b
select e, count(*) from t group by e order by e
select a, c from t where e[2] = 2 order by a, c
select b, x from t, unnest(e) as u(x) where x > 1 order by b, x
""",
    "repeated_no_annotation.parquet": """
select * from t order by id
select id, phoneNumbers.phone[1].number from t where phoneNumbers is not null order by id
select id, p.number, p.kind from t, unnest(phoneNumbers.phone) as u(p) where p.kind is not null order by id, 2
select phoneNumbers, count(*) from t group by 1 order by 1
select phoneNumbers.phone[1].kind from t where phoneNumbers.phone[1].number > 1000000000 order by 1
""",
    "repeated_primitive_no_list.parquet": """
select * from t order by String_list
select group_of_lists.Int32_list_in_group[2] as x, String_list from t where len(Int32_list) > 0 order by x
select unnest(group_of_lists.String_list_in_group) as s, count(*) from t group by s order by s
select group_of_lists.Int32_list_in_group as l, count(*) from t group by l order by l
select String_list from t where group_of_lists.String_list_in_group[1] > 'f' order by String_list
""",
    "old_list_structure.parquet": """
select a, a[2], x from t, unnest(a) as u(x) order by x
select a, len(a) from t where a[1][1] = 1
select a[2][1] from t where len(a[1]) > 1
select a[1] as l, count(*) from t group by l order by l
select y, count(*) from t, unnest(a) as u(x), unnest(x) as v(y) where y <> 2 group by y order by y
""",
    "null_list.parquet": """
select emptylist, len(emptylist) from t
select emptylist from t where len(emptylist) = 0 or emptylist is null
select emptylist, count(*) from t group by emptylist order by 1
select count(*), count(emptylist), count(emptylist[1]) from t
select x from t left join unnest(emptylist) as u(x) on true
""",
    "incorrect_map_schema.parquet": """
select my_map, my_map['name'], map_keys(my_map) from t
select my_map['parent'], map_values(my_map) from t where my_map['name'] = 'report'
select cardinality(my_map) from t where map_contains(my_map, 'name') or my_map is null
select my_map['name'] as name, count(*) from t group by name order by name
select map_keys(my_map) as k, count(*) from t group by k order by k
""",
    "nulls.snappy.parquet": """
select b_struct.b_c_int, b_struct, count(*) from t group by all
select b_struct from t where b_struct.b_c_int is not null
select b_struct.b_c_int from t where b_struct is not null and b_struct.b_c_int is null
select b_struct, count(*), count(b_struct), count(b_struct.b_c_int) from t group by b_struct
""",
    # Its keys are of 1 GiB each.
    "large_string_map.brotli.parquet": """
select map_values(arr) as v, count(arr), max(cardinality(arr)) from t where map_values(arr)[1] = 1 group by v
""",
    # DuckDB answers over what pyarrow reads: it refuses a map without values.
    "map_no_value.parquet": """
select * from t order by my_list
select my_map_no_v, my_map from t where my_list[1] > 1 order by my_list
select my_list from t where map_keys(my_map_no_v)[2] = 5
select my_list, my_map[4], map_keys(my_map) from t where map_contains(my_map, 4) or my_list[3] = 9 order by my_list
select my_list, count(*) from t group by my_list order by my_list
select my_map_no_v, count(*) from t group by my_map_no_v order by my_map_no_v
select map_keys(my_map) as k, count(*), min(my_list[1]) from t group by k order by k
select x, count(*) from t, unnest(my_list) as u(x) where x > 2 group by x order by x
select x from t, unnest(map_keys(my_map_no_v)) as u(x) order by x
""",
}


def answer(path: pathlib.Path, query: str) -> str:
    database = duckdb.connect()
    if path.name == "map_no_value.parquet":
        database.register("t", parquet.read_table(path))
        # Keys alone are a list to pyarrow.
        query = query.replace("map_keys(my_map_no_v)", "my_map_no_v")
    else:
        database.execute(f"create view t as select * from '{path}'")
    with tempfile.NamedTemporaryFile(suffix=".csv") as target:
        database.execute(f"copy ({query}) to '{target.name}' (header)")
        return pathlib.Path(target.name).read_text()


def main() -> None:
    corpus = pathlib.Path(sys.argv[1])
    goldens = []
    for file, queries in QUERIES.items():
        path = FIXTURE if file is None else corpus / file
        for query in queries.strip().splitlines():
            lines = answer(path, query).splitlines()
            goldens.append({"file": file, "sql": query, "csv": lines})
    target = HERE.parent / "golden" / "nested_sql.json"
    body = ",\n".join(json.dumps(golden, ensure_ascii=False) for golden in goldens)
    target.write_text(f"[\n{body}\n]\n")
    print(f"{len(goldens)} queries, {target.stat().st_size} bytes")


main()
