"""What a collection is made of: Qdrant's CreateCollection, checked, and as engine settings.

Nothing is left to a default of the engine: its default indexing threshold, for one, would leave
150,000 vectors of four bits per number without an index.
"""

from __future__ import annotations

import qdrant_edge as qe

from mesh.local.engine.errors import InvalidArgumentError, UnsupportedError
from mesh.local.engine.stubs import collections_pb2 as pb

DIMENSION_MAX = 4096
NAME_LENGTH_MAX = 255
_M, _EF_CONSTRUCT, _FULL_SCAN_KB, _INDEXING_KB = 16, 100, 1000, 1000
_SEGMENT_KB_MAX = 1 << 30  # one segment per shard: shards, not segments, are what is merged here
_DELETED_FRACTION = 0.2

_DATATYPES = {
    pb.Datatype.Default: "Float32",
    pb.Datatype.Float32: "Float32",
    pb.Datatype.Float16: "Float16",
    pb.Datatype.Turbo4: "Turbo4",
    pb.Datatype.Turbo8: "Turbo8",
    pb.Datatype.Turbo16: "Turbo16",
}
_BITS = {
    pb.TurboQuantBitSize.Bits1: "Bits1",
    pb.TurboQuantBitSize.Bits1_5: "Bits1_5",
    pb.TurboQuantBitSize.Bits2: "Bits2",
    pb.TurboQuantBitSize.Bits4: "Bits4",
    pb.TurboQuantBitSize.Bits8: "Bits8",
}
_MEMORY = {pb.Memory.Cold: "Cold", pb.Memory.Cached: "Cached", pb.Memory.Pinned: "Pinned"}


def check(request: pb.CreateCollection) -> None:
    """Checks that this server can hold the collection asked for.

    Raises:
        InvalidArgumentError, UnsupportedError.
    """
    check_name(request.collection_name)
    if request.vectors_config.WhichOneof("config") != "params":
        raise UnsupportedError("only one unnamed dense vector per point is served")
    if request.sparse_vectors_config.map:
        raise UnsupportedError("sparse vectors are not served")
    vectors = request.vectors_config.params
    if not 1 <= vectors.size <= DIMENSION_MAX:
        raise InvalidArgumentError(f"vector size {vectors.size} is not in 1 to {DIMENSION_MAX}")
    if vectors.distance != pb.Distance.Cosine:
        name = pb.Distance.Name(vectors.distance)
        raise UnsupportedError(f"distance {name} is not served; use Cosine")
    if vectors.HasField("multivector_config"):
        raise UnsupportedError("multivectors are not served")
    if vectors.datatype not in _DATATYPES:
        raise UnsupportedError(f"datatype {pb.Datatype.Name(vectors.datatype)} is not served")
    graph = _graph(request)
    if graph["m"] > 256 or not 4 <= graph["ef_construct"] <= 10_000:
        raise InvalidArgumentError(
            f"hnsw m {graph['m']} is not in 0 to 256, "
            f"or ef_construct {graph['ef_construct']} not in 4 to 10000"
        )
    if not 0.0 <= deleted_threshold(request) <= 1.0:
        raise InvalidArgumentError("deleted_threshold is not in 0 to 1")
    _quantization(request)


def check_name(name: str) -> None:
    """Checks a name of a collection or an alias, by Qdrant's rules.

    Raises:
        InvalidArgumentError.
    """
    if not 1 <= len(name) <= NAME_LENGTH_MAX:
        raise InvalidArgumentError(f"a name has 1 to {NAME_LENGTH_MAX} characters")
    forbidden = sorted(set(name) & set('<>:"/\\|?*\0\u001f'))
    if forbidden or name in (".", ".."):
        raise InvalidArgumentError(f"name {name!r} holds {''.join(forbidden)!r}")


def dimension(request: pb.CreateCollection) -> int:
    """Returns how many numbers a vector of the collection has."""
    return int(request.vectors_config.params.size)


