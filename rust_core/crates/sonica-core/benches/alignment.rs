//! `cargo bench -p sonica-core --bench alignment`: what comparing a clip with candidates costs.

use std::time::Instant;

use sonica_core::params::{DIMENSION, QUERY_STRIDE_FRAMES, REFERENCE_STRIDE_FRAMES};
use sonica_core::{AlgorithmVersion, Fingerprint, matching};

const PASSAGES: u64 = 40;
const RUNS: usize = 50;
/// Frames of a passage on either side of the clip.
const MARGIN_FRAMES: usize = 48;

fn main() {
    for (seconds, rows) in [(1.0, 4), (5.0, 35), (15.0, 113)] {
        let frames = rows * QUERY_STRIDE_FRAMES + 2 * MARGIN_FRAMES;
        for version in AlgorithmVersion::ALL {
            let clip = fingerprint(version, 0, rows);
            let passage_rows = frames.div_ceil(REFERENCE_STRIDE_FRAMES);
            let passages: Vec<matching::Passage> = (1..=PASSAGES)
                .map(|number| matching::Passage {
                    track_number: number,
                    first_row: 0,
                    fingerprint: fingerprint(version, number, passage_rows),
                })
                .collect();
            let passages: Vec<&matching::Passage> = passages.iter().collect();
            let time = |_| {
                let begin = Instant::now();
                let found = matching::align(version, &clip, seconds, &passages);
                assert!(found.is_ok_and(|found| found.len() == passages.len()));
                begin.elapsed().as_secs_f64()
            };
            let best = (0..RUNS).map(time).fold(f64::INFINITY, f64::min);
            println!(
                "v{} alignment: {:.2} ms for {seconds} s and {PASSAGES} passages",
                version.number(),
                best * 1e3
            );
        }
    }
}

/// Rows that have nothing to do with each other.
fn fingerprint(version: AlgorithmVersion, seed: u64, rows: usize) -> Fingerprint {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut row = || {
        let numbers: [f32; DIMENSION] = std::array::from_fn(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / 8_388_608.0 - 1.0
        });
        let norm = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
        numbers.map(|number| number / norm)
    };
    let vectors: Vec<_> = (0..rows).map(|_| row()).collect();
    let second_vectors = if version.has_second_opinion() { vectors.clone() } else { Vec::new() };
    let active = vec![true; rows];
    Fingerprint { version, vectors, second_vectors, active, landmarks: Vec::new() }
}
