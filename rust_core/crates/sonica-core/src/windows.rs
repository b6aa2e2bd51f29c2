//! Stage 4: mel frames become windows of `WINDOW_FRAMES`, one every stride.
//!
//! Row `i` begins at frame `i * stride - EDGE_FRAMES`; up to `EDGE_FRAMES` frames may be missing
//! at either end of the audio, so a row lies on the same grid whatever comes before or after.

use std::collections::VecDeque;
use std::ops::Range;

use crate::mel::MelFrame;
use crate::params::{EDGE_FRAMES, Purpose, WINDOW_FRAMES};

/// A run of mel frames and its place in a window.
pub struct Window<'a> {
    /// The frames there are, in order of time.
    pub frames: &'a [MelFrame],
    /// Frames of the window that precede the audio.
    pub missing_before: usize,
}

/// Collects frames and hands out windows as soon as they are complete.
pub struct WindowCutter {
    stride: usize,
    frames: VecDeque<MelFrame>,
    frames_seen: usize,
    next_row: usize,
}

impl WindowCutter {
    /// A cutter with the stride that fits `purpose`.
    #[must_use]
    pub fn new(purpose: Purpose) -> Self {
        Self {
            stride: purpose.stride_frames(),
            frames: VecDeque::with_capacity(2 * WINDOW_FRAMES),
            frames_seen: 0,
            next_row: 0,
        }
    }

    /// Takes the next frame; calls `consume` when it completes a window.
    pub fn push(&mut self, frame: MelFrame, consume: impl FnMut(Window<'_>)) {
        self.frames.push_back(frame);
        self.frames_seen += 1;
        self.emit(self.frames_seen, consume);
    }

    /// Ends the audio: calls `consume` with the windows that lack frames at its end.
    pub fn finish(&mut self, consume: impl FnMut(Window<'_>)) {
        if self.frames_seen + EDGE_FRAMES >= WINDOW_FRAMES {
            self.emit(self.frames_seen + EDGE_FRAMES, consume);
        }
    }

    /// Rows handed out so far.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.next_row
    }

    fn emit(&mut self, available: usize, mut consume: impl FnMut(Window<'_>)) {
        while self.next_row * self.stride + WINDOW_FRAMES <= available + EDGE_FRAMES {
            let begin = (self.next_row * self.stride).saturating_sub(EDGE_FRAMES);
            let missing_before = EDGE_FRAMES.saturating_sub(self.next_row * self.stride);
            let oldest = self.frames_seen - self.frames.len();
            self.frames.drain(..(begin - oldest).min(self.frames.len()));
            let present = self.present(missing_before);
            let frames = self.frames.make_contiguous().get(present).unwrap_or_default();
            consume(Window { frames, missing_before });
            self.next_row += 1;
        }
    }

    fn present(&self, missing_before: usize) -> Range<usize> {
        0..(WINDOW_FRAMES - missing_before).min(self.frames.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::BANDS;

    fn rows(purpose: Purpose, frame_count: usize) -> Vec<(usize, usize, usize)> {
        let mut cutter = WindowCutter::new(purpose);
        let mut out = Vec::new();
        let mut note = |window: Window<'_>| {
            out.push((window.missing_before, window.frames[0][0] as usize, window.frames.len()));
        };
        for index in 0..frame_count {
            cutter.push([index as f32; BANDS], &mut note);
        }
        cutter.finish(&mut note);
        out
    }

    #[test]
    fn a_clip_of_one_second_has_windows_at_all_phases() {
        let frames = 28;
        let out = rows(Purpose::Query, frames);
        assert_eq!(out.len(), (frames + 2 * EDGE_FRAMES - WINDOW_FRAMES) / 4 + 1);
        assert_eq!(out[0], (EDGE_FRAMES, 0, WINDOW_FRAMES - EDGE_FRAMES));
    }

    #[test]
    fn rows_lie_on_the_grid() {
        for (row, (missing, begin, length)) in rows(Purpose::Reference, 200).into_iter().enumerate()
        {
            assert_eq!(begin + EDGE_FRAMES, row * 16 + missing);
            assert!(length + EDGE_FRAMES >= WINDOW_FRAMES);
        }
    }

    #[test]
    fn too_short_audio_has_no_window() {
        assert!(rows(Purpose::Query, WINDOW_FRAMES - EDGE_FRAMES - 1).is_empty());
        assert!(rows(Purpose::Query, 0).is_empty());
        assert_eq!(rows(Purpose::Query, WINDOW_FRAMES - EDGE_FRAMES).len(), 1 + EDGE_FRAMES / 4);
    }
}
