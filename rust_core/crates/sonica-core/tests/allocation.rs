//! Embedding windows allocates nothing: its buffers are made with the embedder.
#![allow(unsafe_code)] // an allocator that counts is one by nature

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use sonica_core::AlgorithmVersion;
use sonica_core::embedding::Embedder;
use sonica_core::params::{BANDS, WINDOW_FRAMES};
use sonica_core::windows::Window;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator; counts what the calling thread asks for.
struct Counting;

// SAFETY: every call is passed on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn embedding_allocates_nothing() {
    let frames: Vec<[f32; BANDS]> = (0..WINDOW_FRAMES)
        .map(|t| std::array::from_fn(|band| if (t + band) % 7 == 0 { 1.0 } else { 0.1 }))
        .collect();
    for version in AlgorithmVersion::ALL {
        let mut embedder = Embedder::new(version);
        // The first window of a process decodes the weights.
        assert!(embedder.embed(&Window { frames: &frames, missing_before: 0 }).is_some());
        let before = ALLOCATIONS.with(Cell::get);
        for missing_before in [0, 4, 0] {
            let window = Window { frames: &frames[missing_before..], missing_before };
            assert!(embedder.embed(&window).is_some());
        }
        assert_eq!(ALLOCATIONS.with(Cell::get), before, "{version:?}");
    }
    assert!(ALLOCATIONS.with(Cell::get) > 0);
}
