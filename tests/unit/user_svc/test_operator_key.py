"""Aim: the operator's key is compared whole, and a file without one stops the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.runtime.serve import StartError
from user_svc.operator_key import read_operator_key

TEXT = "op_" + "aB3-_" * 9


def test_only_the_very_key_fits(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{TEXT}\n")
    key = read_operator_key(file)
    assert key is not None
    assert key.fits(TEXT)
    for text in ("", "op_", TEXT[:-1], f"{TEXT}a", TEXT.lower(), f" {TEXT}", "\u0130"):
        assert not key.fits(text)


def test_no_file_means_no_operator() -> None:
    assert read_operator_key(None) is None


@pytest.mark.parametrize(
    "content", ["", "op_short", "sk_" + "a" * 43, "op_" + "é" * 43, "op_\n" * 9]
)
def test_a_file_without_a_key_is_refused_and_not_shown(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content)
    with pytest.raises(StartError) as caught:
        read_operator_key(file)
    assert not content or content not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="operator key"):
        read_operator_key(tmp_path / "none")
