//! The type `MAP(K, V)`, of which the parser takes only words between the parentheses.
//!
//! In: tokens. Out: the same, with each such type written as a struct of two fields, under names that mark it:
//! [`Converter::data_type`](super::Converter) makes a map of it again. A type stands behind `::`, behind AS in a
//! CAST, and within another type; `map(..)` anywhere else is a call.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// The names of the two fields: nobody writes them.
pub(super) const MARKS: [&str; 2] = ["\0key", "\0value"];

/// What a parenthesis was opened by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opened {
    Cast,
    Struct,
    /// Whether the type of the key is still to end.
    Map(bool),
    Other,
}

/// The tokens with maps as marked structs.
pub(super) fn marked(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let is_word = |token: &Token, wanted: &str| match token {
        Token::Word(word) => word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted),
        _ => false,
    };
    let is_meant = |token: &&TokenWithSpan| !matches!(token.token, Token::Whitespace(_));
    let is_a_type = |tokens: &[TokenWithSpan]| {
        is_word(&tokens[0].token, "map")
            && tokens[1..].iter().find(is_meant).is_some_and(|next| next.token == Token::LParen)
    };
    if !(0..tokens.len()).any(|at| is_a_type(&tokens[at..])) {
        return tokens;
    }
    let mut marked = Vec::with_capacity(tokens.len() + 8);
    let mut opened: Vec<Opened> = Vec::new();
    // What the next parenthesis is opened by, and whether a type comes next.
    let (mut by, mut begins) = (Opened::Other, false);
    for (at, token) in tokens.iter().enumerate() {
        if !is_meant(&token) {
            marked.push(token.clone());
            continue;
        }
        let within = opened.last().copied().unwrap_or(Opened::Other);
        let is_type = begins || matches!(within, Opened::Struct | Opened::Map(_));
        let mark = |name: &str| {
            let word =
                Word { value: name.into(), quote_style: Some('"'), keyword: Keyword::NoKeyword };
            TokenWithSpan { token: Token::Word(word), span: token.span }
        };
        (begins, by) = match &token.token {
            Token::LParen => {
                marked.push(token.clone());
                opened.push(by);
                let is_map = matches!(by, Opened::Map(_));
                marked.extend(is_map.then(|| mark(MARKS[0])));
                (is_map, Opened::Other)
            }
            Token::RParen => {
                marked.push(token.clone());
                opened.pop();
                (false, Opened::Other)
            }
            Token::Comma if within == Opened::Map(true) => {
                marked.extend([token.clone(), mark(MARKS[1])]);
                opened.pop();
                opened.push(Opened::Map(false));
                (true, Opened::Other)
            }
            Token::Word(_) if is_type && is_a_type(&tokens[at..]) => {
                let word = Token::make_keyword("STRUCT");
                marked.push(TokenWithSpan { token: word, span: token.span });
                (false, Opened::Map(true))
            }
            other => {
                marked.push(token.clone());
                let is_cast = is_word(other, "cast") || is_word(other, "try_cast");
                let by = match is_type && is_word(other, "struct") {
                    true => Opened::Struct,
                    false if is_cast => Opened::Cast,
                    false => Opened::Other,
                };
                let begins =
                    *other == Token::DoubleColon || within == Opened::Cast && is_word(other, "as");
                (begins, by)
            }
        };
    }
    marked
}
