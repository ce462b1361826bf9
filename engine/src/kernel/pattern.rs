//! LIKE: a pattern sorted out once, then matched against many strings.
//!
//! In: a pattern of literal text, `%` (any characters) and `_` (one character). Out: whether a string
//! matches it as a whole. Most patterns come down to one search for a piece of text; the rest is
//! matched piece by piece, in time proportional to the string times the longest piece.

use memchr::memmem::Finder;

/// A pattern of LIKE, sorted out.
#[derive(Clone, Debug)]
pub struct Pattern {
    shape: Shape,
    ignore_case: bool,
}

#[derive(Clone, Debug)]
enum Shape {
    /// No wildcard.
    Exact(Vec<u8>),
    /// `text%`
    Prefix(Vec<u8>),
    /// `%text`
    Suffix(Vec<u8>),
    /// `%text%`
    Contains(Box<Finder<'static>>),
    /// Pieces of text in order, no `_`. The first and the last may be anchored.
    Pieces { first: Vec<u8>, middle: Vec<Finder<'static>>, last: Vec<u8> },
    /// With `_`: pieces between `%`, each of literal bytes and single characters.
    Wild(Vec<Vec<Token>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Byte(u8),
    AnyCharacter,
}

impl Pattern {
    /// Sorts out `pattern`. `None` if it ends with the escape character.
    #[must_use]
    pub fn new(pattern: &str, escape: Option<char>, ignore_case: bool) -> Option<Self> {
        let mut pieces: Vec<Vec<Token>> = vec![Vec::new()];
        let mut characters = pattern.chars();
        while let Some(mut character) = characters.next() {
            let escaped = Some(character) == escape;
            if escaped {
                character = characters.next()?;
            }
            match character {
                '%' if !escaped => pieces.push(Vec::new()),
                '_' if !escaped => push(&mut pieces, &[Token::AnyCharacter]),
                _ => {
                    let character = if ignore_case { lower(character) } else { character };
                    let mut bytes = [0; 4];
                    for byte in character.encode_utf8(&mut bytes).bytes() {
                        push(&mut pieces, &[Token::Byte(byte)]);
                    }
                }
            }
        }
        Some(Self { shape: shape(pieces), ignore_case })
    }

    /// Whether `text` matches.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        if self.ignore_case {
            if text.is_ascii() {
                return self.shape.matches(&text.to_ascii_lowercase());
            }
            let text: String = String::from_utf8_lossy(text).chars().map(lower).collect();
            return self.shape.matches(text.as_bytes());
        }
        self.shape.matches(text)
    }

    /// The only text that matches, if there is only one.
    #[must_use]
    pub fn is_exact(&self) -> Option<&[u8]> {
        match &self.shape {
            Shape::Exact(text) if !self.ignore_case => Some(text),
            _ => None,
        }
    }
}

/// One character for one, wherever it stands.
pub fn lower(character: char) -> char {
    character.to_lowercase().next().unwrap_or(character)
}

fn push(pieces: &mut [Vec<Token>], tokens: &[Token]) {
    if let Some(last) = pieces.last_mut() {
        last.extend_from_slice(tokens);
    }
}

fn shape(mut pieces: Vec<Vec<Token>>) -> Shape {
    if pieces.iter().flatten().any(|token| *token == Token::AnyCharacter) {
        return Shape::Wild(pieces);
    }
    let bytes = |piece: &Vec<Token>| -> Vec<u8> {
        piece
            .iter()
            .filter_map(|token| match token {
                Token::Byte(byte) => Some(*byte),
                Token::AnyCharacter => None,
            })
            .collect()
    };
    let first = pieces.first().map(bytes).unwrap_or_default();
    if pieces.len() == 1 {
        return Shape::Exact(first);
    }
    let last = pieces.pop().as_ref().map(bytes).unwrap_or_default();
    let mut middle: Vec<Vec<u8>> = pieces[1..].iter().map(bytes).collect();
    middle.retain(|piece| !piece.is_empty());
    match (first.is_empty(), middle.len(), last.is_empty()) {
        (_, 0, true) => Shape::Prefix(first),
        (true, 0, false) => Shape::Suffix(last),
        (true, 1, true) => Shape::Contains(Box::new(Finder::new(&middle[0]).into_owned())),
        _ => {
            let middle = middle.iter().map(|piece| Finder::new(piece).into_owned()).collect();
            Shape::Pieces { first, middle, last }
        }
    }
}

impl Shape {
    #[inline]
    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => text == exact.as_slice(),
            Self::Prefix(prefix) => without_prefix(text, prefix).is_some(),
            Self::Suffix(suffix) => text.ends_with(suffix),
            Self::Contains(finder) => finder.find(text).is_some(),
            Self::Pieces { first, middle, last } => {
                let Some(mut rest) = without_prefix(text, first) else { return false };
                for finder in middle {
                    let Some(at) = finder.find(rest) else { return false };
                    rest = &rest[at + finder.needle().len()..];
                }
                last.is_empty() || rest.ends_with(last)
            }
            Self::Wild(pieces) => matches_wild(pieces, text),
        }
    }
}

