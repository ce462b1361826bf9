//! Tables against maps over texts.

use std::collections::HashMap;

use millwork_codecs::budget::Budget;
use millwork_format::types::DataType;
use millwork_format::vector::{Data, Vector, Views};

use super::*;
use crate::row::tests::{Random, kinds, text, vector};

#[test]
fn equal_keys_are_one_group_whatever_the_kind_of_vector() {
    let mut random = Random::new(11);
    let types = kinds();
    for _ in 0..40 {
        let columns: Vec<_> =
            (0..random.below(4)).map(|_| types[random.below(types.len())].clone()).collect();
        let mut table = GroupTable::new(&columns, &Budget::unlimited()).unwrap();
        let mut hasher = KeyHasher::new(&columns);
        let mut expected: HashMap<String, u32> = HashMap::new();
        for _ in 0..10 {
            let rows = [1, 7, 2048][random.below(3)];
            let vectors: Vec<Vector> =
                columns.iter().map(|t| vector(&mut random, t, rows, 9)).collect();
            let keys: Vec<&Vector> = vectors.iter().collect();
            let chosen: Vec<u32> = (0..rows as u32).filter(|_| random.below(4) > 0).collect();
            let (mut hashes, mut groups) = (Vec::new(), Vec::new());
            hasher.hash(&keys, &chosen, &mut hashes).unwrap();
            table.find_or_insert(&keys, &chosen, &hashes, &mut groups).unwrap();
            for (row, group) in chosen.iter().zip(&groups) {
                let key: Vec<String> =
                    keys.iter().map(|key| text(key.cell(*row as usize))).collect();
                let known = expected.entry(key.join("|")).or_insert(*group);
                assert_eq!(known, group, "{columns:?}");
            }
        }
        assert_eq!(table.len(), expected.len());
    }
}

/// Keys that would have one hash if the numbers of the source were used are told apart: a file cannot know those
/// of the process.
#[test]
fn keys_made_to_collide_do_not() {
    let second = 0x082e_fa98_ec4e_6c89_u64;
    let keys: Vec<[u8; 16]> = (0..1000_u64).map(|key| bytemuck::cast([key, second])).collect();
    let views = Views::copy_of(&keys).unwrap();
    let vector = Vector::new(Data::Views(views), None, keys.len()).unwrap();
    let rows: Vec<u32> = (0..keys.len() as u32).collect();
    let mut hashes = Vec::new();
    KeyHasher::new(&[DataType::Binary]).hash(&[&vector], &rows, &mut hashes).unwrap();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), keys.len());
}
