select 1
select l_returnflag, sum(l_quantity) as q from 'a.parquet' where l_shipdate <= date '1994-12-31' group by 1 order by 2 desc nulls last limit 10 offset 3
with t as (select a, b from x union all select c, d from y) select * from t where a in (1, 2, 3) and b not like '%x_y%' escape '\'
select case when a > 1 then 'x' when b is null then 'y' else cast(c as decimal(12, 2)) end from (values (1, 'a'), (2, null)) v(a, b)
select a.x, b.* from a join b on a.id = b.id left join c using (k) cross join d where exists (select 1 from e where e.id = a.id)
explain (analyze, format json) select count(*), count(distinct x), min(y) filter (where z) from read_parquet('s/*.parquet')
select interval '3' day + date '2020-02-29', timestamp '2020-01-01 00:00:00.123', extract(year from d), substring(s from 2 for 3)
create view v as select x::int, -y, not z, a || b, a <=> b, [1, 2, 3][1], {'k': 1} from t; drop view v; describe t
create table t (a int, b varchar(10) not null) with ('connector' = 'filesystem', 'path' = '/x')
select row_number() over (partition by a order by b rows between 1 preceding and current row) from t qualify 1 = 1
select x from t where x between 1 and 2 or y is distinct from z and not (a = b) order by x asc, y desc limit 5
select 1e10, .5, 0x1f, 'it''s', "quoted name", $1, ?, @x /* comment */ -- end
