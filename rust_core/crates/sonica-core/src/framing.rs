//! Stage 1: a stream of samples, in chunks of any size, becomes overlapping frames.

use crate::params::{FRAME_SAMPLES, HOP_SAMPLES};

/// Cuts a stream into frames of `FRAME_SAMPLES` every `HOP_SAMPLES`; an unfinished frame at the
/// end of the audio is dropped.
#[derive(Debug, Default)]
pub struct Framer {
    pending: Vec<f32>,
    samples_seen: u64,
}

impl Framer {
    /// Takes a chunk and calls `consume` with every frame it completes.
    pub fn push(&mut self, samples: &[f32], mut consume: impl FnMut(&[f32])) {
        self.samples_seen += samples.len() as u64;
        self.pending.extend_from_slice(samples);
        let mut begin = 0;
        while let Some(frame) = self.pending.get(begin..begin + FRAME_SAMPLES) {
            consume(frame);
            begin += HOP_SAMPLES;
        }
        self.pending.drain(..begin.min(self.pending.len()));
    }

    /// Samples taken so far.
    #[must_use]
    pub fn samples_seen(&self) -> u64 {
        self.samples_seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(chunks: &[&[f32]]) -> Vec<Vec<f32>> {
        let mut framer = Framer::default();
        let mut out = Vec::new();
        for chunk in chunks {
            framer.push(chunk, |frame| out.push(frame.to_vec()));
        }
        out
    }

    #[test]
    fn frames_overlap_by_the_hop() {
        let ramp: Vec<f32> = (0..=FRAME_SAMPLES + 2 * HOP_SAMPLES).map(|i| i as f32).collect();
        let out = frames(&[&ramp]);
        assert_eq!(out.len(), 3);
        assert_eq!(out[2], ramp[2 * HOP_SAMPLES..2 * HOP_SAMPLES + FRAME_SAMPLES]);
    }

    #[test]
    fn less_than_a_frame_gives_nothing() {
        assert!(frames(&[&[0.5; FRAME_SAMPLES - 1]]).is_empty());
        assert!(frames(&[&[]]).is_empty());
    }

    #[test]
    fn a_frame_may_arrive_sample_by_sample() {
        let ramp: Vec<f32> = (0..3_000).map(|i| i as f32).collect();
        let single: Vec<&[f32]> = ramp.chunks(1).collect();
        assert_eq!(frames(&single), frames(&[&ramp]));
    }
}
