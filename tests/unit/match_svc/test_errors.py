"""Aim: every reason the contracts promise exists here, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from match_svc import errors
from mesh.runtime.errors import declared_errors

ROOT = Path(__file__).resolve().parents[3]
CONTRACTS = (
    "proto/sonica/catalog/v1/catalog_service.proto",
    "proto/sonica/catalog/v1/import_service.proto",
    "proto/sonica/catalog/v1/operation_service.proto",
    "proto/sonica/matching/v1/matching_service.proto",
)


def test_reasons_are_those_of_the_contracts() -> None:
    promised: set[str] = set()
    for contract in CONTRACTS:
        text = (ROOT / contract).read_text(encoding="utf-8")
        for listed in re.findall(r"// Errors: ((?:.*\n\s*//)*?.*?)\.\n", text):
            promised |= set(re.findall(r"`([A-Z][A-Z_]+)`", listed))
    codes = {error.code.name for error in declared_errors(errors)}
    assert {error.reason for error in declared_errors(errors)} == promised - codes
    assert codes <= promised


def test_every_error_is_in_the_drawing() -> None:
    drawn = set(re.findall(r"── (\w+)\s+([A-Z_]+)", errors.__doc__ or ""))
    assert drawn == {(error.__name__, error.reason) for error in declared_errors(errors)}
