//! Random queries over the fixtures, one a seed: scans, groupings, joins, semi joins, unions, subqueries.
//!
//! In: a seed. Out: a [`Case`]: text over the views of [`TABLES`], and what may be demanded of its rows.

use super::dice::Dice;
use super::tables::{Column, Kind, NESTED_TABLE, TABLES, Table};

/// A query and what may be demanded of its rows.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it was made from.
    pub seed: u64,
    /// The text, over the views `facts`, `more`, `dims`, `lineitem` and `nested`.
    pub sql: String,
    /// Whether the order of the rows is settled.
    pub is_ordered: bool,
    /// Whether sums of floats are in it, which may differ by 1e-12 of their size.
    pub is_inexact: bool,
}

/// The query of `seed`.
#[must_use]
pub fn case(seed: u64) -> Case {
    let mut dice = Dice::new(seed);
    let (sql, is_ordered) = query(&mut dice);
    Case { seed, sql, is_ordered, is_inexact: dice.is_inexact }
}

/// A query, and whether the order of its rows is settled.
fn query(dice: &mut Dice) -> (String, bool) {
    match dice.below(23) {
        0..=4 => scan(dice),
        5..=8 => grouping(dice),
        9 => distinct(dice),
        10..=13 => join(dice),
        14 | 15 => membership(dice),
        16 => union(dice),
        17 | 18 => derived(dice),
        19 => correlated(dice),
        20 => opened(dice),
        _ => beside_lists(dice),
    }
}

fn table(dice: &mut Dice) -> &'static Table {
    let index = dice.pick(&[0, 0, 0, 1, 1, 2, 3, 3, NESTED_TABLE, NESTED_TABLE, NESTED_TABLE]);
    &TABLES[index]
}

fn qualified(alias: &str, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("{alias}.{name}")).collect()
}

fn keyword(dice: &mut Dice, word: &str, scope: &[Column], percent: usize) -> String {
    if dice.chance(percent) {
        format!(" {word} {}", dice.condition(scope, 2))
    } else {
        String::new()
    }
}

fn values(dice: &mut Dice, scope: &[Column]) -> Vec<String> {
    let count = 1 + dice.below(4);
    (0..count)
        .map(|_| {
            let kind = dice.kind(scope);
            dice.value(scope, kind, 2)
        })
        .collect()
}

/// Some nested columns, as they are.
fn payload(dice: &mut Dice, table: &Table, alias: &str) -> Vec<String> {
    let count = if table.nested.is_empty() { 0 } else { dice.below(3) };
    (0..count).map(|_| format!("{alias}.{}", dice.pick(table.nested))).collect()
}

/// A list of the table `alias`.
fn list(alias: &str, name: &str) -> String {
    match name.contains("{}") {
        true => name.replace("{}", alias),
        false => format!("{alias}.{name}"),
    }
}

/// UNNEST in a SELECT: one list or two side by side.
fn opened(dice: &mut Dice) -> (String, bool) {
    let (table, alias) = (&TABLES[NESTED_TABLE], dice.alias());
    let scope = table.scope(&alias);
    let mut items = qualified(&alias, table.key);
    for _ in 0..1 + dice.below(2) {
        let (name, fields) = dice.pick(table.lists);
        let list = list(&alias, name);
        let (field, _) = dice.pick(fields);
        items.push(match dice.chance(30) {
            true => format!("unnest({list})"),
            false => format!("unnest({list}){field}"),
        });
    }
    items.extend(payload(dice, table, &alias));
    let condition = keyword(dice, "where", &scope, 60);
    let tail = if dice.chance(30) { limit(dice) } else { String::new() };
    (format!("select {} from {} {alias}{condition}{tail}", items.join(", "), table.name), true)
}

