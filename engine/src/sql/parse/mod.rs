//! Text to the syntax tree of [`super::ast`]: the only module that calls the `sqlparser` crate.
//!
//! In: a text of statements separated by `;`. Out: statements with spans, no deeper than
//! [`MAX_DEPTH`] and with chains no longer than [`MAX_CHAIN`]. Tokens and nesting are counted before the
//! parser sees them. The parser's own tree is as deep as a chain of operators is long and is dropped
//! recursively, so texts are parsed on a thread whose stack fits them.

mod map_type;
mod data_type;
mod expression;
mod query;
mod select;

pub(super) use data_type::date_part;

use sqlparser::ast as parsed;
use sqlparser::dialect::DuckDbDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::ast::{Name, Statement, StatementKind};
use super::{MAX_CHAIN, MAX_DEPTH, MAX_TOKENS};
use crate::error::{Error, Result, Span};
use crate::stack;

/// Levels of the parser's own recursion for one level of ours.
const PARSER_LEVELS: usize = 8;
/// Levels that the plainest query has around an expression, and that of the expression itself: they do not
/// count as nesting.
const QUERY_LEVELS: usize = 8;
/// Stack for one token of a chain of operators, with room.
const STACK_BYTES_PER_TOKEN: usize = 1 << 10;

/// The statements of `text`, which `;` separates. Spans are bytes of `text`.
///
/// # Errors
/// `Syntax` with its place; `Unsupported` for SQL that is legal and not known here.
pub fn parse(text: &str) -> Result<Vec<Statement>> {
    let mut places = Places::new(text);
    let dialect = DuckDbDialect {};
    let tokens = Tokenizer::new(&dialect, text).tokenize_with_location().map_err(|error| {
        let start = places.byte(error.location);
        Error::syntax(reworded(&error.message)).at(Span { start, end: text.len().min(start + 1) })
    })?;
    let token_count = check_tokens(&tokens, &places)?;
    places.find_quoted(&tokens);
    let more_bytes = token_count * STACK_BYTES_PER_TOKEN;
    let tokens = map_type::marked(tokens);
    stack::with(stack::PLANNING_BYTES + more_bytes, || parse_tokens(tokens, &places))
}

/// Counts tokens and nesting against their limits; gives the number of tokens.
fn check_tokens(tokens: &[TokenWithSpan], places: &Places) -> Result<usize> {
    let (mut count, mut depth, mut prefixes) = (0, 0_usize, 0_usize);
    for token in tokens {
        match &token.token {
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            Token::Word(word) if word.quote_style.is_none() => match word.keyword {
                Keyword::CASE => depth += 1,
                Keyword::END => depth = depth.saturating_sub(1),
                _ => {}
            },
            _ => {}
        }
        count += 1;
        prefixes = if is_prefix(&token.token) { prefixes + 1 } else { 0 };
        let depth = depth.max(prefixes);
        if depth > MAX_DEPTH || count > MAX_TOKENS {
            let what = if depth > MAX_DEPTH { too_deep() } else { too_long() };
            return Err(what.at(places.span(token.span)));
        }
    }
    Ok(count)
}

/// Whether an operator may stand in front of itself.
fn is_prefix(token: &Token) -> bool {
    match token {
        Token::Minus | Token::Plus | Token::Tilde => true,
        Token::Word(word) => word.keyword == Keyword::NOT && word.quote_style.is_none(),
        _ => false,
    }
}

fn too_deep() -> Error {
    Error::syntax(format!("nested deeper than {MAX_DEPTH} levels"))
}

fn too_long_a_chain() -> Error {
    Error::syntax(format!("a chain of more than {MAX_CHAIN} operators"))
}

fn too_long() -> Error {
    Error::syntax(format!("the text has more than {MAX_TOKENS} tokens"))
}

fn parse_tokens(tokens: Vec<TokenWithSpan>, places: &Places) -> Result<Vec<Statement>> {
    let dialect = DuckDbDialect {};
    let mut parser = Parser::new(&dialect)
        .with_recursion_limit(PARSER_LEVELS * MAX_DEPTH)
        .with_tokens_with_locations(tokens);
    let mut statements = Vec::new();
    loop {
        while parser.consume_token(&Token::SemiColon) {}
        let first = places.span(parser.peek_token().span);
        if parser.peek_token().token == Token::EOF {
            return Ok(statements);
        }
        let statement =
            parser.parse_statement().map_err(|error| syntax(&error, &parser, places))?;
        let next = parser.peek_token();
        let last = places.span(parser.get_current_token().span);
        let span = Span { start: first.start, end: last.end };
        if !matches!(next.token, Token::SemiColon | Token::EOF) {
            let what = format!("expected end of statement, found {}", next.token);
            return Err(Error::syntax(what).at(places.span(next.span)));
        }
        let mut converter = Converter { places, depth: 0, chained: 0, last: first };
        let kind = converter.statement(statement).map_err(|error| error.at(span))?;
        statements.push(Statement { kind, span });
    }
}

