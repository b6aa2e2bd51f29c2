"""Aim: whoever copies an example out of a guide has a program that runs.

Method: the Python blocks of each guide are run in their order and in one namespace, in a folder
with some music, against a whole mesh with TLS, started and filled by the command;
`127.0.0.1:8080` stands for its address. A block that needs what a test has not, a microphone for
one, is marked `no-run`; it must compile all the same.
"""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mesh import local
from mesh.local.operator_key import operator_key
from tests.mesh import music
from tests.mesh.command import mesh_by_command

GUIDES = Path(__file__).resolve().parents[2] / "docs" / "guides"
BLOCK = re.compile(r"^```python *(no-run)?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PASSWORD = "correct horse battery"  # noqa: S105 - of nobody
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Block:
    """One example.

    Attributes:
        code: to run.
        line: of the guide at which it begins.
        runs: whether it is to be run here.
    """

    code: str
    line: int
    runs: bool


def blocks(guide: Path) -> list[Block]:
    text = guide.read_text(encoding="utf-8")
    return [
        Block(found[2], text[: found.start(2)].count("\n"), not found[1])
        for found in BLOCK.finditer(text)
    ]


WITH_EXAMPLES = [guide for guide in sorted(GUIDES.glob("*.md")) if blocks(guide)]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("guides")
    with (
        pytest.MonkeyPatch.context() as patch,
        mesh_by_command(folder / "data", "--tls") as sonica,
    ):
        mesh = local.status(sonica.data_dir).mesh
        assert mesh is not None
        key = operator_key(sonica.data_dir, mesh.edge_address)
        assert mesh.ca_certificate
        assert key
        song = folder / "The known song.wav"
        song.write_bytes(music.recording(0))
        sonica("index", song)
        patch.setenv("SONICA_ADDRESS", f"https://{mesh.edge_address}")
        patch.setenv("SONICA_CA_FILE", str(mesh.ca_certificate))
        patch.setenv("SONICA_API_KEY", key)
        yield os.environ["SONICA_ADDRESS"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Goes to a folder that has what the examples name."""
    (tmp_path / "clip.flac").write_bytes(music.long_excerpt(0))
    (tmp_path / "other.flac").write_bytes(music.long_excerpt(1))
    (tmp_path / "song.flac").write_bytes(music.recording(2))
    (tmp_path / "radio.wav").write_bytes(music.recording(0))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(getpass, "getpass", lambda *_: PASSWORD)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("guide", WITH_EXAMPLES, ids=lambda guide: guide.stem)
def test_examples_run(guide: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(guide):
        # As many empty lines before it as the guide has, so that a traceback names its line.
        source = "\n" * block.line + block.code.replace("127.0.0.1:8080", address)
        code = compile(source, str(guide), "exec")
        if block.runs:
            exec(code, names)  # noqa: S102 - our own examples
    said = capsys.readouterr().out
    if guide.stem == "python-client":
        assert said.count("The known song") >= 3


def test_no_example_is_overlooked() -> None:
    for guide in GUIDES.glob("*.md"):
        fences = re.findall(r"^ *```python.*$", guide.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(fences) == len(blocks(guide)), guide.stem
    assert {"python-client", "accounts"} <= {guide.stem for guide in WITH_EXAMPLES}
