"""How our collections in Qdrant are made; nothing is left to a default of the server."""

from __future__ import annotations

from typing import Any

import sonica_core

from match_svc.stores.qdrant_stubs import collections


def create_collection(name: str, shard_number: int, replication_factor: int) -> Any:
    """Returns the request that makes an empty collection for one generation.

    Args:
        name: of the collection.
        shard_number: shards; cannot be changed later but by a rebuild.
        replication_factor: copies of each shard.

    Vectors are stored in 4 bits a number and nothing beside that: 64 bytes each, and about as much
    for the graph. The exact ones are in PostgreSQL, where rescoring reads them.
    """
    return collections.CreateCollection(
        collection_name=name,
        shard_number=shard_number,
        replication_factor=replication_factor,
        vectors_config=collections.VectorsConfig(
            params=collections.VectorParams(
                size=sonica_core.DIMENSION,
                distance=collections.Distance.Cosine,
                datatype=collections.Datatype.Turbo4,
                memory=collections.Memory.Cached,
            )
        ),
        hnsw_config=collections.HnswConfigDiff(m=16, ef_construct=100, full_scan_threshold=1000),
        # KB of stored vectors: from 16,000 vectors on a segment gets its graph.
        optimizers_config=collections.OptimizersConfigDiff(
            indexing_threshold=1000, deleted_threshold=0.2, vacuum_min_vector_number=1000
        ),
    )
