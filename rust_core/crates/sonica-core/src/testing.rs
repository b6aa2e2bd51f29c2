//! Made-up embeddings for tests: a walk that turns slowly, as the windows of music do.

use crate::fingerprint::Fingerprint;
use crate::params::{AlgorithmVersion, DIMENSION};

/// Unit vectors of which neighbours resemble each other and others do not.
pub fn walk(seed: u64, length: usize) -> Vec<[f32; DIMENSION]> {
    let mut next = noise(seed);
    let mut held = [0.0f32; DIMENSION];
    (0..length)
        .map(|_| {
            for value in &mut held {
                *value = 0.3 * *value + next();
            }
            unit(&held)
        })
        .collect()
}

/// The vectors a smooth walk is at, at places counted in steps of which neighbours have a cosine
/// of about 0.3: the same walk for the same seed, wherever it is looked at.
pub fn glide(seed: u64, places: impl Iterator<Item = f64>) -> Vec<[f32; DIMENSION]> {
    const POINTS: f64 = 8.0;
    const REACH: f64 = 1.25;
    let at = |place: f64| {
        let mut sum = [0.0f32; DIMENSION];
        let (first, last) = ((place - REACH) * POINTS, (place + REACH) * POINTS);
        for point in first.ceil() as i64..=last.floor() as i64 {
            let distance = (point as f64 / POINTS - place) / REACH;
            let weight = (1.0 + (std::f64::consts::PI * distance).cos()) as f32;
            let mut next = noise(seed.wrapping_mul(1 << 32).wrapping_add(point as u64));
            for value in &mut sum {
                *value += weight * next();
            }
        }
        unit(&sum)
    };
    places.map(at).collect()
}

/// A fingerprint whose rows are mixed with noise of this strength, relative to their own.
pub fn noisy(seed: u64, strength: f32, clean: &Fingerprint) -> Fingerprint {
    let mut next = noise(seed);
    let scale = strength * (3.0 / DIMENSION as f32).sqrt();
    let row = |row: &[f32; DIMENSION]| unit(&row.map(|value| value + scale * next()));
    Fingerprint { vectors: clean.vectors.iter().map(row).collect(), ..clean.clone() }
}

/// Numbers between -1 and 1.
fn noise(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    }
}

fn unit(vector: &[f32; DIMENSION]) -> [f32; DIMENSION] {
    let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    vector.map(|value| value / norm)
}

/// A fingerprint of version 1, of active rows without landmarks.
pub fn fingerprint(rows: &[[f32; DIMENSION]]) -> Fingerprint {
    Fingerprint {
        version: AlgorithmVersion::V1,
        vectors: rows.to_vec(),
        second_vectors: Vec::new(),
        active: vec![true; rows.len()],
        landmarks: Vec::new(),
    }
}
