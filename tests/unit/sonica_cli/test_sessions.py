"""Aim: the only good refresh token is never lost, and who waits for another command is told.

Method: the order in which the file is written, synchronised and moved; a lock held by another.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from sonica_client import Session

from sonica_cli import sessions
from sonica_cli.failures import CliError
from sonica_cli.sessions import KeptSession


def test_a_session_is_on_the_disk_before_it_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, lock = tmp_path / "credentials.json", tmp_path / "credentials.json.lock"
    kept = KeptSession("edge", tmp_path)
    kept.write(Session("a", "first"))
    synchronised: list[str] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        fsync(descriptor)
        (new,) = (each for each in tmp_path.iterdir() if each not in (path, lock))
        synchronised.extend(
            json.loads(file.read_text())["edge"]["refresh_token"] for file in (path, new)
        )

    monkeypatch.setattr(os, "fsync", watched)
    kept.write(Session("a", "second"))
    assert synchronised == ["first", "second"]
    assert kept.read() == Session("a", "second")
    assert {*tmp_path.iterdir()} == {path, lock}


async def test_a_refresh_takes_over_what_another_command_has_kept(tmp_path: Path) -> None:
    one, other = KeptSession("edge", tmp_path), KeptSession("edge", tmp_path)
    one.write(Session("a", "first"))
    async with one.exclusively() as kept:
        assert kept == Session("a", "first")
        one.write(Session("b", "second"))
    async with other.exclusively() as kept:
        assert kept == Session("b", "second")
    assert KeptSession("another edge", tmp_path).read() is None


async def test_waiting_for_another_command_is_said_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sessions, "_PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(sessions, "_WAIT_SECONDS_MAX", 0.3)
    one, other = KeptSession("edge", tmp_path), KeptSession("edge", tmp_path)
    async with one.exclusively():
        with pytest.raises(CliError, match="has held"):
            async with other.exclusively():
                raise AssertionError
        with pytest.raises(CliError, match="has held"):
            other.write(None)
    assert capsys.readouterr().err.count("Waiting for another command") == 2
    other.write(Session("a", "first"))
    assert one.read() == Session("a", "first")
