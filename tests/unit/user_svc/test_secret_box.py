"""Aim: a key file that cannot be used stops the start, and says so without showing a key."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from mesh.runtime.serve import StartError
from user_svc.secret_box import open_box


def test_no_file_no_box() -> None:
    assert open_box(None) is None


@pytest.mark.parametrize("text", [b"", b"\n", b"too-little", Fernet.generate_key() + b"\nnonsense"])
def test_what_is_no_key_file(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(text)
    with pytest.raises(StartError) as caught:
        open_box(path)
    assert str(path) in str(caught.value)
    assert "nonsense" not in str(caught.value)
    assert "too-little" not in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="No such file"):
        open_box(tmp_path / "nowhere")