/// The parser's error with its place, in our words.
fn syntax(error: &ParserError, parser: &Parser<'_>, places: &Places) -> Error {
    let here = places.span(parser.peek_token().span);
    let (ParserError::ParserError(message) | ParserError::TokenizerError(message)) = error else {
        return too_deep().at(here);
    };
    // The message ends in " at Line: 1, Column: 8" where the parser knew the place.
    let Some((what, place)) = message.rsplit_once(" at Line: ") else {
        return worded(message, here);
    };
    let mut numbers = place.split(", Column: ").map(|number| number.trim().parse().unwrap_or(0));
    let location =
        Location { line: numbers.next().unwrap_or(0), column: numbers.next().unwrap_or(0) };
    let start = places.byte(location);
    let end = if start == here.start { here.end } else { start + 1 };
    worded(what, Span { start, end: end.min(places.text_bytes).max(start) })
}

/// The parser's message as an error.
fn worded(message: &str, place: Span) -> Error {
    let what = reworded(message);
    let is_cut = what.ends_with("found end of text");
    let error = Error::syntax(what).at(place);
    if is_cut { error.hint("as in SELECT * FROM 'trips.parquet'") } else { error }
}

/// `expected X, found Y` in place of the parser's ways of saying it.
fn reworded(message: &str) -> String {
    let message = message.trim_end_matches('.');
    let rest = message.strip_prefix("Expected: ").or_else(|| message.strip_prefix("Expected "));
    if let Some(rest) = rest {
        let rest = rest.replace("found: EOF", "found end of text").replace("found: ", "found ");
        return format!("expected {}", rest.replace(" before EOF", ", found end of text"));
    }
    let mut letters = message.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

/// Finds bytes of the text for the lines and columns of tokens.
struct Places {
    /// First character of each line.
    line_starts: Vec<usize>,
    /// First byte of each character; absent if every character is one byte.
    char_starts: Option<Vec<usize>>,
    text_bytes: usize,
    /// Strings in single quotes, in order: the parser forgets where a table named by one stands.
    quoted: Vec<(String, Span)>,
}

impl Places {
    fn new(text: &str) -> Self {
        let mut line_starts = vec![0];
        let starts = |(index, letter): (usize, char)| (letter == '\n').then_some(index + 1);
        line_starts.extend(text.chars().enumerate().filter_map(starts));
        let char_starts =
            (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect());
        Self { line_starts, char_starts, text_bytes: text.len(), quoted: Vec::new() }
    }

    fn find_quoted(&mut self, tokens: &[TokenWithSpan]) {
        for token in tokens {
            if let Token::SingleQuotedString(string) = &token.token {
                self.quoted.push((string.clone(), self.span(token.span)));
            }
        }
    }

    /// Where `string` stands in quotes, at `from` or behind it if it does there.
    fn quoted(&self, string: &str, from: usize) -> Option<Span> {
        let mut places = self.quoted.iter().filter(|(found, _)| found == string);
        let first = places.clone().next()?;
        Some(places.find(|(_, span)| span.start >= from).unwrap_or(first).1)
    }

    /// The byte of a place; the end of the text for a place behind it or for none.
    fn byte(&self, location: Location) -> usize {
        let (Ok(line), Ok(column)) =
            (usize::try_from(location.line), usize::try_from(location.column))
        else {
            return self.text_bytes;
        };
        let (Some(line), Some(column)) = (line.checked_sub(1), column.checked_sub(1)) else {
            return self.text_bytes;
        };
        let Some(index) = self.line_starts.get(line).map(|start| start + column) else {
            return self.text_bytes;
        };
        match &self.char_starts {
            None => index.min(self.text_bytes),
            Some(starts) => starts.get(index).copied().unwrap_or(self.text_bytes),
        }
    }

    fn span(&self, span: sqlparser::tokenizer::Span) -> Span {
        let start = self.byte(span.start);
        Span { start, end: self.byte(span.end).max(start) }
    }
}

/// Makes our tree of the parser's.
struct Converter<'a> {
    places: &'a Places,
    depth: usize,
    /// Operators of the chains that are being converted.
    chained: usize,
    /// The last place seen: where a part without a place of its own is said to stand.
    last: Span,
}

