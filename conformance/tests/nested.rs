//! Lists and structs built in memory go through filter, project, an exchange, the payload of a sort,
//! a limit, and out as JSON.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Bitmap, Slice};
use millwork_codecs::kernel::Comparison;
use millwork_engine::expr::{Expr, Function, SortKey};
use millwork_engine::operator::limit::{LimitOperator, LimitShared};
use millwork_engine::operator::sort::{SortShared, SortSink, SortSource, SortSpec};
use millwork_engine::operator::{Filter, Project, ValuesShared, ValuesSource};
use millwork_engine::pipeline::{
    Collected, Exchange, LaneParts, Pipeline, Query, RoundRobin, RunOptions, Scheduler,
    SeededScheduler,
};
use millwork_engine::value::Scalar;
use millwork_format::batch::Batch;
use millwork_format::record::JsonWriter;
use millwork_format::types::{DataType, Field};
use millwork_format::vector::{Data, List, Vector, Views};

const ROWS: usize = 100;

fn fields() -> Vec<Field> {
    let element = Arc::new(Field::nullable("element", DataType::Utf8));
    let members = [
        Field::nullable("x", DataType::Int64),
        Field::nullable("tags", DataType::List(Arc::clone(&element))),
    ];
    vec![
        Field::required("key", DataType::Int64),
        Field::nullable("tags", DataType::List(element)),
        Field::nullable("point", DataType::Struct(members.into())),
    ]
}

/// Row `row` has `row % 4` tags, or a null list where that is 3; every seventh struct is null.
fn batch(first: usize, rows: usize) -> Batch {
    let numbers: Vec<i64> = (first..first + rows).map(|row| row as i64).collect();
    let (mut words, mut offsets, mut valid) = (Vec::new(), vec![0i32], Vec::new());
    for row in first..first + rows {
        if row % 4 < 3 {
            words.extend((0..row % 4).map(|tag| format!("tag {tag} of row number {row}")));
        }
        offsets.push(words.len() as i32);
        valid.push(row % 4 < 3);
    }
    let count = words.len();
    let strings = Vector::new(Data::Views(Views::copy_of(&words).unwrap()), None, count).unwrap();
    let list = List::new(Slice::copy_of(&offsets), strings).unwrap();
    let validity = Some(Bitmap::from_bools(&valid));
    let lists = Vector::new(Data::List(list), validity, rows).unwrap();
    let key = Vector::flat(Slice::copy_of(&numbers));
    let present: Vec<bool> = (first..first + rows).map(|row| row % 7 != 0).collect();
    let members = [key.clone(), lists.clone()];
    let present = Some(Bitmap::from_bools(&present));
    let points = Vector::new(Data::Struct(members.into()), present, rows).unwrap();
    Batch::new([key, lists, points], rows).unwrap()
}

fn expected_line(row: usize) -> String {
    let tags = match row % 4 {
        3 => "null".to_string(),
        tags => {
            let tags: Vec<String> =
                (0..tags).map(|tag| format!("\"tag {tag} of row number {row}\"")).collect();
            format!("[{}]", tags.join(","))
        }
    };
    let point = match row % 7 {
        0 => "null".to_string(),
        _ => format!("{{\"x\":{row},\"tags\":{tags}}}"),
    };
    format!("{{\"key\":{row},\"tags\":{tags},\"point\":{point}}}")
}

#[test]
fn nested_vectors_pass_through_every_stage() {
    for (batch_rows, lanes) in [(1, 1), (7, 2), (ROWS, 2)] {
        let budget = Budget::unlimited();
        let fields = fields();
        let starts = (0..ROWS).step_by(batch_rows);
        let input =
            ValuesShared::new(starts.map(|start| batch(start, batch_rows.min(ROWS - start))));
        let limit = Expr::literal(Scalar::Integer(20), DataType::Int64);
        let key = Expr::column(0, DataType::Int64);
        let from_20 = Expr::call(
            Function::Compare(Comparison::GreaterOrEqual),
            vec![key, limit],
            DataType::Boolean,
        );
        let columns: Vec<Expr> = fields
            .iter()
            .enumerate()
            .map(|(column, field)| Expr::column(column, field.data_type.clone()))
            .collect();
        let exchange = Exchange::new("exchange", lanes, lanes, 1, &budget);
        let mut query = Query::new();
        let (sinks, predicates) = (exchange.clone(), vec![from_20]);
        query.add(Pipeline::new("filter", lanes, move |lane| {
            Ok(LaneParts {
                source: Box::new(ValuesSource::new(&input)),
                operators: vec![
                    Box::new(Filter::new(&predicates)?),
                    Box::new(Project::new(&columns)?),
                ],
                sink: Box::new(sinks.sink(lane, RoundRobin(lane))),
            })
        }));
        let spec = SortSpec {
            keys: vec![SortKey { column: 0, descending: true, nulls_first: false }],
            types: fields.iter().map(|field| field.data_type.clone()).collect(),
            limit: None,
            offset: 0,
        };
        let sorted = SortShared::new(spec, &budget).unwrap();
        let sinks = Arc::clone(&sorted);
        let done = query.add(Pipeline::new("sort", lanes, move |lane| {
            Ok(LaneParts {
                source: Box::new(exchange.source(lane)),
                operators: Vec::new(),
                sink: Box::new(SortSink::new(Arc::clone(&sinks))?),
            })
        }));
        let collected = Collected::new();
        let (result, limit) = (collected.clone(), LimitShared::new(Some(50), 3));
        let pipeline = Pipeline::new("limit", 1, move |_| {
            Ok(LaneParts {
                source: Box::new(SortSource::new(Arc::clone(&sorted))),
                operators: vec![Box::new(LimitOperator::new(Arc::clone(&limit)))],
                sink: Box::new(result.sink()),
            })
        });
        query.add(pipeline.after(done));
        let options = RunOptions { budget: budget.clone(), ..RunOptions::default() };
        SeededScheduler::new(9, 2).run(query, options).unwrap();
        let mut json = JsonWriter::new(&fields);
        let mut out = Vec::new();
        for batch in collected.take() {
            json.write_batch(&batch, &mut out).unwrap();
        }
        let lines: Vec<String> =
            String::from_utf8(out).unwrap().lines().map(String::from).collect();
        let expected: Vec<String> = (0..50).map(|rank| expected_line(ROWS - 4 - rank)).collect();
        assert_eq!(lines, expected, "batches of {batch_rows}, {lanes} lanes");
        assert_eq!(budget.reserved(), 0);
    }
}
