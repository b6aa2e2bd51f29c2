"""The command as such: help, exit codes, failures in words, no traceback, a quick start.

Method: some cases run as a process of their own, because what is tested is the process.
"""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from mesh.runtime.errors import declared_errors, error_modules
from sonica_cli import failures, reference
from sonica_cli.commands.mesh import _is_private
from sonica_cli.failures import CliError, describe
from sonica_cli.screen import clock
from tests.unit.sonica_cli.conftest import Sonica

ROOT = Path(__file__).resolve().parents[3]
COMMANDS = (
    ("up",),
    ("down",),
    ("status",),
    ("doctor",),
    ("index",),
    ("recognize",),
    ("listen",),
    ("tracks", "list"),
    ("tracks", "show"),
    ("tracks", "delete"),
    ("rebuild-index",),
    ("trace",),
    ("explain",),
    ("demo",),
)


def process(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "sonica_cli", *arguments]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(sonica: Sonica, command: tuple[str, ...]) -> None:
    ran = sonica(*command, "--help")
    assert ran.code == 0
    assert "Usage: sonica" in ran.out


def test_help_names_every_command(sonica: Sonica) -> None:
    shown = sonica("--help").out
    assert all(command[0] in shown for command in COMMANDS)


def test_help_is_there_at_once() -> None:
    subprocess.run(process("--help"), cwd=ROOT, check=True, capture_output=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(process("--help"), cwd=ROOT, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Time of the processor, because others use the machine too.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; sys.argv = ['sonica', '--help']; from sonica_cli.main import run; run();"
        "heavy = {'grpc', 'numpy', 'av', 'PIL', 'sonica_client', 'sonica_core', 'mesh'};"
        "sys.exit(str(heavy & sys.modules.keys()) if heavy & sys.modules.keys() else 0)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_reader_that_has_had_enough_is_no_failure() -> None:
    with subprocess.Popen(
        process("--help"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.close()
        said = command.stderr.read().decode()
    assert "Traceback" not in said
    assert "error" not in said.lower()


def test_fault_in_sonica_is_one_sentence(sonica: Sonica, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("sonica_cli.recordings.below", break_down)
    ran = sonica("index", "x")
    assert ran.code == failures.FAULT
    assert "a fault in Sonica itself: ZeroDivisionError" in ran.err
    assert "SONICA_TRACEBACK" in ran.err


def test_failures_have_words() -> None:
    assert describe(CliError("no", "do this", exit_code=2)) == failures.Failure(
        "no", "do this", exit_code=2
    )
    missing = FileNotFoundError(2, "No such file or directory", "x.wav")
    assert describe(missing).message == "x.wav: No such file or directory"


def test_advice_belongs_to_reasons_that_exist() -> None:
    """Every reason with advice is one that the services or the client use."""
    services = ("fingerprint_svc", "match_svc", "user_svc", "gateway")
    modules = [module for service in services for module in error_modules(service)]
    reasons = {error.reason for module in modules for error in declared_errors(module)}
    for path in (ROOT / "sdk" / "python" / "sonica_client").glob("*.py"):
        reasons |= set(re.findall(r'"([A-Z][A-Z0-9_]+)"', path.read_text()))
    assert set(failures._ADVICE) <= reasons


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0:00.0"),
        (83.25, "1:23.2"),
        (59.96, "1:00.0"),
        (-1.5, "-0:01.5"),
        (-0.04, "0:00.0"),
        (3723.4, "1:02:03.4"),
    ],
)
def test_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_status_without_a_mesh(sonica: Sonica) -> None:
    ran = sonica("status")
    assert ran.code == 1
    assert "stopped" in ran.out
    assert "sonica up" in ran.err


def test_down_without_a_mesh(sonica: Sonica) -> None:
    assert sonica("down").code == 0


def test_trace_without_spans(sonica: Sonica, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sonica_cli.commands.trace._FLUSH_SECONDS", 0.0)
    ran = sonica("trace", "ab" * 16)
    assert ran.code == 1
    assert "no trace" in ran.err
    assert sonica("trace").code == 2
    assert sonica("trace", "--last").code == 1


def test_explain_wants_a_png(sonica: Sonica) -> None:
    assert sonica("explain", "x.wav", "--out", "x.jpg").code == 1


def test_reference_is_up_to_date() -> None:
    committed = (ROOT / "docs" / "reference" / "cli.md").read_text()
    assert committed == "\n".join(reference.lines()) + "\n", "run `make gen`"


def test_guide_names_every_command_and_exit_code() -> None:
    guide = (ROOT / "docs" / "guides" / "cli.md").read_text()
    assert [name for name, *_ in COMMANDS if name not in guide] == []
    for code in (0, failures.FAILED, failures.MISUSED, failures.FAULT, failures.INTERRUPTED):
        assert f"| {code} |" in guide


@pytest.mark.parametrize(
    ("address", "private"),
    [("127.0.0.1:8080", True), ("[::1]:8080", True), ("0.0.0.0:8080", False), ("[::]:80", False)],
)
def test_address_that_others_reach_is_known(address: str, private: bool) -> None:
    assert _is_private(address) is private
