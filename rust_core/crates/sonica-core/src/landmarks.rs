//! Landmarks: pairs of spectral peaks (Wang, ISMIR 2003, sec. 2.1-2.2), used to confirm what the
//! embeddings found.

use std::collections::VecDeque;
use std::ops::Range;

use crate::error::{Error, Result};
use crate::params::{BINS, MAX_LANDMARKS, Purpose};
use crate::pitch::PitchFactor;

/// Bytes of one encoded landmark.
pub const LANDMARK_BYTES: usize = 8;
/// Half height of the neighbourhood in which a peak is the largest, bins (94 Hz).
const PEAK_BINS: usize = 12;
/// Half width of that neighbourhood, frames (160 ms).
const PEAK_FRAMES: usize = 5;
/// Bins a peak may have, from 164 Hz on, as the mel bands.
const PEAK_BIN_RANGE: Range<usize> = 21..BINS - 1;
/// Frames of one block; the most salient peaks of a block are kept.
const BLOCK_FRAMES: u32 = 16;
/// Largest distance between the peaks of a pair, frames (2 s).
const PAIR_FRAMES: u32 = 63;
/// Largest distance between the peaks of a pair, bins (1 kHz).
const PAIR_BINS: u16 = 128;
/// Peaks kept of a block, and targets of a peak, of a query; a reference has fewer.
const QUERY_PEAKS: usize = 8;
const QUERY_PAIRS: usize = 8;
/// Most landmarks one frame can have. Comparing landmarks takes time in proportion to how many
/// share a frame, so what a client sends must not hold more.
const FRAME_LANDMARKS_MAX: usize = QUERY_PEAKS * QUERY_PAIRS;
/// Power below which nothing is a peak, about -75 dB of full scale.
const SILENCE_POWER: f32 = 1.0e-3;

/// Two spectral peaks and the time between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Landmark {
    /// Spectrum frame of the first peak, from the beginning of the audio.
    pub frame: u32,
    /// Spectrum bin of the first peak.
    pub anchor_bin: u16,
    /// Spectrum bin of the second peak.
    pub target_bin: u16,
    /// Frames from the first peak to the second.
    pub frame_distance: u16,
}

impl Landmark {
    /// The pair packed as anchor bin (10 bits), target bin (10 bits), frame distance (12 bits).
    #[must_use]
    pub fn hash(&self) -> u32 {
        (u32::from(self.anchor_bin) << 22)
            | (u32::from(self.target_bin) << 12)
            | u32::from(self.frame_distance)
    }

    fn from_parts(frame: u32, hash: u32) -> Self {
        Self {
            frame,
            anchor_bin: (hash >> 22) as u16,
            target_bin: (hash >> 12 & 0x3ff) as u16,
            frame_distance: (hash & 0xfff) as u16,
        }
    }
}

/// Landmarks as bytes: little-endian `frame` and `hash`, four bytes each, in order of time.
#[must_use]
pub fn encode(landmarks: &[Landmark]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(landmarks.len() * LANDMARK_BYTES);
    for landmark in landmarks {
        bytes.extend_from_slice(&landmark.frame.to_le_bytes());
        bytes.extend_from_slice(&landmark.hash().to_le_bytes());
    }
    bytes
}

/// Landmarks from bytes.
///
/// # Errors
/// `MalformedFingerprint` for a length that is no multiple of 8, more than `MAX_LANDMARKS`, a
/// bin outside the spectrum, a distance of zero or too far, frames out of order, or more than
/// 64 landmarks of one frame.
pub fn decode(bytes: &[u8]) -> Result<Vec<Landmark>> {
    let (chunks, rest) = bytes.as_chunks::<LANDMARK_BYTES>();
    if !rest.is_empty() {
        return Err(Error::malformed(format!(
            "landmarks have {} bytes; a multiple of {LANDMARK_BYTES} is needed",
            bytes.len()
        )));
    }
    if chunks.len() > MAX_LANDMARKS {
        return Err(Error::malformed(format!(
            "{} landmarks; at most {MAX_LANDMARKS} are allowed",
            chunks.len()
        )));
    }
    let mut landmarks = Vec::with_capacity(chunks.len());
    let mut previous = 0;
    for &[a, b, c, d, e, f, g, h] in chunks {
        let landmark = Landmark::from_parts(
            u32::from_le_bytes([a, b, c, d]),
            u32::from_le_bytes([e, f, g, h]),
        );
        let bins_fit = usize::from(landmark.anchor_bin.max(landmark.target_bin)) < BINS;
        let distance_fits = (1..=PAIR_FRAMES).contains(&u32::from(landmark.frame_distance));
        if !bins_fit || !distance_fits {
            return Err(Error::malformed(format!("no landmark is like {landmark:?}")));
        }
        if landmark.frame < previous {
            return Err(Error::malformed(format!(
                "landmarks are out of order: frame {} after {previous}",
                landmark.frame
            )));
        }
        previous = landmark.frame;
        landmarks.push(landmark);
        let alike = landmarks.len().checked_sub(FRAME_LANDMARKS_MAX + 1);
        if alike.is_some_and(|first| landmarks[first].frame == landmark.frame) {
            return Err(Error::malformed(format!(
                "more than {FRAME_LANDMARKS_MAX} landmarks begin at frame {}",
                landmark.frame
            )));
        }
    }
    Ok(landmarks)
}