impl Converter<'_> {
    /// One level down; refused below [`MAX_DEPTH`] and what is around any expression.
    fn nested<T>(&mut self, convert: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH + QUERY_LEVELS {
            return Err(too_deep().at(self.last));
        }
        self.depth += 1;
        let result = convert(self);
        self.depth -= 1;
        result
    }

    fn span(&mut self, span: sqlparser::tokenizer::Span) -> Span {
        if span.start.line > 0 {
            self.last = self.places.span(span);
        }
        self.last
    }

    fn unsupported<T>(&self, what: impl std::fmt::Display) -> Result<T> {
        Err(Error::unsupported(format!("{what} is not supported")).at(self.last))
    }

    fn name(&mut self, ident: parsed::Ident) -> Name {
        let mut span = self.span(ident.span);
        if ident.span.start.line == 0 && ident.quote_style == Some('\'') {
            span = self.places.quoted(&ident.value, self.last.start).unwrap_or(span);
        }
        Name { text: ident.value, span }
    }

    fn names(&mut self, idents: Vec<parsed::Ident>) -> Vec<Name> {
        idents.into_iter().map(|ident| self.name(ident)).collect()
    }

    /// A dotted name as one.
    fn object_name(&mut self, name: parsed::ObjectName) -> Result<Name> {
        let mut joined: Option<Name> = None;
        for part in name.0 {
            let parsed::ObjectNamePart::Identifier(ident) = part else {
                return self.unsupported("a computed name");
            };
            let part = self.name(ident);
            joined = Some(match joined {
                None => part,
                Some(before) => Name {
                    text: format!("{}.{}", before.text, part.text),
                    span: super::cover(before.span, part.span),
                },
            });
        }
        joined.ok_or_else(|| Error::internal("a name without parts"))
    }

    fn statement(&mut self, statement: parsed::Statement) -> Result<StatementKind> {
        match statement {
            parsed::Statement::Query(query) => Ok(StatementKind::Query(self.query(*query)?)),
            parsed::Statement::CreateView(view) => self.create_view(view),
            parsed::Statement::Drop {
                object_type: parsed::ObjectType::View,
                if_exists,
                mut names,
                ..
            } => match (names.pop(), names.is_empty()) {
                (Some(name), true) => {
                    Ok(StatementKind::DropView { name: self.object_name(name)?, if_exists })
                }
                _ => self.unsupported("DROP of several views"),
            },
            parsed::Statement::Explain {
                describe_alias: parsed::DescribeAlias::Describe | parsed::DescribeAlias::Desc,
                ..
            }
            | parsed::Statement::ExplainTable { .. } => Err(Error::unsupported(
                "DESCRIBE is not supported",
            )
            .hint("`millwork schema FILE` lists the columns of a file, EXPLAIN shows a plan")),
            parsed::Statement::Explain { analyze, statement, format, options, .. } => {
                let (mut analyze, mut json) = (
                    analyze,
                    matches!(format, Some(ref kind)
                    if kind.to_string().to_ascii_lowercase().contains("json")),
                );
                for option in options.unwrap_or_default() {
                    let argument = option.arg.map(|arg| arg.to_string().to_ascii_lowercase());
                    let on = !matches!(argument.as_deref(), Some("false" | "off" | "0"));
                    match option.name.value.to_ascii_lowercase().as_str() {
                        "analyze" => analyze = on,
                        "format" => json = argument.as_deref().is_some_and(is_json),
                        other => return self.unsupported(format!("EXPLAIN option {other}")),
                    }
                }
                match *statement {
                    parsed::Statement::Query(query) => {
                        Ok(StatementKind::Explain { analyze, json, query: self.query(*query)? })
                    }
                    _ => self.unsupported("EXPLAIN of anything but a query"),
                }
            }
            other => {
                let text: String = other.to_string().chars().take(40).collect();
                let verb = text.split_whitespace().next().unwrap_or("this statement").to_string();
                Err(Error::unsupported(format!("statement {verb} is not supported"))
                    .hint("queries, CREATE VIEW, DROP VIEW and EXPLAIN are"))
            }
        }
    }

    fn create_view(&mut self, view: parsed::CreateView) -> Result<StatementKind> {
        if view.materialized {
            return self.unsupported("a materialized view");
        }
        Ok(StatementKind::CreateView {
            name: self.object_name(view.name)?,
            columns: view.columns.into_iter().map(|column| self.name(column.name)).collect(),
            or_replace: view.or_replace,
            if_not_exists: view.if_not_exists,
            query: self.query(*view.query)?.into(),
        })
    }
}

fn is_json(format: &str) -> bool {
    format.trim_matches('\'') == "json"
}
