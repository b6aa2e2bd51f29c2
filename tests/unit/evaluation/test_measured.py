"""Aim: what is measured with a second look is kept apart from what is measured without.

Method: run folders in an empty folder, and the environment a mesh would be started in.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.evaluation.measured import gateway_settings, run_folder

NAME = "SONICA_GATEWAY_SECOND_LOOK"


def test_answers_with_and_without_a_second_look_lie_apart(tmp_path: Path) -> None:
    once = run_folder(tmp_path, "dev")
    twice = run_folder(tmp_path, "dev", second_look=True)
    assert once != twice
    assert once.is_dir()
    assert run_folder(tmp_path, "dev", second_look=True) == twice


@pytest.mark.parametrize("before", [None, "true"])
def test_the_mesh_is_told_and_the_environment_left_as_it_was(
    monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    if before is None:
        monkeypatch.delenv(NAME, raising=False)
    else:
        monkeypatch.setenv(NAME, before)
    for second_look, said in ((True, "true"), (False, "false")):
        with gateway_settings(second_look=second_look):
            assert os.environ[NAME] == said
        assert os.environ.get(NAME) == before