#[derive(Debug, Clone, Copy)]
struct Peak {
    frame: u32,
    bin: u16,
    saliency: f32,
}

/// Finds landmarks while spectra arrive, frame after frame.
pub struct LandmarkFinder {
    pitch: PitchFactor,
    peaks_per_block: usize,
    pairs_per_peak: usize,
    /// The last `2 * PEAK_FRAMES + 1` spectra, and their running maxima over `PEAK_BINS`.
    spectra: VecDeque<(Vec<f32>, Vec<f32>)>,
    frames_seen: u32,
    block: Vec<Peak>,
    /// Kept peaks that may still become targets or anchors, in order of time.
    kept: VecDeque<Peak>,
    found: Vec<Landmark>,
}

impl LandmarkFinder {
    /// A finder with the density that fits `purpose`; landmarks have the bins they would have at
    /// the pitch of the recording.
    #[must_use]
    pub fn new(purpose: Purpose, pitch: PitchFactor) -> Self {
        let (peaks_per_block, pairs_per_peak) = match purpose {
            Purpose::Reference => (4, 3),
            Purpose::Query => (QUERY_PEAKS, QUERY_PAIRS),
        };
        Self {
            pitch,
            peaks_per_block,
            pairs_per_peak,
            spectra: VecDeque::with_capacity(2 * PEAK_FRAMES + 1),
            frames_seen: 0,
            block: Vec::new(),
            kept: VecDeque::new(),
            found: Vec::new(),
        }
    }

    /// Takes the power spectrum of the next frame.
    pub fn push(&mut self, power: &[f32]) {
        let (mut spectrum, mut maxima) = if self.spectra.len() > 2 * PEAK_FRAMES {
            self.spectra.pop_front().unwrap_or_default()
        } else {
            (Vec::new(), Vec::new())
        };
        spectrum.clear();
        spectrum.extend_from_slice(power);
        spectrum.resize(BINS, 0.0);
        running_maximum(&spectrum, &mut maxima);
        self.spectra.push_back((spectrum, maxima));
        self.frames_seen += 1;
        if self.spectra.len() > 2 * PEAK_FRAMES {
            self.find_peaks(PEAK_FRAMES, self.frames_seen - 1 - PEAK_FRAMES as u32);
        } else if self.spectra.len() > PEAK_FRAMES {
            let centre = self.spectra.len() - 1 - PEAK_FRAMES;
            self.find_peaks(centre, centre as u32);
        }
    }

    /// Ends the audio: frames at its end are searched with what follows taken as silence.
    pub fn finish(&mut self) {
        let held = self.spectra.len();
        for centre in held.saturating_sub(PEAK_FRAMES)..held {
            self.find_peaks(centre, self.frames_seen - (held - centre) as u32);
        }
        self.close_block();
        while let Some(anchor) = self.kept.pop_front() {
            self.pair(anchor);
        }
    }

    /// The landmarks that are complete and were not taken before, in order of time.
    pub fn take(&mut self) -> Vec<Landmark> {
        std::mem::take(&mut self.found)
    }

    fn find_peaks(&mut self, centre: usize, frame: u32) {
        if frame.is_multiple_of(BLOCK_FRAMES) {
            self.close_block();
        }
        let (spectrum, _) = &self.spectra[centre];
        let neighbours = centre.saturating_sub(PEAK_FRAMES)..self.spectra.len();
        for bin in PEAK_BIN_RANGE {
            let power = spectrum[bin];
            if power < SILENCE_POWER || power <= spectrum[bin - 1] || power < spectrum[bin + 1] {
                continue;
            }
            let around = neighbours.clone().take(centre + PEAK_FRAMES + 1 - neighbours.start);
            if around.clone().any(|at| self.spectra[at].1[bin] > power) {
                continue;
            }
            let recorded = self.pitch.recorded_bin(bin);
            if !PEAK_BIN_RANGE.contains(&recorded) {
                continue;
            }
            let mean = local_mean(spectrum, bin);
            self.block.push(Peak { frame, bin: recorded as u16, saliency: power / mean });
        }
    }

    fn close_block(&mut self) {
        self.block.sort_by(|a, b| b.saliency.total_cmp(&a.saliency).then(a.frame.cmp(&b.frame)));
        self.block.truncate(self.peaks_per_block);
        self.block.sort_by_key(|peak| (peak.frame, peak.bin));
        self.kept.extend(self.block.drain(..));
        let newest = self.kept.back().map_or(0, |peak| peak.frame);
        while let Some(&anchor) = self.kept.front() {
            if newest <= anchor.frame + PAIR_FRAMES {
                break;
            }
            self.kept.pop_front();
            self.pair(anchor);
        }
    }

