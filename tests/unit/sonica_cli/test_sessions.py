"""Aim: the only good refresh token is on the disk before the one before it is gone.

Method: the order in which the file is written, synchronised and moved.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from sonica_client import Session

from sonica_cli.sessions import SessionFile


def test_a_session_is_on_the_disk_before_it_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "credentials.json"
    kept = SessionFile(path)
    kept.write("edge", Session("a", "first"))
    synchronised: list[str] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        fsync(descriptor)
        (new,) = (each for each in tmp_path.iterdir() if each != path)
        synchronised.extend(
            json.loads(file.read_text())["edge"]["refresh_token"] for file in (path, new)
        )

    monkeypatch.setattr(os, "fsync", watched)
    kept.write("edge", Session("a", "second"))
    assert synchronised == ["first", "second"]
    assert kept.read("edge") == Session("a", "second")
    assert [*tmp_path.iterdir()] == [path]
