"""Errors as answers: `google.rpc.Status`, the details it may carry, and which route has which."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

import grpc

from docs.reference.openapi.rules import Schema
from mesh.envoy.access_replies import ACCESS_ERRORS, Refusal
from mesh.envoy.local_replies import DOMAIN, LOCAL_ERRORS, LocalError
from mesh.runtime.errors import declared_errors, error_modules

HTTP_STATUS = {
    "CANCELLED": 499, "UNKNOWN": 500, "INVALID_ARGUMENT": 400, "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404, "ALREADY_EXISTS": 409, "PERMISSION_DENIED": 403, "UNAUTHENTICATED": 401,
    "RESOURCE_EXHAUSTED": 429, "FAILED_PRECONDITION": 400, "ABORTED": 409, "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501, "INTERNAL": 500, "UNAVAILABLE": 503, "DATA_LOSS": 500,
}  # fmt: skip
_KINDS = ("application/json",)
_MODULES = (
    "mesh.runtime", "fingerprint_svc", "match_svc", "user_svc", "gateway",
)  # fmt: skip
_NAMES = {
    400: "Invalid", 401: "NotAuthenticated", 403: "NotAllowed", 404: "NotFound", 409: "Conflict",
    413: "TooLarge", 415: "WrongContentType", 429: "TooMuch", 500: "Failed", 503: "Unavailable",
    504: "TooLate",
}  # fmt: skip
_MEANINGS = {
    400: "The request breaks a limit of its contract, or brings what cannot be used.",
    401: "A credential is missing, or was refused.",
    403: "The credential is good, but not for this.",
    404: "There is no such thing, or no such route.",
    409: "It clashes with what there is.",
    413: "The body is too large.",
    415: "The body is of a type this route does not take.",
    429: "A limit is reached; `RetryInfo` says when to try again.",
    499: "It was cancelled.",
    500: "Sonica failed; the message names the trace.",
    503: "A part of Sonica is away; `RetryInfo` says when to try again.",
    504: "The answer took longer than the deadline.",
}
_DETAIL: dict[str, Schema] = {
    "ErrorInfo": {
        "reason": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]{1,61}[A-Z0-9]$"},
        "domain": {"type": "string", "examples": ["sonica.recognition", DOMAIN]},
        "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "BadRequest": {
        "fieldViolations": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string", "description": "Path of the field, snake_case."},
                    "description": {"type": "string", "description": "The rule it breaks."},
                },
            },
        }
    },
    "QuotaFailure": {
        "violations": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "subject": {"type": "string", "description": "Whose limit it is."},
                    "description": {"type": "string", "description": "Which limit it is."},
                },
            },
        }
    },
    "RetryInfo": {
        "retryDelay": {"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,9})?s$"},
    },
}
_SAID = {
    "ErrorInfo": "Why, for programs; exactly one in every error.",
    "BadRequest": "Which fields break which rules.",
    "QuotaFailure": "Which limit is reached.",
    "RetryInfo": "How long to wait before trying again.",
}


def schemas() -> dict[str, Schema]:
    """Returns the schemas of errors, by component name."""
    found: dict[str, Schema] = {}
    for name, properties in _DETAIL.items():
        kind = f"type.googleapis.com/google.rpc.{name}"
        found[name] = {
            "type": "object",
            "description": _SAID[name],
            "properties": {"@type": {"type": "string", "const": kind}, **properties},
            "required": ["@type"],
        }
    found["ErrorInfo"]["required"] += ["reason", "domain"]
    found["Status"] = {
        "type": "object",
        "description": "An error, `google.rpc.Status`.",
        "properties": {
            "code": {"type": "integer", "description": "gRPC's number.", "minimum": 1},
            "message": {"type": "string", "description": "What is wrong, for people."},
            "details": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "description": "`ErrorInfo`, `BadRequest`, `QuotaFailure` or `RetryInfo`, "
                    "told apart by `@type`; there may be others.",
                    "properties": {"@type": {"type": "string"}},
                    "required": ["@type"],
                    "additionalProperties": True,
                },
            },
        },
        "required": ["code", "message", "details"],
    }
    return found


def responses() -> dict[str, Schema]:
    """Returns the answers that many routes share, by component name."""
    return {name: _response(status) for status, name in _NAMES.items()}


def reasons() -> Iterator[Schema]:
    """Yields every reason an error can have: services' first, then the edge's own."""
    for name in _MODULES:
        found = (error for module in error_modules(name) for error in declared_errors(module))
        for error in found:
            yield {
                "domain": getattr(error, "domain", "that of the request"),
                "reason": error.reason,
                "status": HTTP_STATUS[error.code.name],
                "code": error.code.name,
                "metadata": list(error.metadata_keys),
                "when": " ".join((error.__doc__ or "").split("\n\n")[0].split()),
            }
    names = {code.value[0]: code.name for code in grpc.StatusCode}
    # The other refusal is in the words and under the domain of user_svc.
    undecided = [refusal for refusal in ACCESS_ERRORS if refusal.domain == DOMAIN]
    local_errors: list[LocalError | Refusal] = [*LOCAL_ERRORS, *undecided]
    for local in local_errors:
        yield {
            "domain": DOMAIN,
            "reason": local.reason,
            "status": local.status,
            "code": names[local.code],
            "metadata": [],
            "when": "" if "%" in local.message else local.message,
        }


def error_responses(
    said: str, said_of_service: str, *, secured: bool, has_body: bool, kinds: Sequence[str]
) -> dict[str, Schema]:
    """Returns the error answers of a route by status.

    Args:
        said: comment of the RPC, which names its own reasons.
        said_of_service: comment of its service, which names those of the credentials.
        secured: whether the route looks at credentials.
        has_body: whether it takes a body.
        kinds: content types of its errors.
    """
    named: dict[int, list[str]] = defaultdict(list)
    for text in (said_of_service, said) if secured else (said,):
        for code, reason in _named(text):
            named[HTTP_STATUS[code]].append(reason)
    statuses = {400, 404, 429, 500, 503, 504} | set(named)
    if secured:
        statuses |= {401, 403}
    if has_body:
        statuses |= {413, 415}
    return {
        str(status): _response(status, sorted(set(named[status])), kinds)
        if named[status] or tuple(kinds) != _KINDS
        else {"$ref": f"#/components/responses/{_NAMES[status]}"}
        for status in sorted(statuses)
    } | {"default": {"$ref": "#/components/responses/Failed"}}


def _named(text: str) -> Iterator[tuple[str, str]]:
    """Yields (code, reason) of phrases like "`NOT_FOUND` / `TRACK_NOT_FOUND`, `OTHER`"."""
    for code, reasons in re.findall(r"`([A-Z_]+)` / ((?:`[A-Z_]+`(?:, | and | or )?)+)", text):
        if code in HTTP_STATUS:
            for reason in re.findall(r"`([A-Z_]+)`", reasons):
                yield code, reason


def _response(status: int, named: Sequence[str] = (), kinds: Sequence[str] = _KINDS) -> Schema:
    meaning = _MEANINGS[status]
    if named:
        meaning += f" Reasons here: {', '.join(f'`{reason}`' for reason in named)}."
    schema = {"$ref": "#/components/schemas/Status"}
    return {"description": meaning, "content": {kind: {"schema": schema} for kind in kinds}}
