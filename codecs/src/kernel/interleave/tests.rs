//! Values of every width, at every place of their streams, on every tier.

use super::*;
use crate::kernel::tests::{Bits, on_every_tier};

#[test]
fn streams_are_joined_to_the_values_they_were_split_from() {
    on_every_tier(|tier| {
        let mut bits = Bits::new(11);
        for width in (1..=17).chain([24, 31, 300]) {
            for count in (0..=70).chain([127, 128, 255, 256, 257, 600]) {
                let values: Vec<u8> = (0..count * width).map(|_| bits.next() as u8).collect();
                let mut streams = vec![0xa5; count % 7];
                for stream in 0..width {
                    streams.extend((0..count).map(|value| values[value * width + stream]));
                }
                let streams = &streams[count % 7..];
                for first in [0, 1, 5, count / 2, count].into_iter().filter(|f| *f <= count) {
                    let mut out = vec![0; (count - first) * width];
                    interleave(streams, width, first, &mut out);
                    assert_eq!(out, values[first * width..], "{tier:?} {width} bytes, {count}");
                    let few = out.len().min(3 * width);
                    out.fill(0);
                    interleave(streams, width, first, &mut out[..few]);
                    assert_eq!(out[..few], values[first * width..][..few]);
                    assert!(out[few..].iter().all(|byte| *byte == 0), "wrote behind the output");
                }
            }
        }
    });
}

#[test]
#[should_panic(expected = "values 1+2 of streams of 2")]
fn joining_beyond_the_streams_panics() {
    interleave(&[1, 2, 3, 4], 2, 1, &mut [0; 4]);
}
