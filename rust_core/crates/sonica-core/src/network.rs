//! The networks of versions 2 to 4: four convolutions over a window, and the projection of what they
//! see, added to a projection of the window itself.
//!
//! Every output is a sum that starts with its bias and takes its products in the order kernel
//! frame, kernel band, channel; each product is rounded before it is added. So the result has
//! the same bits on every processor and equals the training framework's up to rounding.

use std::sync::LazyLock;

use fearless_simd::{Level, Simd, dispatch, f32x16, prelude::*};

use crate::half;
use crate::mel::MelFrame;
use crate::params::{BANDS, DIMENSION, WINDOW_FRAMES};
use crate::projection::Projection;

/// Channels of the window and of what each convolution gives.
const CHANNELS: [usize; LAYERS + 1] = [1, 16, 32, 64, 128];
/// Frames between neighbouring outputs of each convolution.
const FRAME_STRIDES: [usize; LAYERS] = [1, 2, 2, 2];
/// Bands between neighbouring outputs of every convolution.
const BAND_STRIDE: usize = 2;
const LAYERS: usize = 4;
/// Frames, and bands, a convolution looks at.
const KERNEL: usize = 3;
/// Channels that are computed at once, and bands: they share the weights they read.
const LANES: usize = 16;
const PLACES: usize = 4;

/// Trained by `rust_core/training`: binary16 weights `[kernel frame][kernel band][in][out]` and
/// biases of each convolution, then the two projections.
static V2_F16LE: &[u8; 2 * WEIGHT_COUNT] = include_bytes!("../data/network-v2.f16");
static V3_F16LE: &[u8; 2 * WEIGHT_COUNT] = include_bytes!("../data/network-v3.f16");
static V2: LazyLock<Weights> = LazyLock::new(|| Weights::from_f16le(V2_F16LE));
static V3: LazyLock<Weights> = LazyLock::new(|| Weights::from_f16le(V3_F16LE));

/// Frames, bands and channels of the window (0) or of what a convolution gives (1 to `LAYERS`).
const fn shape(layer: usize) -> (usize, usize, usize) {
    let (mut frames, mut bands, mut at) = (WINDOW_FRAMES, BANDS, 0);
    while at < layer {
        frames = frames.div_ceil(FRAME_STRIDES[at]);
        bands = bands.div_ceil(BAND_STRIDE);
        assert!(CHANNELS[at + 1].is_multiple_of(LANES) && bands.is_multiple_of(PLACES));
        at += 1;
    }
    (frames, bands, CHANNELS[layer])
}

/// Numbers the last convolution gives.
const FEATURES: usize = {
    let (frames, bands, channels) = shape(LAYERS);
    frames * bands * channels
};

const WEIGHT_COUNT: usize = {
    let (mut count, mut at) = ((FEATURES + WINDOW_FRAMES * BANDS) * DIMENSION, 0);
    while at < LAYERS {
        count += (KERNEL * KERNEL * CHANNELS[at] + 1) * CHANNELS[at + 1];
        at += 1;
    }
    count
};

struct Weights {
    convolutions: [Convolution; LAYERS],
    head: Projection,
    direct: Projection,
}

struct Convolution {
    frame_stride: usize,
    /// For each group of `LANES` channels, their weights in the order they are summed.
    weights: Vec<[f32; LANES]>,
    biases: Vec<[f32; LANES]>,
}

impl Weights {
    fn from_f16le(bytes: &[u8]) -> Self {
        let mut rest = bytes;
        let mut next = |count: usize| {
            let (head, tail) = rest.split_at_checked(2 * count).unwrap_or((rest, &[]));
            rest = tail;
            head
        };
        let convolutions = std::array::from_fn(|layer| {
            let (inputs, outputs) = (KERNEL * KERNEL * CHANNELS[layer], CHANNELS[layer + 1]);
            let weights: Vec<f32> = half::values(next(inputs * outputs)).collect();
            let biases: Vec<f32> = half::values(next(outputs)).collect();
            let group = |at: usize| weights.chunks(outputs).map(move |row| (at, row));
            Convolution {
                frame_stride: FRAME_STRIDES[layer],
                weights: (0..outputs / LANES)
                    .flat_map(group)
                    .map(|(at, row)| row.as_chunks::<LANES>().0[at])
                    .collect(),
                biases: biases.as_chunks::<LANES>().0.to_vec(),
            }
        });
        let head = Projection::from_f16le(next(FEATURES * DIMENSION));
        Self { convolutions, head, direct: Projection::from_f16le(rest) }
    }
}

