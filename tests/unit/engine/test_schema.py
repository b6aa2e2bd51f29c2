"""A definition becomes engine settings with nothing left to a default, or a typed refusal."""

from __future__ import annotations

import pytest
import qdrant_edge as qe

from mesh.local.engine import schema
from mesh.local.engine.errors import EngineError, InvalidArgumentError, UnsupportedError
from mesh.local.engine.stubs import collections_pb2 as pb


def request(**changes: object) -> pb.CreateCollection:
    params = pb.VectorParams(size=128, distance=pb.Cosine, datatype=pb.Turbo4)
    fields = {"collection_name": "a", "vectors_config": pb.VectorsConfig(params=params), **changes}
    return pb.CreateCollection(**fields)


def vectors(**changes: object) -> pb.CreateCollection:
    params = pb.VectorParams(**{"size": 128, "distance": pb.Cosine, **changes})
    return request(vectors_config=pb.VectorsConfig(params=params))


def test_every_setting_is_explicit() -> None:
    config = schema.engine_config(request(), build_threads=3)
    assert config.vectors[""].datatype == qe.VectorStorageDatatype.Turbo4
    assert config.vectors[""].memory == qe.Memory.Cached
    assert config.quantization_config is None
    graph, optimizers = config.hnsw_config, config.optimizers
    assert (graph.m, graph.ef_construct, graph.full_scan_threshold) == (16, 100, 1000)
    assert graph.max_indexing_threads == 3
    assert optimizers.indexing_threshold == 1000
    assert optimizers.default_segment_number == 1
    assert config.max_search_threads == 1
    assert config.wal_enabled is False


def test_given_settings_are_kept() -> None:
    given = vectors(
        datatype=pb.Float16,
        memory=pb.Cold,
        hnsw_config=pb.HnswConfigDiff(m=8),
        quantization_config=pb.QuantizationConfig(
            turboquant=pb.TurboQuantization(bits=pb.Bits4, memory=pb.Pinned)
        ),
    )
    given.hnsw_config.CopyFrom(pb.HnswConfigDiff(m=32, ef_construct=200, max_indexing_threads=1))
    given.optimizers_config.CopyFrom(pb.OptimizersConfigDiff(indexing_threshold=7))
    config = schema.engine_config(given, build_threads=3)
    assert config.vectors[""].datatype == qe.VectorStorageDatatype.Float16
    assert config.vectors[""].memory == qe.Memory.Cold
    assert (config.hnsw_config.m, config.hnsw_config.ef_construct) == (8, 200)
    assert config.hnsw_config.max_indexing_threads == 1
    assert config.optimizers.indexing_threshold == 7
    assert config.quantization_config.bits == qe.TurboQuantBitSize.Bits4
    assert config.quantization_config.memory == qe.Memory.Pinned


def test_older_flags_mean_what_they_meant() -> None:
    given = vectors(
        on_disk=True,
        quantization_config=pb.QuantizationConfig(
            turboquant=pb.TurboQuantization(bits=pb.Bits4, always_ram=True)
        ),
    )
    config = schema.engine_config(given, build_threads=1)
    assert config.vectors[""].memory == qe.Memory.Cold
    assert config.quantization_config.memory == qe.Memory.Pinned


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (request(collection_name=""), InvalidArgumentError),
        (request(collection_name="a/b"), InvalidArgumentError),
        (request(collection_name=".."), InvalidArgumentError),
        (request(collection_name="a" * 256), InvalidArgumentError),
        (request(vectors_config=None), UnsupportedError),
        (vectors(size=0), InvalidArgumentError),
        (vectors(size=5000), InvalidArgumentError),
        (vectors(distance=pb.Dot), UnsupportedError),
        (vectors(distance=pb.UnknownDistance), UnsupportedError),
        (vectors(datatype=pb.Uint8), UnsupportedError),
        (vectors(multivector_config=pb.MultiVectorConfig()), UnsupportedError),
        (vectors(hnsw_config=pb.HnswConfigDiff(m=1000)), InvalidArgumentError),
        (vectors(hnsw_config=pb.HnswConfigDiff(ef_construct=1)), InvalidArgumentError),
        (
            request(quantization_config=pb.QuantizationConfig(binary=pb.BinaryQuantization())),
            UnsupportedError,
        ),
        (
            request(optimizers_config=pb.OptimizersConfigDiff(deleted_threshold=2.0)),
            InvalidArgumentError,
        ),
    ],
)
def test_refused(bad: pb.CreateCollection, error: type[EngineError]) -> None:
    with pytest.raises(error):
        schema.check(bad)
