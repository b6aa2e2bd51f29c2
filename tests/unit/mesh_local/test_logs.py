"""Aim: logs are bounded, also under a program that writes on, and their end can be told.

Method: real files and a real writer.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from mesh.local import logs


def test_log_is_cut_below_a_writer(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with logs.open_log(log) as output:
        output.write(b"old\n" * 3_000_000)
        logs.bound_log(log)
        assert log.stat().st_size == 0
        subprocess.run(["echo", "new"], stdout=output, check=True)
    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "a.log.1").stat().st_size == 12_000_000


def test_small_log_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    for _ in range(2):
        with logs.open_log(log) as output:
            output.write(b"line\n")
    assert log.read_bytes() == b"line\nline\n"


def test_tail_tells_the_last_lines_of_this_run(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    assert logs.tail(log) == ""
    log.write_text("before " * 10 + "\n")
    since = logs.size(log)
    with log.open("a") as output:
        output.writelines(f"line {number}\n\n" for number in range(20))
    assert logs.tail(log, since, 3) == "line 17\nline 18\nline 19"
    assert "before" not in logs.tail(log, since, 100)
    log.write_bytes(b"\xff after a cut\n")
    assert logs.tail(log, since) == "\ufffd after a cut"
