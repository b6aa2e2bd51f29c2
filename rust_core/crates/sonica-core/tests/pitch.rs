//! A clip that sounds higher than its recording, analysed at that pitch, looks like the recording.
#![allow(clippy::unwrap_used)] // a failed expectation is the test's verdict

use sonica_core::alignment::dot;
use sonica_core::verification::matched;
use sonica_core::{AlgorithmVersion, ErrorKind, Extractor, Fingerprint, FingerprintPart, Purpose};

const SEMITONE: f64 = 1.059_463_094_359_295_3;

/// A melody of decaying harmonics at 8 kHz, played this many times faster, so also higher.
fn music(seconds: f64, speed: f64) -> Vec<f32> {
    let count = (seconds / speed * 8_000.0) as u32;
    (0..count)
        .map(|n| {
            let t = f64::from(n) / 8_000.0 * speed;
            let beat = (t / 0.24).floor();
            let pitch = 180.0 * 2f64.powf((beat * beat * 7.3).rem_euclid(2.0));
            let fade = (-4.0 * (t - beat * 0.24)).exp();
            let tone = |k: u8| (std::f64::consts::TAU * pitch * f64::from(k) * t).sin();
            (0.1 * fade * (1..12).map(tone).sum::<f64>()) as f32
        })
        .collect()
}

fn extract(version: AlgorithmVersion, audio: &[f32], pitch_factor: f64) -> FingerprintPart {
    let mut extractor = Extractor::at_pitch(version, Purpose::Query, pitch_factor).unwrap();
    extractor.push(audio).unwrap();
    extractor.finish();
    extractor.take()
}

fn decoded(version: AlgorithmVersion, part: &FingerprintPart) -> Fingerprint {
    Fingerprint::decode(version, &part.vectors_f16le, &part.active_windows, &part.landmarks)
        .unwrap()
}

/// Mean cosine of the clip's rows and those of the recording that are about the same moment.
fn likeness(clip: &Fingerprint, recording: &Fingerprint, speed: f64) -> f32 {
    // Rows begin every 0.128 s, the first of them 0.128 s before the audio, and last 0.864 s.
    let moment = |row: usize| (row as f64 * 0.128 + 0.304) * speed;
    let cosine = |(row, vector)| {
        let same = ((moment(row) - 0.304) / 0.128).round() as usize;
        dot(vector, &recording.vectors[same.min(recording.vectors.len() - 1)])
    };
    clip.vectors.iter().enumerate().map(cosine).sum::<f32>() / clip.vectors.len() as f32
}

#[test]
fn a_clip_played_a_semitone_higher_is_nearer_its_recording() {
    for version in AlgorithmVersion::ALL {
        let recording = decoded(version, &extract(version, &music(6.0, 1.0), 1.0));
        let clip = music(6.0, SEMITONE);
        let as_heard = decoded(version, &extract(version, &clip, 1.0));
        let as_recorded = decoded(version, &extract(version, &clip, SEMITONE));
        let [before, after] =
            [&as_heard, &as_recorded].map(|clip| likeness(clip, &recording, SEMITONE));
        assert!(1.0 - after < 0.5 * (1.0 - before), "{version:?}: {before} and {after}");
        let agreeing = |clip: &Fingerprint| {
            matched(&clip.landmarks, &recording.landmarks, 0.0, SEMITONE).len()
        };
        let (before, after) = (agreeing(&as_heard), agreeing(&as_recorded));
        assert!(after > 50 && after > 4 * before, "{version:?}: {before} and {after}");
    }
}

#[test]
fn the_factor_one_changes_no_byte() {
    let audio = music(4.0, 1.0);
    for version in AlgorithmVersion::ALL {
        for purpose in [Purpose::Query, Purpose::Reference] {
            let part = |mut extractor: Extractor| {
                extractor.push(&audio).unwrap();
                extractor.finish();
                extractor.take()
            };
            let plain = part(Extractor::new(version, purpose));
            assert_eq!(plain, part(Extractor::at_pitch(version, purpose, 1.0).unwrap()));
        }
        assert_ne!(extract(version, &audio, 1.0), extract(version, &audio, 1.03));
    }
}

#[test]
fn any_factor_gives_a_valid_fingerprint() {
    let audio = music(4.0, 1.0);
    for version in AlgorithmVersion::ALL {
        for factor in [0.9, 0.944, 0.97, 1.029, 1.06, 1.1] {
            let part = extract(version, &audio, factor);
            assert_eq!(decoded(version, &part).active.len(), part.active_windows.len());
            assert!(part.active_windows.contains(&1) && !part.landmarks.is_empty());
        }
    }
}

#[test]
fn a_reference_is_analysed_as_it_sounds_and_factors_are_bounded() {
    let refused = |purpose, factor| {
        Extractor::at_pitch(AlgorithmVersion::CURRENT, purpose, factor).map(|_| ()).unwrap_err()
    };
    for (purpose, factor) in
        [(Purpose::Reference, 1.03), (Purpose::Query, 1.2), (Purpose::Query, f64::NAN)]
    {
        let error = refused(purpose, factor);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains(&factor.to_string()), "{error}");
    }
}