/// What follows `prefix`. Comparing with no bytes at all is left out: `memcmp` of an empty vector's
/// dangling address costs a fault that the CPU suppresses, a hundred times the comparison.
#[inline]
fn without_prefix<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    if prefix.is_empty() { Some(text) } else { text.strip_prefix(prefix) }
}

/// Each piece at its first possible place; the first at the start, the last at the end.
fn matches_wild(pieces: &[Vec<Token>], text: &[u8]) -> bool {
    let [first, rest @ ..] = pieces else { return text.is_empty() };
    let Some(mut at) = match_at(first, text, 0) else { return false };
    let [middle @ .., last] = rest else { return at == text.len() };
    for piece in middle {
        let found = (at..=text.len())
            .filter(|start| is_boundary(text, *start))
            .find_map(|start| match_at(piece, text, start));
        match found {
            Some(end) => at = end,
            None => return false,
        }
    }
    (at..=text.len())
        .filter(|start| is_boundary(text, *start))
        .any(|start| match_at(last, text, start) == Some(text.len()))
}

fn is_boundary(text: &[u8], at: usize) -> bool {
    text.get(at).is_none_or(|byte| byte & 0xc0 != 0x80)
}

/// Where the piece ends if it matches from `at` on.
fn match_at(piece: &[Token], text: &[u8], mut at: usize) -> Option<usize> {
    for token in piece {
        let byte = *text.get(at)?;
        at += 1;
        match token {
            Token::Byte(expected) if byte == *expected => {}
            Token::Byte(_) => return None,
            Token::AnyCharacter => {
                while !is_boundary(text, at) {
                    at += 1;
                }
            }
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of LIKE, character by character.
    fn like(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%', rest @ ..] => (0..=text.len()).any(|skip| like(rest, &text[skip..])),
            ['_', rest @ ..] => !text.is_empty() && like(rest, &text[1..]),
            [c, rest @ ..] => text.first() == Some(c) && like(rest, &text[1..]),
        }
    }

    #[test]
    fn equals_the_definition_on_short_strings() {
        let alphabet = ['a', 'é', '%', '_'];
        let all = |alphabet: &[char], longest: usize| {
            let mut strings = vec![String::new()];
            let mut start = 0;
            for _ in 0..longest {
                let end = strings.len();
                for at in start..end {
                    for c in alphabet {
                        strings.push(format!("{}{c}", strings[at]));
                    }
                }
                start = end;
            }
            strings
        };
        let texts = all(&['a', 'é', 'b'], 5);
        for pattern in all(&alphabet, 5) {
            let sorted = Pattern::new(&pattern, None, false).unwrap();
            let characters: Vec<char> = pattern.chars().collect();
            for text in &texts {
                let expected = like(&characters, &text.chars().collect::<Vec<_>>());
                assert_eq!(sorted.matches(text.as_bytes()), expected, "{text} LIKE {pattern}");
            }
        }
    }

    #[test]
    fn escapes_and_case() {
        let escaped = Pattern::new(r"a\%c%", Some('\\'), false).unwrap();
        assert!(escaped.matches(b"a%cd") && !escaped.matches(b"abcd"));
        assert!(Pattern::new(r"a\", Some('\\'), false).is_none());
        let any_case = Pattern::new("%ÄB_", None, true).unwrap();
        assert!(any_case.matches("xäBc".as_bytes()) && !any_case.matches("xäB".as_bytes()));
    }
}
