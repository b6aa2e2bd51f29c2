"""Aim: the README lists every setting as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from match_svc.settings import Settings
from mesh.runtime.settings import ServiceSettings

README = Path(__file__).resolve().parents[3] / "match_svc" / "README.md"


def test_the_readme_lists_every_setting() -> None:
    listed = re.findall(r"^\| `SONICA_MATCH_([A-Z_]+)` \|", README.read_text("utf-8"), re.MULTILINE)
    own = [name for name in Settings.model_fields if name not in ServiceSettings.model_fields]
    assert [name.lower() for name in listed] == own


@pytest.mark.parametrize("name", ["Sonica", "", "a-b", "x" * 60, "1a"])
def test_collection_names_that_could_confuse_are_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(
            {"database_url": "postgresql://", "qdrant_address": "x:1", "collection": name}
        )