def deleted_threshold(request: pb.CreateCollection) -> float:
    """Returns the fraction of deleted points from which a shard is rewritten."""
    optimizers = request.optimizers_config
    if optimizers.HasField("deleted_threshold"):
        return float(optimizers.deleted_threshold)
    return _DELETED_FRACTION


def engine_config(request: pb.CreateCollection, build_threads: int) -> qe.EdgeConfig:
    """Returns the settings of a shard of the collection.

    Args:
        request: a request that `check` accepts.
        build_threads: threads for a graph when the collection does not say how many.
    """
    vectors = request.vectors_config.params
    graph = _graph(request)
    optimizers = request.optimizers_config
    threshold = (
        int(optimizers.indexing_threshold)
        if optimizers.HasField("indexing_threshold")
        else _INDEXING_KB
    )
    return qe.EdgeConfig(
        vectors=qe.EdgeVectorParams(
            size=int(vectors.size),
            distance=qe.Distance.Cosine,
            datatype=getattr(qe.VectorStorageDatatype, _DATATYPES[vectors.datatype]),
            memory=_memory(vectors, cold=vectors.on_disk, default="Cached"),
        ),
        hnsw_config=qe.HnswIndexConfig(
            m=graph["m"],
            ef_construct=graph["ef_construct"],
            full_scan_threshold=graph["full_scan_threshold"],
            max_indexing_threads=graph["max_indexing_threads"] or build_threads,
        ),
        quantization_config=_quantization(request),
        optimizers=qe.EdgeOptimizersConfig(
            deleted_threshold=deleted_threshold(request),
            vacuum_min_vector_number=1000,
            default_segment_number=1,
            max_segment_size=_SEGMENT_KB_MAX,
            indexing_threshold=threshold,
        ),
        # One search at a time runs in this process; a pool of threads only makes it wait longer.
        max_search_threads=1,
        payload_memory=qe.Memory.Cold,
        # Mapped files of 36 bytes a point in place of 40 bytes of heap, as fast and reclaimable.
        id_tracker_memory=getattr(qe.Memory, _MEMORY.get(request.id_tracker.memory, "Cold")),
        wal_enabled=False,
    )


def _graph(request: pb.CreateCollection) -> dict[str, int]:
    values = {
        "m": _M,
        "ef_construct": _EF_CONSTRUCT,
        "full_scan_threshold": _FULL_SCAN_KB,
        "max_indexing_threads": 0,
    }
    for source in (request.hnsw_config, request.vectors_config.params.hnsw_config):
        given = {field.name: value for field, value in source.ListFields()}
        values |= {name: int(given[name]) for name in values if name in given}
    return values


def _quantization(request: pb.CreateCollection) -> qe.QuantizationConfigType | None:
    own = request.vectors_config.params.quantization_config
    config = own if own.WhichOneof("quantization") else request.quantization_config
    kind = config.WhichOneof("quantization")
    if kind is None:
        return None
    if kind == "turboquant":
        turbo = config.turboquant
        bits = _BITS[turbo.bits] if turbo.HasField("bits") else "Bits4"
        return qe.TurboQuantQuantizationConfig(
            bits=getattr(qe.TurboQuantBitSize, bits), memory=_quantized_memory(turbo)
        )
    if kind == "scalar":
        return qe.ScalarQuantizationConfig(
            type=qe.ScalarType.Int8,
            quantile=config.scalar.quantile if config.scalar.HasField("quantile") else None,
            memory=_quantized_memory(config.scalar),
        )
    raise UnsupportedError(f"{kind} quantization is not served; use turboquant or scalar")


def _quantized_memory(config: pb.TurboQuantization | pb.ScalarQuantization) -> qe.Memory:
    cold = config.HasField("always_ram") and not config.always_ram
    return _memory(config, cold=cold, default="Pinned")


def _memory(
    config: pb.VectorParams | pb.TurboQuantization | pb.ScalarQuantization,
    *,
    cold: bool,
    default: str,
) -> qe.Memory:
    """Returns where a part lives; `memory` overrides the older flags, as on Qdrant."""
    named = _MEMORY.get(config.memory)
    memory: qe.Memory = getattr(qe.Memory, named or ("Cold" if cold else default))
    return memory
