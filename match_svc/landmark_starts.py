"""Where in a fingerprint's landmarks each two seconds begin, so that a passage can be cut out.

Landmarks are 8 bytes each, ordered by frame, and not evenly spread. One number for every 64 frames
(four rows of a reference in algorithm_version 1) is 7 KB for an hour of music.
"""

from __future__ import annotations

import numpy as np

LANDMARK_BYTES = 8
BUCKET_FRAMES = 64


def landmark_starts(landmarks: bytes) -> list[int]:
    """Returns, for k = 0, 1, ..., how many landmarks come before frame 64 * k.

    Args:
        landmarks: as in `sonica.fingerprint.v1.Fingerprint.landmarks`, ordered by frame.

    Returns:
        At least one number; the first is 0, the last is the number of landmarks.
    """
    frames = np.frombuffer(landmarks, dtype="<u4")[::2]
    if not len(frames):
        return [0]
    bounds = np.arange(0, int(frames[-1]) + BUCKET_FRAMES + 1, BUCKET_FRAMES)
    starts: list[int] = np.searchsorted(frames, bounds, side="left").tolist()
    return starts
