//! Made-up embeddings for tests: a walk that turns slowly, as the windows of music do.

use crate::fingerprint::Fingerprint;
use crate::params::DIMENSION;

/// Unit vectors of which neighbours resemble each other and others do not.
pub fn walk(seed: u64, length: usize) -> Vec<[f32; DIMENSION]> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    };
    let mut held = [0.0f32; DIMENSION];
    (0..length)
        .map(|_| {
            for value in &mut held {
                *value = 0.3 * *value + next();
            }
            let norm = held.iter().map(|v| v * v).sum::<f32>().sqrt();
            held.map(|value| value / norm)
        })
        .collect()
}

/// A fingerprint of active rows without landmarks.
pub fn fingerprint(rows: &[[f32; DIMENSION]]) -> Fingerprint {
    Fingerprint { vectors: rows.to_vec(), active: vec![true; rows.len()], landmarks: Vec::new() }
}