/// Values at frames and bands, `[frame][band][channel]`, with a margin of zeros around them.
struct Plane {
    frames: usize,
    bands: usize,
    channels: usize,
    margin: usize,
    values: Vec<f32>,
}

impl Plane {
    fn new(layer: usize) -> Self {
        let (frames, bands, channels) = shape(layer);
        let margin = usize::from(layer < LAYERS);
        let values = vec![0.0; (frames + 2 * margin) * (bands + 2 * margin) * channels];
        Self { frames, bands, channels, margin, values }
    }

    /// One frame of the plane with its margins; `index` counts from the margin.
    fn frame(&self, index: usize) -> &[f32] {
        let length = (self.bands + 2 * self.margin) * self.channels;
        &self.values[index * length..][..length]
    }

    /// One frame of the plane without its margins.
    fn frame_mut(&mut self, index: usize) -> &mut [f32] {
        let length = (self.bands + 2 * self.margin) * self.channels;
        let begin = (index + self.margin) * length + self.margin * self.channels;
        &mut self.values[begin..][..self.bands * self.channels]
    }
}

/// Evaluates the network; the weights are shared, the buffers are its own.
pub struct Network {
    weights: &'static Weights,
    level: Level,
    planes: [Plane; LAYERS + 1],
}

impl Network {
    /// The network of version 2, that uses the instructions of `level`.
    #[must_use]
    pub fn v2(level: Level) -> Self {
        Self::new(&V2, level)
    }

    /// The network of versions 3 and 4, that uses the instructions of `level`.
    #[must_use]
    pub fn v3(level: Level) -> Self {
        Self::new(&V3, level)
    }

    fn new(weights: &'static Weights, level: Level) -> Self {
        Self { weights, level, planes: std::array::from_fn(Plane::new) }
    }

    /// What the network makes of a normalised window that lacks `missing_before` frames at its
    /// beginning; its length is not yet 1.
    pub fn project(&mut self, frames: &[MelFrame], missing_before: usize) -> [f32; DIMENSION] {
        let Self { weights, level, planes } = self;
        for index in 0..WINDOW_FRAMES {
            let present = index.checked_sub(missing_before).and_then(|at| frames.get(at));
            planes[0].frame_mut(index).copy_from_slice(present.unwrap_or(&[0.0; BANDS]));
        }
        for (layer, convolution) in weights.convolutions.iter().enumerate() {
            let (inputs, outputs) = planes.split_at_mut(layer + 1);
            let (input, output) = (&inputs[layer], &mut outputs[0]);
            dispatch!(*level, simd => convolve(simd, convolution, input, output));
        }
        let mut sum = [0.0; DIMENSION];
        weights.head.add(*level, 0, &planes[LAYERS].values, &mut sum);
        weights.direct.add(*level, missing_before * BANDS, frames.as_flattened(), &mut sum);
        sum
    }
}

#[inline(always)]
fn convolve<S: Simd>(simd: S, convolution: &Convolution, input: &Plane, output: &mut Plane) {
    let run = KERNEL * input.channels;
    let step = BAND_STRIDE * input.channels;
    let zero = f32x16::splat(simd, 0.0);
    let groups = convolution.weights.chunks_exact(KERNEL * run).zip(&convolution.biases);
    for (group, (weights, biases)) in groups.enumerate() {
        for index in 0..output.frames {
            let channels = output.channels;
            let places = output.frame_mut(index).chunks_exact_mut(PLACES * channels);
            for (place, out) in places.enumerate() {
                let mut sums = [f32x16::simd_from(simd, *biases); PLACES];
                for (at, weights) in weights.chunks_exact(run).enumerate() {
                    let frame = input.frame(index * convolution.frame_stride + at);
                    let seen = &frame[place * PLACES * step..][..(PLACES - 1) * step + run];
                    add_run(simd, weights, seen, step, &mut sums);
                }
                for (out, sum) in out.chunks_exact_mut(channels).zip(sums) {
                    sum.max(zero).store_slice(&mut out[group * LANES..][..LANES]);
                }
            }
        }
    }
}

