//! Streaming equals batch: however audio is cut, the fingerprint is the same bytes.
#![allow(clippy::unwrap_used)] // a failed expectation is the test's verdict

use proptest::prelude::*;
use sonica_core::alignment::dot;
use sonica_core::{AlgorithmVersion, Extractor, Fingerprint, Purpose};

fn music(samples: usize) -> Vec<f32> {
    let note = |n: usize| 110.0 * 2f32.powf(((n / 1_900) * 7 % 24) as f32 / 12.0);
    (0..samples)
        .map(|n| {
            let t = n as f32 / 8_000.0;
            let fade = 1.0 - (n % 1_900) as f32 / 2_000.0;
            let tone: f32 =
                (1..8).map(|k| (std::f32::consts::TAU * note(n) * k as f32 * t).sin()).sum();
            0.1 * fade * tone
        })
        .collect()
}

/// The three byte strings of a fingerprint, its parts put together.
fn extract(
    version: AlgorithmVersion,
    purpose: Purpose,
    chunks: &[&[f32]],
) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let mut extractor = Extractor::new(version, purpose);
    let mut whole = (Vec::new(), Vec::new(), Vec::new());
    let mut gather = |extractor: &mut Extractor| {
        let part = extractor.take();
        assert_eq!(part.first_row, whole.1.len());
        whole.0.extend(part.vectors_f16le);
        whole.1.extend(part.active_windows);
        whole.2.extend(part.landmarks);
    };
    for chunk in chunks {
        extractor.push(chunk).unwrap();
        gather(&mut extractor);
    }
    extractor.finish();
    gather(&mut extractor);
    whole
}

fn versions() -> impl Strategy<Value = AlgorithmVersion> {
    prop::sample::select(AlgorithmVersion::ALL.as_slice())
}

fn purposes() -> impl Strategy<Value = Purpose> {
    prop_oneof![Just(Purpose::Reference), Just(Purpose::Query)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn streaming_equals_batch(
        samples in 0usize..40_000,
        sizes in prop::collection::vec(0usize..9_000, 0..12),
        version in versions(),
        purpose in purposes(),
    ) {
        let audio = music(samples);
        let mut rest = audio.as_slice();
        let mut chunks = Vec::new();
        for size in sizes {
            let (head, tail) = rest.split_at(size.min(rest.len()));
            chunks.push(head);
            rest = tail;
        }
        chunks.push(rest);
        let streamed = extract(version, purpose, &chunks);
        prop_assert_eq!(&streamed, &extract(version, purpose, &[&audio]));
        prop_assert!(Fingerprint::decode(version, &streamed.0, &streamed.1, &streamed.2).is_ok());
    }

    #[test]
    fn any_finite_audio_gives_a_valid_fingerprint(
        audio in prop::collection::vec(prop::num::f32::NORMAL | prop::num::f32::ZERO, 7_000..12_000),
        version in versions(),
        purpose in purposes(),
    ) {
        let (vectors, active, landmarks) = extract(version, purpose, &[&audio]);
        prop_assert!(Fingerprint::decode(version, &vectors, &active, &landmarks).is_ok());
    }
}

#[test]
fn silence_and_steady_tones_carry_no_signal() {
    let tone: Vec<f32> = (0..40_000).map(|n| (n as f32 * 0.7).sin() * 0.5).collect();
    for audio in [vec![0.0; 40_000], vec![0.25; 40_000], tone] {
        for version in AlgorithmVersion::ALL {
            let (vectors, active, landmarks) = extract(version, Purpose::Query, &[&audio]);
            assert!(!active.is_empty() && active.iter().all(|&flag| flag == 0));
            assert!(vectors.iter().all(|&byte| byte == 0));
            assert!(landmarks.len() / 8 < 200);
        }
    }
}

#[test]
fn level_does_not_matter() {
    let loud = music(40_000);
    let soft: Vec<f32> = loud.iter().map(|sample| sample * 0.01).collect();
    for version in AlgorithmVersion::ALL {
        let (a, ..) = extract(version, Purpose::Reference, &[&loud]);
        let (b, ..) = extract(version, Purpose::Reference, &[&soft]);
        let (a, b) = (decode(version, &a), decode(version, &b));
        assert!(a.vectors.iter().zip(&b.vectors).all(|(x, y)| dot(x, y) > 0.999));
        assert_eq!(a.second_vectors.len(), if version.has_second_opinion() { a.rows() } else { 0 });
        let mut second = a.second_vectors.iter().zip(&b.second_vectors);
        assert!(second.all(|(x, y)| dot(x, y) > 0.99));
    }
}

fn decode(version: AlgorithmVersion, vectors: &[u8]) -> Fingerprint {
    let rows = vectors.len() / sonica_core::fingerprint::row_bytes(version);
    Fingerprint::decode(version, vectors, &vec![1; rows], &[]).unwrap()
}

#[test]
fn bad_audio_is_refused_and_taken_back() {
    let mut extractor = Extractor::new(AlgorithmVersion::CURRENT, Purpose::Query);
    for bad in [f32::NAN, f32::INFINITY] {
        let error = extractor.push(&[0.0, bad]).unwrap_err();
        assert_eq!(error.kind(), sonica_core::ErrorKind::NonFiniteAudio);
    }
    assert!(extractor.take().duration_seconds.abs() < f64::EPSILON);
    extractor.finish();
    let error = extractor.push(&[0.0]).unwrap_err();
    assert_eq!(error.kind(), sonica_core::ErrorKind::InvalidArgument);
}
