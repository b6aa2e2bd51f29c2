"""Recognition without a mesh: decode, extract, search, align, called one after the other.

What end-to-end latency is compared with. It calls the same code as the services, on the same
engine with the same parameters, without processes, network, traces or metadata.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import qdrant_edge
import sonica_core

from fingerprint_svc.model import Job, Part, Purpose, WorkerLimits
from fingerprint_svc.worker.job import Stopwatch, run_job
from fingerprint_svc.worker.source import Source
from match_svc.passage_ranges import passage_ranges
from match_svc.stores.port import NEIGHBOUR_COUNT, NO_POINT

_LIMITS = WorkerLimits(
    memory_bytes=1 << 32,
    cpu_seconds=60,
    file_bytes=1 << 28,
    spool_folder="/tmp",  # noqa: S108 - never reached: FLAC is not spooled
    spool_memory_bytes=1 << 24,
    channel_count_max=8,
)
_CANDIDATE_COUNT = 40
_VERSION = sonica_core.CURRENT_ALGORITHM_VERSION


Fingerprint: TypeAlias = tuple[bytes, bytes, bytes, float]


def fingerprint(content: bytes, purpose: Purpose) -> Fingerprint:
    """Decodes and analyses a whole file: vectors, active windows, landmarks, seconds."""
    chunks = iter((content, b""))
    parts: list[Part] = []
    job = Job(purpose, None, 0.0, 14_400.0, refuse_longer=False, part_seconds=14_400.0)
    summary = run_job(job, Source(lambda: next(chunks)), Stopwatch(), _LIMITS, parts.append)
    return (
        b"".join(part.vectors_f16le for part in parts),
        b"".join(part.active_windows for part in parts),
        b"".join(part.landmarks for part in parts),
        summary.duration_seconds,
    )


class InProcess:
    """A catalogue held in this process: one shard of the engine and all fingerprints."""

    def __init__(self, folder: Path, files: list[Path], others: Iterable[Fingerprint] = ()) -> None:
        """Registers `files`, then `others`; track numbers are their positions."""
        vectors = qdrant_edge.EdgeVectorParams(
            size=sonica_core.DIMENSION,
            distance=qdrant_edge.Distance.Cosine,
            datatype=qdrant_edge.VectorStorageDatatype.Float16,
            quantization_config=qdrant_edge.TurboQuantQuantizationConfig(
                bits=qdrant_edge.TurboQuantBitSize.Bits4, memory=qdrant_edge.Memory.Pinned
            ),
        )
        graph = qdrant_edge.HnswIndexConfig(m=16, ef_construct=100, full_scan_threshold=1000)
        config = qdrant_edge.EdgeConfig(
            vectors=vectors,
            hnsw_config=graph,
            optimizers=qdrant_edge.EdgeOptimizersConfig(indexing_threshold=2),
            max_search_threads=1,
        )
        folder.mkdir()
        self._shard = qdrant_edge.EdgeShard.create(str(folder), config)
        self._references = [
            *(fingerprint(path.read_bytes(), Purpose.REFERENCE) for path in files),
            *others,
        ]
        for number, (vectors_f16le, active, _, _) in enumerate(self._references):
            rows = sonica_core.decode_vectors(_VERSION, vectors_f16le).tolist()
            points = [
                qdrant_edge.Point(sonica_core.point_id(number, row), vector, None)
                for row, vector in enumerate(rows)
                if active[row]
            ]
            self._shard.update(qdrant_edge.UpdateOperation.upsert_points(points))
        self._shard.flush()
        self._shard.optimize()

    def recognize(self, content: bytes) -> list[sonica_core.Alignment]:
        """Returns the alignments of a clip, best first."""
        return self.find(fingerprint(content, Purpose.QUERY))

    def find(self, clip: Fingerprint) -> list[sonica_core.Alignment]:
        """Returns the alignments of a clip's fingerprint, best first."""
        vectors_f16le, active, landmarks, seconds = clip
        ids, scores = self._search(vectors_f16le, active)
        candidates = sonica_core.vote(_VERSION, ids, scores, _CANDIDATE_COUNT)
        passages = []
        for wanted in passage_ranges(candidates, seconds):
            reference = self._references[wanted.track_number]
            rows = slice(wanted.first_row, wanted.past_row)
            width = sonica_core.row_bytes(_VERSION)
            passages.append(
                sonica_core.ReferencePassage(
                    _VERSION,
                    wanted.track_number,
                    wanted.first_row,
                    reference[0][rows.start * width : rows.stop * width],
                    reference[1][rows],
                    reference[2],
                )
            )
        query = sonica_core.QueryFingerprint(_VERSION, vectors_f16le, active, landmarks, seconds)
        return sonica_core.align(_VERSION, query, passages)

    def _search(self, vectors_f16le: bytes, active: bytes) -> tuple[np.ndarray, np.ndarray]:
        rows = sonica_core.decode_vectors(_VERSION, vectors_f16le)
        searched = np.flatnonzero(sonica_core.searched_rows(active))
        parameters = qdrant_edge.SearchParams(hnsw_ef=NEIGHBOUR_COUNT)
        batch = qdrant_edge.QueryBatchRequest(
            [
                qdrant_edge.QueryRequest(
                    limit=NEIGHBOUR_COUNT,
                    query=qdrant_edge.Query.Nearest(rows[row]),
                    params=parameters,
                )
                for row in searched
            ]
        )
        ids = np.full((len(rows), NEIGHBOUR_COUNT), NO_POINT, dtype=np.uint64)
        scores = np.zeros((len(rows), NEIGHBOUR_COUNT), dtype=np.float32)
        for row, hits in zip(searched, self._shard.query_batch(batch), strict=True):
            ids[row, : len(hits)] = [hit.id for hit in hits]
            scores[row, : len(hits)] = [hit.score for hit in hits]
        return ids, scores
