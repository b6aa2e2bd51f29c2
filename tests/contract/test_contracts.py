"""The contracts as compiled: what every service, method and error of them must have.

Method: walks the committed descriptor set, the same one Envoy transcodes from.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

from mesh.envoy.contracts import Level, rpcs
from user_svc.rate_limit_servicer import RECOGNITIONS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def files() -> list[FileDescriptorProto]:
    raw = (ROOT / "mesh" / "envoy" / "contracts.binpb").read_bytes()
    return list(FileDescriptorSet.FromString(raw).file)


@pytest.fixture(scope="module")
def ours(files: list[FileDescriptorProto]) -> list[FileDescriptorProto]:
    return [file for file in files if file.package.startswith("sonica.")]


def test_every_package_is_versioned_and_in_the_set(ours: list[FileDescriptorProto]) -> None:
    assert {file.package for file in ours} == {
        "sonica.access.v1",
        "sonica.audio.v1",
        "sonica.catalog.v1",
        "sonica.fingerprint.v1",
        "sonica.matching.v1",
        "sonica.recognition.v1",
        "sonica.user.v1",
    }


def test_error_details_can_be_printed_by_the_proxy(files: list[FileDescriptorProto]) -> None:
    """Envoy drops a whole REST error body when the type of one detail is not in the set."""
    known = {f".{file.package}.{message.name}" for file in files for message in file.message_type}
    assert {".google.rpc.ErrorInfo", ".google.rpc.BadRequest", ".google.rpc.RetryInfo"} <= known


def test_requests_and_responses_are_of_their_own(ours: list[FileDescriptorProto]) -> None:
    used = [
        name
        for file in ours
        for service in file.service
        for method in service.method
        for name in (method.input_type, method.output_type)
    ]
    # What takes longer than a call is told in the shape that everybody knows.
    used = [name for name in used if name != ".google.longrunning.Operation"]
    assert len(used) == len(set(used))


def test_vectors_and_audio_travel_as_bytes(ours: list[FileDescriptorProto]) -> None:
    """A repeated float costs tens of times the encoding of the same numbers as bytes."""
    floats = {FieldDescriptorProto.TYPE_FLOAT, FieldDescriptorProto.TYPE_DOUBLE}

    def repeated_floats(message: DescriptorProto) -> list[str]:
        return [
            f"{message.name}.{field.name}"
            for field in message.field
            if field.type in floats and field.label == FieldDescriptorProto.LABEL_REPEATED
        ]

    # At most eight settings of an analysis are no vector.
    allowed = ["ExtractFingerprintRequest.pitch_factors"]
    assert [
        f for file in ours for message in file.message_type for f in repeated_floats(message)
    ] == allowed


def test_every_list_is_paged(ours: list[FileDescriptorProto]) -> None:
    messages = {m.name: {f.name for f in m.field} for file in ours for m in file.message_type}
    lists = [name for name in messages if name.startswith("List") and name.endswith("Request")]
    assert lists
    for name in lists:
        assert {"page_size", "page_token"} <= messages[name]
        assert "next_page_token" in messages[name.replace("Request", "Response")]


def test_what_a_key_for_recognising_may_do_counts_for_the_day() -> None:
    paths = {
        f"/{rpc.service}/{rpc.name}"
        for rpc in rpcs()
        if rpc.access.scope == "RECOGNIZE" and rpc.access.level is not Level.INTERNAL
    }
    assert set(RECOGNITIONS) == paths
