"""Aim: errors keep their meaning to the wire and back, and fit the headers that carry them."""

from __future__ import annotations

import sys
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from mesh.runtime import errors

Code = grpc.StatusCode


class TapeTornError(errors.ServiceError):
    """The tape is torn."""

    code = Code.DATA_LOSS
    reason = "TAPE_TORN"
    domain = "sonica.unit"
    metadata_keys = ("metre",)


class TapeBusyError(errors.ServiceError):
    """The tape is in use."""

    code = Code.UNAVAILABLE
    reason = "TAPE_BUSY"
    domain = "sonica.unit"


def unpacked(status: status_pb2.Status, kind: Any) -> list[Any]:
    found = []
    for detail in status.details:
        message = kind()
        if detail.Unpack(message):
            found.append(message)
    return found


def rpc_error(code: grpc.StatusCode, details: bytes | None, text: str = "") -> Any:
    trailing = grpc.aio.Metadata(*([(errors.STATUS_DETAILS_KEY, details)] if details else []))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, text, None)


def test_status_and_back() -> None:
    status = errors.to_status(TapeTornError("torn at 7 m; splice it", metre="7"))
    (info,) = unpacked(status, error_details_pb2.ErrorInfo)
    assert (info.reason, info.domain, dict(info.metadata)) == (
        "TAPE_TORN",
        "sonica.unit",
        {"metre": "7"},
    )
    back = errors.from_rpc_error(rpc_error(Code.DATA_LOSS, status.SerializeToString()))
    assert back is not None
    assert (back.code, back.reason, back.domain, back.metadata, str(back)) == (
        Code.DATA_LOSS,
        "TAPE_TORN",
        "sonica.unit",
        {"metre": "7"},
        "torn at 7 m; splice it",
    )
    assert errors.to_status(back) == status


@pytest.mark.parametrize(("given", "sent"), [(None, 1.0), (0.25, 0.25), (0.0, 0.0)])
def test_retry_info_goes_with_unavailable(given: float | None, sent: float) -> None:
    status = errors.to_status(TapeBusyError("busy", retry_after_seconds=given))
    (retry,) = unpacked(status, error_details_pb2.RetryInfo)
    assert retry.retry_delay.ToTimedelta().total_seconds() == sent
    torn = errors.to_status(TapeTornError("torn", retry_after_seconds=given))
    assert unpacked(torn, error_details_pb2.RetryInfo) == []


def test_undeclared_metadata_is_a_mistake_of_the_program() -> None:
    with pytest.raises(TypeError, match=r"TapeTornError: undeclared metadata \['meter'\]"):
        TapeTornError("torn", meter="7")


@pytest.mark.parametrize("reason", ["", "AB", "lower_case", "_LEADING", "TRAILING_", "A" * 64])
def test_reason_that_is_no_name(reason: str) -> None:
    with pytest.raises(TypeError, match="UPPER_SNAKE"):
        type("WrongError", (errors.ServiceError,), {"reason": reason})


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (Code.UNAVAILABLE, "UPSTREAM_UNAVAILABLE"),
        (Code.CANCELLED, "UPSTREAM_UNAVAILABLE"),
        (Code.DEADLINE_EXCEEDED, "UPSTREAM_DEADLINE_EXCEEDED"),
        (Code.RESOURCE_EXHAUSTED, "UPSTREAM_LIMIT_REACHED"),
        (Code.INTERNAL, None),
        (Code.UNKNOWN, None),
        (Code.UNIMPLEMENTED, None),
    ],
)
@pytest.mark.parametrize("details", [None, b"\xff\xff not a status"])
def test_untyped_failure(code: grpc.StatusCode, reason: str | None, details: bytes | None) -> None:
    found = errors.from_rpc_error(rpc_error(code, details, "connection refused"))
    assert (found.reason if found else None) == reason


@pytest.mark.parametrize(
    "words",
    [
        "Internal error from Core",
        "Stream removed (RST_STREAM (Received RST_STREAM with error code 2))",
    ],
)
def test_stream_that_was_cut_is_unavailable(words: str) -> None:
    found = errors.from_rpc_error(rpc_error(Code.INTERNAL, None, words))
    assert found is not None
    assert found.reason == "UPSTREAM_UNAVAILABLE"


def test_status_that_contradicts_its_call_is_not_believed() -> None:
    status = errors.to_status(TapeTornError("torn")).SerializeToString()
    found = errors.from_rpc_error(rpc_error(Code.UNAVAILABLE, status))
    assert found is not None
    assert found.reason == "UPSTREAM_UNAVAILABLE"


def test_long_texts_are_clipped_to_whole_characters() -> None:
    long = "\u20ac" * 1000
    error = errors.InvalidRequestError("sonica.unit", [(long, long, long)] * 40)
    status = errors.to_status(error)
    assert len(status.SerializeToString()) < 5_000
    assert status.message.endswith("\u2026")
    (bad,) = unpacked(status, error_details_pb2.BadRequest)
    assert len(bad.field_violations) == 5
    assert errors.clip("a\ud800b") == "a?b"


def test_declared_errors_lists_those_of_the_module_only() -> None:
    found = errors.declared_errors(sys.modules[__name__])
    assert [error.reason for error in found] == ["TAPE_BUSY", "TAPE_TORN"]
    own = {error.reason for error in errors.declared_errors(errors)}
    assert own == {
        "MESSAGE_TOO_LARGE",
        "PEER_REFUSED",
        "SERVER_BUSY",
        "UPSTREAM_DEADLINE_EXCEEDED",
        "UPSTREAM_LIMIT_REACHED",
        "UPSTREAM_UNAVAILABLE",
        "VALIDATION_FAILED",
    }
