"""Where everything lies: the folders of one data directory and the sockets of its parts.

All internal addresses are Unix sockets, so that no port but the edge's is ever taken and nobody
but the owner can connect. Socket paths are short by nature of the kernel: below a long data folder
they move to a private folder under the temporary one, found again by a hash of the data folder.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import socket
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mesh.local.errors import DataDirUnusableError, DiskFullError

# sun_path holds 104 bytes on macOS, its final zero included; PostgreSQL's socket is the longest.
_SOCKET_PATH_BYTES_MAX = 103
_LONGEST_SOCKET = "postgres/.s.PGSQL.5432"
_FREE_BYTES_MIN = 64 * 1024 * 1024
_FOLDERS = ("index", "spans", "logs", "run")


@dataclass(frozen=True)
class Layout:
    """Paths of one data directory; makes nothing by itself.

    Attributes:
        data_dir: absolute.
        socket_dir: `data_dir/run`, or a short private folder when that is too long.
    """

    data_dir: Path
    socket_dir: Path

    @classmethod
    def of(cls, data_dir: Path) -> Layout:
        """Returns the layout of `data_dir`, which need not exist."""
        data_dir = data_dir.expanduser().absolute()
        run_dir = data_dir / "run"
        if len(os.fsencode(run_dir / _LONGEST_SOCKET)) <= _SOCKET_PATH_BYTES_MAX:
            return cls(data_dir, run_dir)
        name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
        name = f"sonica-{os.geteuid()}-{name}"
        short = Path(tempfile.gettempdir()) / name
        if len(os.fsencode(short / _LONGEST_SOCKET)) > _SOCKET_PATH_BYTES_MAX:
            short = Path("/tmp") / name  # noqa: S108 - private inside, see _check_private
        return cls(data_dir, short)

    @property
    def run_dir(self) -> Path:
        """Lock, state and generated configuration."""
        return self.data_dir / "run"

    @property
    def lock(self) -> Path:
        """File that the running mesh holds locked."""
        return self.run_dir / "lock"

    @property
    def state(self) -> Path:
        """Addresses, process ids and states of the running mesh."""
        return self.run_dir / "mesh.json"

    @property
    def operator_key(self) -> Path:
        """Key of whoever runs the mesh, for the owner alone."""
        return self.run_dir / "operator.key"

    @property
    def spans_dir(self) -> Path:
        """OTLP-JSON files."""
        return self.data_dir / "spans"

    @property
    def logs_dir(self) -> Path:
        """One log a part."""
        return self.data_dir / "logs"

    def log(self, part: str) -> Path:
        """Returns the log file of a part."""
        return self.logs_dir / f"{part}.log"

    def socket(self, part: str) -> Path:
        """Returns the socket of a part."""
        return self.socket_dir / f"{part}.sock"

    def target(self, part: str) -> str:
        """Returns the gRPC target of a part, `unix:/...`."""
        return f"unix:{self.socket(part)}"

    def prepare(self) -> None:
        """Makes the folders that are missing and checks that they can be used.

        Raises:
            DataDirUnusableError: a path is no folder, cannot be made, or is not writable.
            DiskFullError: less than 64 MiB are free.
        """
        try:
            self._make_folders()
        except OSError as error:
            raise _unusable(self.data_dir, error) from error
        free = shutil.disk_usage(self.data_dir).free
        if free < _FREE_BYTES_MIN:
            raise DiskFullError(
                f"only {free // 2**20} MiB are free on the disk of {self.data_dir}; "
                f"at least {_FREE_BYTES_MIN // 2**20} MiB are needed to start",
                "Free some space, or choose another folder with --data.",
            )

    def _make_folders(self) -> None:
        # As root, PostgreSQL runs as another user and must be able to walk through these.
        mode = 0o711 if os.geteuid() == 0 else 0o700
        if not self.data_dir.is_dir():
            self.data_dir.mkdir(mode=mode, parents=True)
        for name in _FOLDERS:
            (self.data_dir / name).mkdir(mode=mode if name == "run" else 0o700, exist_ok=True)
        if self.socket_dir != self.run_dir:
            self.socket_dir.mkdir(mode=mode, exist_ok=True)
            _check_private(self.socket_dir)
        with tempfile.TemporaryFile(dir=self.run_dir) as file:
            file.write(b"\0" * 4096)
        # Some shared and network folders hold files but no sockets.
        probe = self.socket(f"probe-{os.getpid()}")
        try:
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(str(probe))
        finally:
            probe.unlink(missing_ok=True)


def _check_private(folder: Path) -> None:
    """Refuses a folder under the shared temporary one that somebody else made or may change."""
    found = folder.lstat()
    if (
        not stat.S_ISDIR(found.st_mode)
        or found.st_uid != os.geteuid()
        or stat.S_IMODE(found.st_mode) & 0o066
    ):
        raise DataDirUnusableError(
            f"{folder} is needed for sockets but is not a private folder of this user",
            "Remove it, or choose a data folder with a shorter path.",
        )


def _unusable(data_dir: Path, error: OSError) -> DataDirUnusableError | DiskFullError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(
            f"no space left for {error.filename or data_dir}",
            "Free some space, or choose another folder with --data.",
        )
    return DataDirUnusableError(
        f"cannot use the data folder {data_dir}: {error.strerror}: {error.filename or data_dir}",
        "Choose another folder with --data or SONICA_DATA_DIR.",
    )
