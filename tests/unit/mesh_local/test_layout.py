"""Aim: a data folder is usable, private and reachable by socket, or refused with a typed error.

Method: real folders in a temporary place, also ones that are too long, read-only, or not ours.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections import namedtuple
from pathlib import Path

import pytest

from mesh.local.errors import DataDirUnusableError, DiskFullError
from mesh.local.layout import Layout

LONG = "a-folder-with-a-long-name/" * 5


def test_short_folder_keeps_its_sockets_inside(tmp_path: Path) -> None:
    layout = Layout.of(Path("/srv/sonica"))
    assert layout.socket("gateway") == Path("/srv/sonica/run/gateway.sock")
    assert layout.target("gateway") == "unix:/srv/sonica/run/gateway.sock"


def test_every_socket_path_can_be_bound_below_a_long_folder(tmp_path: Path) -> None:
    layout = Layout.of(tmp_path / LONG)
    layout.prepare()
    try:
        (layout.socket_dir / "postgres").mkdir()
        for path in (layout.socket("fingerprint"), layout.socket_dir / "postgres/.s.PGSQL.5432"):
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(str(path))
    finally:
        shutil.rmtree(layout.socket_dir)


def test_long_folders_have_socket_folders_of_their_own(tmp_path: Path) -> None:
    one, other = Layout.of(tmp_path / LONG / "one"), Layout.of(tmp_path / LONG / "two")
    assert one.socket_dir != other.socket_dir
    assert one.socket_dir == Layout.of(tmp_path / LONG / "one").socket_dir


def test_folders_are_private(tmp_path: Path) -> None:
    layout = Layout.of(tmp_path / "data")
    layout.prepare()
    layout.prepare()
    for folder in (layout.data_dir, layout.spans_dir, layout.logs_dir, layout.run_dir):
        assert folder.stat().st_mode & 0o066 == 0


@pytest.mark.parametrize("fault", ["symbolic link", "open to others"])
def test_socket_folder_that_is_not_private_is_refused(tmp_path: Path, fault: str) -> None:
    layout = Layout.of(tmp_path / LONG)
    if fault == "symbolic link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        layout.socket_dir.symlink_to(tmp_path / "elsewhere")
    else:
        layout.socket_dir.mkdir()
        layout.socket_dir.chmod(0o777)
    try:
        with pytest.raises(DataDirUnusableError, match="private folder"):
            layout.prepare()
    finally:
        if layout.socket_dir.is_symlink():
            layout.socket_dir.unlink()
        else:
            layout.socket_dir.rmdir()


def test_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    with pytest.raises(DataDirUnusableError, match="data"):
        Layout.of(tmp_path / "data").prepare()
    with pytest.raises(DataDirUnusableError, match="Choose another folder"):
        Layout.of(tmp_path / "data" / "below").prepare()
    assert (tmp_path / "data").read_text() == "mine"


def test_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        # Permissions do not stop root; a kernel file system does.
        with pytest.raises(DataDirUnusableError):
            Layout.of(Path("/proc/sonica")).prepare()
        return
    tmp_path.chmod(0o500)
    with pytest.raises(DataDirUnusableError, match="Permission denied"):
        Layout.of(tmp_path / "data").prepare()


def test_nearly_full_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(2**30, 2**30, 5 * 2**20))
    with pytest.raises(DiskFullError, match="only 5 MiB are free"):
        Layout.of(tmp_path / "data").prepare()


def test_full_disk_is_refused(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small disk to fill: {mounted.stderr.decode().strip()}")
    try:
        (disk / "filler").write_bytes(b"\0" * 65536)
        with pytest.raises(DiskFullError):
            Layout.of(disk / "data").prepare()
    finally:
        subprocess.run(["umount", str(disk)], check=True)
