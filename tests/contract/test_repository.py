"""The rules of the house that no linter knows, checked on the files git tracks.

Method: each rule is a function from (path, text) to complaints; it is shown to fail on a bad
example before it is applied to the repository.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]
GENERATED = (
    "sdk/python/sonica/",
    "sdk/python/buf/",
    "sdk/python/sonica_client/_messages/",
    "sdk/python/sonica_client/methods.py",
    "sdk/python/sonica_client/sync/",
)
Rule = Callable[[str, str], list[str]]


def says_nothing(path: str, _text: str) -> list[str]:
    stem = PurePosixPath(path).stem
    empty = {"util", "utils", "common", "helper", "helpers", "misc", "base", "manager", "types"}
    return [f"{path}: the name says nothing; name the noun"] if stem in empty else []


def contract_elsewhere(path: str, _text: str) -> list[str]:
    inside = path.startswith("proto/")
    return [f"{path}: contracts live in proto/"] if path.endswith(".proto") and not inside else []


def package_is_not_path(path: str, text: str) -> list[str]:
    if not path.startswith("proto/sonica/") or not path.endswith(".proto"):
        return []
    package = ".".join(PurePosixPath(path).parent.parts[1:])
    return [] if f"\npackage {package};\n" in text else [f"{path}: package is not {package}"]


def reads_environment(path: str, text: str) -> list[str]:
    """Settings classes, the launcher and the command line read it; nothing else in a service."""
    services = ("fingerprint_svc/", "match_svc/", "user_svc/", "gateway/")
    if not path.startswith(services) or not path.endswith(".py"):
        return []
    return [f"{path}: reads the environment"] if re.search(r"\bos\.(environ|getenv)", text) else []


def unfinished(path: str, text: str) -> list[str]:
    if (
        not path.endswith((".py", ".rs", ".proto", ".sql"))
        or path == "tests/contract/test_repository.py"
    ):
        return []
    marks = re.findall(r"\b(?:TODO|FIXME|XXX|HACK)\b|todo!\(|unimplemented!\(", text)
    return [f"{path}: left-over mark {mark}" for mark in marks]


def long_file(path: str, text: str) -> list[str]:
    if not path.endswith((".py", ".rs")):
        return []
    lines = text.count("\n")
    return [f"{path}: {lines} lines; a person reads up to 500 in one go"] if lines > 500 else []


RULES: dict[Rule, tuple[str, str]] = {
    says_nothing: ("match_svc/utils.py", ""),
    contract_elsewhere: ("gateway/api.proto", ""),
    package_is_not_path: ("proto/sonica/audio/v1/a.proto", "\npackage sonica.video.v1;\n"),
    reads_environment: ("gateway/service.py", "os.environ['X']"),
    unfinished: ("gateway/service.py", "# TODO later"),
    long_file: ("gateway/service.py", "\n" * 501),
}


@pytest.fixture(scope="module")
def tracked() -> dict[str, str]:
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    texts = {}
    for name in names:
        path = ROOT / name
        if path.is_file() and not name.startswith(GENERATED):
            texts[name] = path.read_bytes().decode("utf-8", errors="replace")
    return texts


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_can_fail(rule: Rule) -> None:
    assert rule(*RULES[rule])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_repository_keeps_rule(rule: Rule, tracked: dict[str, str]) -> None:
    complaints = [c for path, text in tracked.items() for c in rule(path, text)]
    assert complaints == []