/// UNNEST in FROM, with conditions on both sides of it, perhaps grouped.
fn beside_lists(dice: &mut Dice) -> (String, bool) {
    let (table, alias, within) = (&TABLES[NESTED_TABLE], dice.alias(), dice.alias());
    let mut scope = table.scope(&alias);
    let (name, fields) = dice.pick(table.lists);
    let element =
        |(field, kind): &(&str, Kind)| Column { name: format!("{within}.e{field}"), kind: *kind };
    scope.extend(fields.iter().map(element));
    scope.extend(fields.iter().map(element));
    let list = list(&alias, name);
    let condition = keyword(dice, "where", &scope, 60);
    let from = match dice.below(3) {
        0 => format!("{} {alias} left join unnest({list}) as {within}(e) on true", table.name),
        1 => format!("{} {alias} cross join unnest({list}) as {within}(e)", table.name),
        _ => format!("{} {alias}, unnest({list}) as {within}(e)", table.name),
    };
    let from = format!("{from}{condition}");
    if dice.chance(50) {
        return grouped(dice, table, &alias, &scope, &from);
    }
    let mut items = values(dice, &scope);
    items.push(format!("{within}.e"));
    items.extend(qualified(&alias, table.key));
    items.extend(payload(dice, table, &alias));
    // Ours come in the order of the file; that is more than SQL says.
    (format!("select {} from {from}", items.join(", ")), false)
}

/// `ORDER BY` some of `first`, then `last`, which settles it; perhaps with a limit.
fn order(dice: &mut Dice, first: &[String], last: &[String]) -> String {
    let mut keys: Vec<String> = Vec::new();
    if !first.is_empty() && dice.chance(70) {
        keys.push(dice.pick(first));
    }
    keys.extend(last.iter().cloned());
    for key in &mut keys {
        key.push_str(dice.pick(&["", "", " desc", " nulls first", " desc nulls last"]));
    }
    let mut text = format!(" order by {}", keys.join(", "));
    if dice.chance(50) {
        text.push_str(&limit(dice));
    }
    text
}

fn limit(dice: &mut Dice) -> String {
    let limit = dice.pick(&[0, 1, 5, 20, 300, 5000]);
    match dice.chance(25) {
        true => format!(" limit {limit} offset {}", dice.pick(&[1, 7, 400])),
        false => format!(" limit {limit}"),
    }
}

/// A scan: without an ORDER BY its rows come in the order of the file.
fn scan(dice: &mut Dice) -> (String, bool) {
    let (table, alias) = (table(dice), dice.alias());
    let scope = table.scope(&alias);
    let mut items = values(dice, &scope);
    items.extend(payload(dice, table, &alias));
    let items = items.join(", ");
    let condition = keyword(dice, "where", &scope, 85);
    let keys = qualified(&alias, table.key);
    let columns: Vec<String> = scope.iter().map(|column| column.name.clone()).collect();
    let tail = match dice.below(4) {
        0 => String::new(),
        1 => limit(dice),
        _ => order(dice, &columns, &keys),
    };
    (
        format!("select {items}, {} from {} {alias}{condition}{tail}", keys.join(", "), table.name),
        true,
    )
}

fn grouping(dice: &mut Dice) -> (String, bool) {
    let (table, alias) = (table(dice), dice.alias());
    let scope = table.scope(&alias);
    let from = format!("{} {alias}{}", table.name, keyword(dice, "where", &scope, 60));
    grouped(dice, table, &alias, &scope, &from)
}

