//! The loops of expressions: slices in, slices out.
//!
//! What comes in: values of one type, masks of one bit a row. What goes out: the slice to fill, or
//! `None` where a value cannot be computed; nothing here knows of vectors' types or of SQL text, and the only
//! errors are those of memory. Decisions are taken once per call, not per value.
//!
//! | module | holds |
//! |---|---|
//! | [`lanes`] | maps, extremes and blends, in a form for each tier of instructions |
//! | [`mask`] | bitmaps from words; validity put together |
//! | [`arithmetic`] | checked integers, floats, decimals of 64 and 128 bits |
//! | [`calendar`] | days and civil dates, timestamps and their parts |
//! | [`interval`] | months, days and microseconds, from text and as bytes |
//! | [`pattern`] | LIKE |
//! | [`parse`] | text to values |
//!
//! Only [`lanes`] holds `unsafe`: calls of functions for instructions that the CPU was asked for.

#![allow(unsafe_code, reason = "instructions that the CPU was asked for")]

pub mod lanes;
pub mod mask;
pub mod arithmetic;
pub mod calendar;
pub mod interval;
pub mod pattern;
pub mod parse;