    fn pair(&mut self, anchor: Peak) {
        let targets = self
            .kept
            .iter()
            .filter(|peak| {
                let distance = peak.frame - anchor.frame;
                (1..=PAIR_FRAMES).contains(&distance) && peak.bin.abs_diff(anchor.bin) <= PAIR_BINS
            })
            .take(self.pairs_per_peak);
        self.found.extend(targets.map(|target| Landmark {
            frame: anchor.frame,
            anchor_bin: anchor.bin,
            target_bin: target.bin,
            frame_distance: (target.frame - anchor.frame) as u16,
        }));
    }
}

/// The largest value within `PEAK_BINS` of each bin.
fn running_maximum(values: &[f32], out: &mut Vec<f32>) {
    // Doubling: after the loop, out[i] is the maximum of `width` values from i on.
    out.clear();
    out.extend_from_slice(values);
    let full = 2 * PEAK_BINS + 1;
    let mut width = 1;
    while width < full {
        let step = width.min(full - width);
        for i in 0..out.len() - step {
            out[i] = out[i].max(out[i + step]);
        }
        width += step;
    }
    let length = out.len();
    out.copy_within(..length - PEAK_BINS, PEAK_BINS);
    let first = out[PEAK_BINS];
    out[..PEAK_BINS].fill(first);
}

fn local_mean(spectrum: &[f32], bin: usize) -> f32 {
    let around = &spectrum[bin.saturating_sub(2 * PEAK_BINS)..(bin + 2 * PEAK_BINS + 1).min(BINS)];
    around.iter().sum::<f32>() / around.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    /// Spectra of a faint floor with peaks of power 1 at (frame, bin).
    fn find(peaks: &[(usize, usize)], frame_count: usize, purpose: Purpose) -> Vec<Landmark> {
        let mut finder = LandmarkFinder::new(purpose, PitchFactor::RECORDED);
        for frame in 0..frame_count {
            let mut power = vec![1e-4; BINS];
            for &(_, bin) in peaks.iter().filter(|peak| peak.0 == frame) {
                power[bin] = 1.0;
            }
            finder.push(&power);
        }
        finder.finish();
        finder.take()
    }

    #[test]
    fn two_peaks_are_one_landmark() {
        let expected = Landmark { frame: 20, anchor_bin: 100, target_bin: 140, frame_distance: 9 };
        for purpose in [Purpose::Reference, Purpose::Query] {
            assert_eq!(find(&[(20, 100), (29, 140)], 60, purpose), [expected]);
        }
    }

    #[test]
    fn peaks_at_both_ends_are_found() {
        let found = find(&[(0, 50), (39, 60)], 40, Purpose::Reference);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].frame, found[0].frame_distance), (0, 39));
    }

    #[test]
    fn a_weaker_peak_nearby_is_masked() {
        let mut finder = LandmarkFinder::new(Purpose::Query, PitchFactor::RECORDED);
        for frame in 0..40 {
            let mut power = vec![1e-4; BINS];
            power[100] = if frame == 10 { 1.0 } else { 1e-4 };
            power[105] = if frame == 12 { 0.5 } else { 1e-4 };
            finder.push(&power);
        }
        finder.finish();
        assert!(finder.take().is_empty());
    }

    #[test]
    fn distant_peaks_are_no_pair() {
        assert!(find(&[(5, 50), (6 + PAIR_FRAMES as usize, 50)], 90, Purpose::Query).is_empty());
        assert!(find(&[(5, 50), (15, 52 + PAIR_BINS as usize)], 90, Purpose::Query).is_empty());
    }

    #[test]
    fn the_running_maximum_is_that_of_the_neighbourhood() {
        let values: Vec<f32> = (0..BINS).map(|i| ((i * 7_919) % 1_009) as f32).collect();
        let mut out = Vec::new();
        running_maximum(&values, &mut out);
        for bin in PEAK_BINS..BINS {
            let around = &values[bin - PEAK_BINS..(bin + PEAK_BINS + 1).min(BINS)];
            assert!((out[bin] - around.iter().copied().fold(0.0, f32::max)).abs() < 1e-6, "{bin}");
        }
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        let marks = find(&[(3, 30), (9, 90), (14, 60), (31, 120)], 64, Purpose::Query);
        assert!(marks.len() > 3);
        assert_eq!(decode(&encode(&marks)), Ok(marks));
    }

    #[test]
    fn impossible_landmarks_are_refused() {
        let good = Landmark { frame: 7, anchor_bin: 50, target_bin: 60, frame_distance: 3 };
        let bad = [
            vec![Landmark { frame_distance: 0, ..good }],
            vec![Landmark { frame_distance: 64, ..good }],
            vec![Landmark { anchor_bin: 600, ..good }],
            vec![good, Landmark { frame: 6, ..good }],
            vec![good; FRAME_LANDMARKS_MAX + 1],
        ];
        for marks in bad {
            let refused = decode(&encode(&marks)).map_err(|e| e.kind());
            assert_eq!(refused, Err(ErrorKind::MalformedFingerprint));
        }
        let full =
            [vec![good; FRAME_LANDMARKS_MAX], vec![Landmark { frame: 8, ..good }; 2]].concat();
        assert_eq!(decode(&encode(&full)), Ok(full));
    }
}