/// A grouping of `from` by columns of `table`.
fn grouped(
    dice: &mut Dice,
    table: &Table,
    alias: &str,
    scope: &[Column],
    from: &str,
) -> (String, bool) {
    let count = dice.pick(&[0, 1, 1, 1, 2, 2, 3]);
    let mut keys: Vec<String> = Vec::new();
    for _ in 0..count {
        let key = match dice.chance(80) {
            true => format!("{alias}.{}", dice.pick(table.groups)),
            false => {
                let kind = dice.pick(&[Kind::Integer, Kind::Text, Kind::Boolean, Kind::Date]);
                // Over a column, so that it is no constant, which would name a position.
                let value = dice.value(scope, kind, 1);
                if value.contains('.') && value.contains("q") { value } else { continue }
            }
        };
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let aggregates: Vec<String> = (0..1 + dice.below(4)).map(|_| dice.aggregate(scope)).collect();
    let items: Vec<String> = keys.iter().chain(&aggregates).cloned().collect();
    let mut text = format!("select {} from {from}", items.join(", "));
    if keys.is_empty() {
        return (text, true);
    }
    text.push_str(&format!(" group by {}", keys.join(", ")));
    if dice.chance(25) {
        text.push_str(&format!(" having count(*) > {}", dice.below(12)));
    }
    let is_ordered = dice.chance(50);
    if is_ordered {
        text.push_str(&order(dice, &["count(*)".to_owned()], &keys));
    }
    (text, is_ordered)
}

fn distinct(dice: &mut Dice) -> (String, bool) {
    let (table, alias) = (table(dice), dice.alias());
    let scope = table.scope(&alias);
    let mut items = vec![format!("{alias}.{}", dice.pick(table.groups))];
    if dice.chance(60) {
        items.push(format!("{alias}.{}", dice.pick(table.groups)));
    }
    let condition = keyword(dice, "where", &scope, 60);
    let is_ordered = dice.chance(50);
    let tail = if is_ordered { order(dice, &[], &items) } else { String::new() };
    (
        format!(
            "select distinct {} from {} {alias}{condition}{tail}",
            items.join(", "),
            table.name
        ),
        is_ordered,
    )
}

/// Two tables over integer columns, one of them small so that the result is.
fn joined(dice: &mut Dice) -> (&'static Table, String, Vec<Column>, String) {
    let left = table(dice);
    let right = if dice.chance(75) { &TABLES[2] } else { &TABLES[1] };
    let (one, two) = (dice.alias(), dice.alias());
    let mut scope = left.scope(&one);
    scope.extend(right.scope(&two));
    let (left_key, right_key) = match right.name {
        "dims" => (dice.pick(left.joins), dice.pick(right.joins)),
        // Against the large table by its unique key.
        _ => (dice.pick(left.joins), "id"),
    };
    let mut on = format!("{one}.{left_key} = {two}.{right_key}");
    if dice.chance(15) && left.name != "lineitem" && right.name == "dims" && left.name != "dims" {
        on.push_str(&format!(" and {one}.g = {two}.name"));
    }
    if dice.chance(30) {
        on.push_str(&format!(" and {}", dice.condition(&scope, 1)));
    }
    let kind = dice.pick(&["join", "join", "left join", "left join", "right join"]);
    let condition = keyword(dice, "where", &scope, 50);
    let from = match kind {
        "join" if dice.chance(30) => {
            let rest = condition.replacen(" where ", " and ", 1);
            format!("{} {one}, {} {two} where {on}{rest}", left.name, right.name)
        }
        _ => format!("{} {one} {kind} {} {two} on {on}{condition}", left.name, right.name),
    };
    (left, one, scope, from)
}

fn join(dice: &mut Dice) -> (String, bool) {
    let (left, alias, scope, from) = joined(dice);
    if dice.chance(45) {
        return grouped(dice, left, &alias, &scope, &from);
    }
    let items = values(dice, &scope).join(", ");
    (format!("select {items} from {from}"), false)
}

/// EXISTS, IN and their opposites.
fn membership(dice: &mut Dice) -> (String, bool) {
    let (outer, alias) = (table(dice), dice.alias());
    let (inner, within) = (table(dice), dice.alias());
    let (scope, inner_scope) = (outer.scope(&alias), inner.scope(&within));
    let (key, other) = (dice.pick(outer.joins), dice.pick(inner.joins));
    let condition = dice.condition(&inner_scope, 1);
    let negated = dice.pick(&["", "", "not "]);
    let test = match dice.below(2) {
        0 => {
            let mut both = scope.clone();
            both.extend(inner_scope);
            let residual = match dice.chance(25) {
                true => format!(" and {}", dice.condition(&both, 0)),
                false => String::new(),
            };
            format!(
                "{negated}exists (select 1 from {} {within} where {within}.{other} = {alias}.{key} \
                 and {condition}{residual})",
                inner.name
            )
        }
        _ => format!(
            "{alias}.{key} {negated}in (select {within}.{other} from {} {within} where {condition})",
            inner.name
        ),
    };
    let from = format!("{} {alias} where {test}{}", outer.name, keyword(dice, "and", &scope, 40));
    if dice.chance(40) {
        return grouped(dice, outer, &alias, &scope, &from);
    }
    (format!("select {} from {from}", values(dice, &scope).join(", ")), false)
}

fn union(dice: &mut Dice) -> (String, bool) {
    let kinds = [Kind::Integer, Kind::Text, Kind::Double, Kind::Date];
    let wanted: Vec<Kind> = (0..1 + dice.below(3)).map(|_| dice.pick(&kinds)).collect();
    let mut parts = Vec::new();
    for _ in 0..2 + dice.below(2) {
        let (table, alias) = (table(dice), dice.alias());
        let scope = table.scope(&alias);
        let items: Vec<String> = wanted.iter().map(|kind| dice.value(&scope, *kind, 1)).collect();
        let condition = keyword(dice, "where", &scope, 80);
        parts.push(format!("select {} from {} {alias}{condition}", items.join(", "), table.name));
    }
    let word = dice.pick(&[" union all ", " union all ", " union "]);
    (parts.join(word), false)
}

/// A query over a query.
fn derived(dice: &mut Dice) -> (String, bool) {
    let (table, alias, outer) = (table(dice), dice.alias(), dice.alias());
    let scope = table.scope(&alias);
    let condition = keyword(dice, "where", &scope, 60);
    let kind = dice.kind(&scope);
    let group = dice.pick(table.groups);
    let inner = match dice.below(3) {
        0 => format!(
            "select {alias}.{group} as x, count(*) as y, max({}) as v from {} {alias}{condition} group by \
             {alias}.{group}",
            dice.value(&scope, kind, 1),
            table.name
        ),
        1 => format!(
            "select {} as y, {} as v from {} {alias}{condition} order by {} limit {}",
            dice.value(&scope, Kind::Integer, 1),
            dice.value(&scope, kind, 1),
            table.name,
            qualified(&alias, table.key).join(", "),
            dice.pick(&[1, 40, 700]),
        ),
        _ => format!(
            "select {} as y, {} as v from {} {alias}{condition}",
            dice.value(&scope, Kind::Integer, 2),
            dice.value(&scope, kind, 2),
            table.name
        ),
    };
    let scope = vec![
        Column { name: format!("{outer}.y"), kind: Kind::Integer },
        Column { name: format!("{outer}.v"), kind },
    ];
    let condition = keyword(dice, "where", &scope, 60);
    let text = match dice.chance(50) {
        true => {
            let aggregates: Vec<String> = (0..2).map(|_| dice.aggregate(&scope)).collect();
            let aggregates = aggregates.join(", ");
            format!(
                "select {outer}.v, {aggregates} from ({inner}) {outer}{condition} group by {outer}.v"
            )
        }
        false => {
            format!("select {} from ({inner}) {outer}{condition}", values(dice, &scope).join(", "))
        }
    };
    (text, false)
}

/// A comparison with the value of a subquery, correlated or not.
fn correlated(dice: &mut Dice) -> (String, bool) {
    let (outer, alias) = (table(dice), dice.alias());
    let (inner, within) = (table(dice), dice.alias());
    let (scope, inner_scope) = (outer.scope(&alias), inner.scope(&within));
    let value = dice.value(&scope, Kind::Integer, 1);
    let function = dice.pick(&["max", "min", "count"]);
    let argument = dice.value(&inner_scope, Kind::Integer, 1);
    let mut condition = dice.condition(&inner_scope, 1);
    if dice.chance(60) {
        let (key, other) = (dice.pick(outer.joins), dice.pick(inner.joins));
        condition = format!("{within}.{other} = {alias}.{key} and {condition}");
    }
    let subquery =
        format!("(select {function}({argument}) from {} {within} where {condition})", inner.name);
    let keys = qualified(&alias, outer.key).join(", ");
    let text = match dice.chance(50) {
        true => format!(
            "select {keys}, {value} from {} {alias} where {value} <= {subquery}",
            outer.name
        ),
        false => format!("select {keys}, {subquery} from {} {alias}", outer.name),
    };
    (text, false)
}
