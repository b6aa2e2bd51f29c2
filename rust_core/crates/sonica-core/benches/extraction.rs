//! `cargo bench -p sonica-core --bench extraction`: what extraction costs, on one core.

use std::time::Instant;

use sonica_core::embedding::Embedder;
use sonica_core::mel::MelBank;
use sonica_core::params::{BANDS, SAMPLE_RATE_HZ, WINDOW_FRAMES};
use sonica_core::windows::Window;
use sonica_core::{AlgorithmVersion, Extractor, PitchFactor, Purpose};

const TRACK_SECONDS: usize = 240;
const CLIP_SECONDS: usize = 5;
const WINDOWS: usize = 100;
const RUNS: usize = 15;

fn main() {
    let track = music(TRACK_SECONDS);
    let clip = &track[..CLIP_SECONDS * SAMPLE_RATE_HZ];
    let frames: Vec<[f32; BANDS]> =
        (0..WINDOW_FRAMES).map(|t| std::array::from_fn(|b| (1 + t * b % 7) as f32)).collect();
    if let Ok(pitch) = PitchFactor::new(1.06) {
        let filters = best(|| {
            std::hint::black_box(MelBank::at_pitch(std::hint::black_box(pitch)));
        });
        println!("mel filters of another pitch: {:.0} us", filters * 1e6);
    }
    for version in AlgorithmVersion::ALL {
        let number = version.number();
        let mut embedder = Embedder::new(version);
        let window = best(|| {
            for _ in 0..WINDOWS {
                std::hint::black_box(
                    embedder.embed(&Window { frames: &frames, missing_before: 0 }),
                );
            }
        });
        println!("v{number} embedding: {:.1} us a window", window / WINDOWS as f64 * 1e6);
        let query = best(|| extract(version, Purpose::Query, clip));
        println!("v{number} query: {:.2} ms for {CLIP_SECONDS} s of audio", query * 1e3);
        let reference = best(|| extract(version, Purpose::Reference, &track));
        println!("v{number} reference: {:.0} x real time", TRACK_SECONDS as f64 / reference);
    }
}

/// Seconds of the fastest of `RUNS` runs.
fn best(mut work: impl FnMut()) -> f64 {
    let time = |_| {
        let begin = Instant::now();
        work();
        begin.elapsed().as_secs_f64()
    };
    (0..RUNS).map(time).fold(f64::INFINITY, f64::min)
}

fn extract(version: AlgorithmVersion, purpose: Purpose, audio: &[f32]) {
    let mut extractor = Extractor::new(version, purpose);
    for chunk in audio.chunks(SAMPLE_RATE_HZ) {
        if let Err(error) = extractor.push(chunk) {
            println!("extraction failed: {error}");
        }
    }
    extractor.finish();
    std::hint::black_box(extractor.take());
}

/// Chords of decaying harmonics over a little noise.
fn music(seconds: usize) -> Vec<f32> {
    let mut noise = 1u32;
    (0..seconds * SAMPLE_RATE_HZ)
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
