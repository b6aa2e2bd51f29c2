"""The points a track has in the index: one for each active row of its fingerprint."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import sonica_core

from match_svc.model import Fingerprint
from match_svc.stores.port import F32Array, U64Array


def point_ids(track_number: int, active_windows: bytes) -> U64Array:
    """Returns the ids of the points of one fingerprint of a track."""
    rows = np.flatnonzero(np.frombuffer(active_windows, dtype=np.uint8)).astype(np.uint64)
    return rows + np.uint64(sonica_core.point_id(track_number, 0))


def all_point_ids(track_number: int, active_windows: Iterable[bytes]) -> U64Array:
    """Returns the ids of all points that any of a track's fingerprints has."""
    ids = [point_ids(track_number, flags) for flags in active_windows]
    return np.unique(np.concatenate([np.zeros(0, dtype=np.uint64), *ids]))


def track_points(track_number: int, fingerprint: Fingerprint) -> tuple[U64Array, F32Array]:
    """Returns ids and vectors, shapes (n,) and (n, 128), of one fingerprint's points."""
    active = np.frombuffer(fingerprint.active_windows, dtype=np.uint8) != 0
    vectors = sonica_core.decode_vectors(fingerprint.algorithm_version, fingerprint.vectors_f16le)
    return point_ids(track_number, fingerprint.active_windows), vectors[active]