/// Adds a run of values times its weights at `PLACES` places, `step` values apart.
#[inline(always)]
fn add_run<S: Simd>(
    simd: S,
    weights: &[[f32; LANES]],
    values: &[f32],
    step: usize,
    sums: &mut [f32x16<S>; PLACES],
) {
    let runs: [&[f32]; PLACES] =
        std::array::from_fn(|place| &values[place * step..][..weights.len()]);
    for (at, weights) in weights.iter().enumerate() {
        let weights = f32x16::simd_from(simd, *weights);
        for (sum, run) in sums.iter_mut().zip(runs) {
            *sum += weights * f32x16::splat(simd, run[at]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alignment::dot;

    const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/golden/network-v");
    type Make = fn(Level) -> Network;
    const NETWORKS: [(u8, Make); 2] = [(2, Network::v2), (3, Network::v3)];
    const NUMBERS: usize = WINDOW_FRAMES * BANDS;

    /// Windows and what the training framework makes of them; see `tests/golden/README.md`.
    fn golden(version: u8) -> Vec<(Vec<MelFrame>, [f32; DIMENSION])> {
        let read = |name: &str| -> Vec<f32> {
            let path = format!("{GOLDEN}{version}-{name}.f32");
            let bytes = std::fs::read(path).unwrap_or_default();
            bytes.as_chunks::<4>().0.iter().map(|&number| f32::from_le_bytes(number)).collect()
        };
        let (patches, embeddings) = (read("patches"), read("embeddings"));
        assert!(patches.len() >= 8 * NUMBERS, "{GOLDEN}{version}-patches.f32 is too short");
        assert_eq!(patches.len() / NUMBERS, embeddings.len() / DIMENSION);
        let frames = patches.chunks(NUMBERS).map(|patch| patch.as_chunks::<BANDS>().0.to_vec());
        frames.zip(embeddings.as_chunks::<DIMENSION>().0.iter().copied()).collect()
    }

    #[test]
    fn it_equals_the_training_framework() {
        for (version, network) in NETWORKS {
            let mut network = network(Level::new());
            for (index, (frames, expected)) in golden(version).into_iter().enumerate() {
                let found = network.project(&frames, 0);
                let norm = dot(&found, &found).sqrt();
                for (found, expected) in found.iter().map(|value| value / norm).zip(expected) {
                    let near = (found - expected).abs() < 1e-4;
                    assert!(near, "version {version}, window {index}: {found}, not {expected}");
                }
            }
        }
    }

    fn bits(network: &mut Network, frames: &[MelFrame], missing_before: usize) -> Vec<u32> {
        network.project(frames, missing_before).map(f32::to_bits).to_vec()
    }

    #[test]
    fn missing_frames_are_zeros() {
        for (version, network) in NETWORKS {
            let mut network = network(Level::new());
            for (mut frames, _) in golden(version) {
                let part = bits(&mut network, &frames[4..20], 4);
                frames[..4].fill([0.0; BANDS]);
                frames[20..].fill([0.0; BANDS]);
                assert_eq!(part, bits(&mut network, &frames, 0));
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let best = Level::new();
        let levels = [
            best.as_sse2().map(Level::Sse2),
            best.as_sse4_2().map(Level::Sse4_2),
            best.as_avx2().map(Level::Avx2),
        ];
        for (version, network) in NETWORKS {
            for (frames, _) in golden(version) {
                let expected = bits(&mut network(best), &frames, 0);
                for level in levels.into_iter().flatten() {
                    assert_eq!(bits(&mut network(level), &frames, 0), expected, "{level:?}");
                }
            }
        }
    }

    #[test]
    fn the_weights_are_finite() {
        for (bytes, weights) in [(V2_F16LE, &*V2), (V3_F16LE, &*V3)] {
            assert!(half::values(bytes).all(f32::is_finite));
            assert_eq!((weights.head.rows(), weights.direct.rows()), (FEATURES, NUMBERS));
        }
    }
}
