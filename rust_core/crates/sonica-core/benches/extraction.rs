//! `cargo bench -p sonica-core`: how many times faster than real time extraction is, one core.

use std::time::Instant;

use sonica_core::{AlgorithmVersion, Extractor, Purpose};

const SECONDS: usize = 240;
const SAMPLE_RATE_HZ: usize = 8_000;
const RUNS: usize = 7;

fn main() {
    let audio = music();
    for (name, purpose) in [("reference", Purpose::Reference), ("query", Purpose::Query)] {
        let best = (0..RUNS).map(|_| seconds(&audio, purpose)).fold(f64::INFINITY, f64::min);
        let speed = SECONDS as f64 / best;
        println!(
            "extraction/{name}: {speed:.0} x real time ({SECONDS} s of audio, best of {RUNS})"
        );
    }
}

fn seconds(audio: &[f32], purpose: Purpose) -> f64 {
    let begin = Instant::now();
    let mut extractor = Extractor::new(AlgorithmVersion::V1, purpose);
    for chunk in audio.chunks(SAMPLE_RATE_HZ) {
        if let Err(error) = extractor.push(chunk) {
            println!("extraction failed: {error}");
        }
    }
    extractor.finish();
    std::hint::black_box(extractor.take());
    begin.elapsed().as_secs_f64()
}

/// Chords of decaying harmonics over a little noise.
fn music() -> Vec<f32> {
    let mut noise = 1u32;
    (0..SECONDS * SAMPLE_RATE_HZ)
        .map(|n| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let beat = n / 3_000;
            let fade = 1.0 - (n % 3_000) as f32 / 3_200.0;
            let pitch = 110.0 * 2f32.powf((beat * 7 % 24) as f32 / 12.0);
            let angle = std::f32::consts::TAU * pitch * n as f32 / SAMPLE_RATE_HZ as f32;
            let tone: f32 = (1..10u8).map(|k| (angle * f32::from(k)).sin() / f32::from(k)).sum();
            0.2 * fade * tone + 0.02 * (noise >> 8) as f32 / 16_777_216.0
        })
        .collect()
}
