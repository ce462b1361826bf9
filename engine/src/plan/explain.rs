//! Logical plans as text, a node a line.

use std::fmt::Write as _;

use millwork_format::error::OneLine;
use millwork_format::types::Field;

use super::logical::{Aggregate, Join, LogicalPlan, Scan, Sort};
use crate::expr::Expr;

impl LogicalPlan {
    /// The tree as text, one node a line, inputs indented below. Ends with a line feed.
    #[must_use]
    pub fn explain(&self) -> String {
        let mut text = String::new();
        self.explain_into(0, &mut text);
        text
    }

    fn explain_into(&self, depth: usize, text: &mut String) {
        for _ in 0..depth {
            text.push_str("  ");
        }
        let _ = writeln!(text, "{}", OneLine(&self.explain_line()));
        for input in self.inputs() {
            input.explain_into(depth + 1, text);
        }
    }

    /// This node as one line, without its inputs.
    #[must_use]
    pub fn explain_line(&self) -> String {
        match self {
            Self::Scan(node) => node.explain_line(),
            Self::Values(node) => format!("Values {} rows", node.rows.len()),
            Self::Filter(node) => {
                format!("Filter {}", conjuncts(&node.predicates, node.input.fields()))
            }
            Self::Project(node) => {
                let input = node.input.fields();
                let parts = node.expressions.iter().zip(&node.fields).map(|(part, field)| {
                    let text = named(part, input);
                    if text == *field.name { text } else { format!("{text} AS {}", field.name) }
                });
                format!("Project {}", join_text(parts, ", "))
            }
            Self::Aggregate(node) => node.explain_line(),
            Self::Join(node) => node.explain_line(),
            Self::Sort(node) => node.explain_line(),
            Self::Limit(node) => format!("Limit{}", limit_text(node.limit, node.offset)),
            Self::Union(node) => format!("Union {} inputs", node.inputs.len()),
            Self::Unnest(node) => {
                let input = node.input.fields();
                let lists = node.lists.iter().map(|list| named(list, input));
                let rest = if node.keep_empty { ", rows without elements kept" } else { "" };
                format!("Unnest {}{rest}", join_text(lists, ", "))
            }
        }
    }
}

impl Scan {
    /// A predicate with the names of its columns.
    #[must_use]
    pub fn named(&self, predicate: &Expr) -> String {
        named(predicate, &self.fields)
    }

    fn explain_line(&self) -> String {
        let columns = join_text(self.fields.iter().map(|field| field.name.to_string()), ", ");
        let mut text = format!("Scan {} [{columns}]", self.table.name());
        if !self.predicates.is_empty() {
            let _ = write!(text, " where {}", conjuncts(&self.predicates, &self.fields));
        }
        text
    }
}

impl Aggregate {
    fn explain_line(&self) -> String {
        let input = self.input.fields();
        let groups = join_text(self.groups.iter().map(|&column| name_of(input, column)), ", ");
        let calls = self.aggregates.iter().map(|call| {
            let distinct = if call.distinct { "distinct " } else { "" };
            let argument = call.argument.map_or_else(String::new, |column| name_of(input, column));
            let filter = call
                .filter
                .map_or_else(String::new, |column| format!(" filter {}", name_of(input, column)));
            format!("{:?}({distinct}{argument}){filter}", call.function)
        });
        format!("Aggregate by [{groups}] [{}]", join_text(calls, ", "))
    }
}

impl Join {
    fn explain_line(&self) -> String {
        let (left, right) = (self.left.fields(), self.right.fields());
        let keys = self.left_keys.iter().zip(&self.right_keys).map(|(&of_left, &of_right)| {
            format!("{} = {}", name_of(left, of_left), name_of(right, of_right))
        });
        let mut text = format!("Join {:?}", self.kind);
        if !self.left_keys.is_empty() {
            let _ = write!(text, " on {}", join_text(keys, " AND "));
        }
        if !self.residual.is_empty() {
            let both: Vec<Field> = left.iter().chain(right).cloned().collect();
            let _ = write!(text, " where {}", conjuncts(&self.residual, &both));
        }
        text
    }
}

impl Sort {
    fn explain_line(&self) -> String {
        let input = self.input.fields();
        let keys = self.keys.iter().map(|key| {
            let direction = if key.descending { " desc" } else { "" };
            let nulls = if key.nulls_first { " nulls first" } else { "" };
            format!("{}{direction}{nulls}", name_of(input, key.column))
        });
        let keys = join_text(keys, ", ");
        format!("Sort {keys}{}", limit_text(self.limit, self.offset))
    }
}

fn name_of(fields: &[Field], column: usize) -> String {
    fields.get(column).map_or_else(|| format!("#{column}"), |field| field.name.to_string())
}

fn limit_text(limit: Option<u64>, offset: u64) -> String {
    let limit = limit.map_or_else(String::new, |rows| format!(" limit {rows}"));
    let offset = if offset == 0 { String::new() } else { format!(" offset {offset}") };
    limit + &offset
}

fn join_text(parts: impl Iterator<Item = String>, separator: &str) -> String {
    parts.collect::<Vec<_>>().join(separator)
}

fn conjuncts(parts: &[Expr], fields: &[Field]) -> String {
    join_text(parts.iter().map(|part| named(part, fields)), " AND ")
}

/// The text of `expr` with the names of `fields` for its `#position`s.
fn named(expr: &Expr, fields: &[Field]) -> String {
    let text = expr.to_string();
    let mut result = String::with_capacity(text.len());
    let mut in_quotes = false;
    let mut rest = text.as_str();
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        in_quotes ^= letter == '\'';
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if letter != '#' || in_quotes || digits == 0 {
            result.push(letter);
            continue;
        }
        let position = rest[..digits].parse().unwrap_or(usize::MAX);
        result.push_str(&name_of(fields, position));
        rest = &rest[digits..];
    }
    result
}
