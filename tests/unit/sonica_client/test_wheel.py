"""Aim: the client is a distribution of its own, whole and typed, with all that it needs declared.

Method: its wheel is built and imported by an interpreter that sees nothing but the standard
library, the wheel, and the distributions that it declares, found among the installed ones.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROJECT = ROOT / "sdk" / "python"
PROGRAM = """
import sys
sys.path[:0] = sys.argv[1:]
import sonica_client
from sonica_client import SonicaSyncClient
assert sonica_client.__file__.startswith(sys.argv[1])
with SonicaSyncClient("127.0.0.1:1") as client:
    try:
        client.statistics(timeout_seconds=5)
    except sonica_client.SonicaError as error:
        print(error.reason)
"""


def stated(project: Path) -> dict[str, object]:
    table: dict[str, object] = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    return table


def needed(names: list[str]) -> set[str]:
    """Returns distributions, and those they need in turn, without those of extras."""
    found: set[str] = set()
    while names:
        name = re.split(r"[^\w.-]", names.pop())[0].lower()
        if name in found:
            continue
        found.add(name)
        names += [r for r in distribution(name).requires or [] if "extra ==" not in r]
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


def test_the_wheel_holds_the_client_and_its_types_only(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"sonica_client"}
    assert "sonica_client/py.typed" in names
    sources = {str(p.relative_to(PROJECT)) for p in (PROJECT / "sonica_client").rglob("*.py")}
    assert sources <= set(names)


def test_the_wheel_brings_licence_and_readme(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (licence,) = (name for name in archive.namelist() if name.endswith("/licenses/LICENSE"))
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        assert (PROJECT / "README.md").read_text() in archive.read(metadata).decode()


def test_it_works_with_what_it_declares_alone(wheel: Path, tmp_path: Path) -> None:
    site, others = tmp_path / "site", tmp_path / "others"
    zipfile.ZipFile(wheel).extractall(site)
    others.mkdir()
    declared = stated(PROJECT)["dependencies"]
    assert isinstance(declared, list)
    for name in needed([*declared]):
        found = distribution(name)
        # Two levels deep: `google` is shared by several.
        for parts in {file.parts[:2] for file in found.files or () if file.parts[0] != ".."}:
            link = others.joinpath(*parts)
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(Path(str(found.locate_file("/".join(parts)))))
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, str(site), str(others)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "SERVER_UNREACHABLE\n", "")


def test_both_distributions_have_one_version() -> None:
    assert stated(PROJECT)["version"] == stated(ROOT)["version"]
