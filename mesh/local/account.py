"""The user PostgreSQL runs as.

PostgreSQL refuses to run as root. Root therefore starts it as an unprivileged user that the system
has already; nothing is added to the system and no permission outside the data folder changes.
Where that user cannot walk to the programs or the data (a home directory of mode 700), the process
keeps one capability, to walk through folders it may not list: far less than root, and nothing has
to be copied or opened up.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mesh.local.errors import DataDirUnusableError, ProgramMissingError

_CANDIDATES = ("postgres", "nobody", "daemon")

# linux/capability.h, linux/prctl.h and linux/securebits.h
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2
_CAP_SETPCAP = 8
_CAPABILITY_VERSION_3 = 0x20080522
_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2


@dataclass(frozen=True)
class Account:
    """A user a child process runs as.

    Attributes:
        name: as in the user database.
        uid: user id.
        gid: its primary group.
        capability: number of the one capability the process keeps; None keeps none.
    """

    name: str
    uid: int
    gid: int
    capability: int | None = None

    def own(self, path: Path) -> None:
        """Gives `path`, something of ours inside the data folder, to this user."""
        os.chown(path, self.uid, self.gid)

    def assume(self) -> None:
        """Makes this user the one of the calling process, which must be root and about to exec."""
        os.setgroups([])
        os.setgid(self.gid)
        if self.capability is None:
            os.setuid(self.uid)
            return
        # Else the change of user would clear the capability, and so would every access(2), by
        # which PostgreSQL looks for its own programs.
        _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
        os.setuid(self.uid)
        _keep_only(self.capability)


def for_postgres(paths: Iterable[Path]) -> Account | None:
    """Returns the user to run PostgreSQL as; None when that is simply the current one.

    Args:
        paths: folders that the user must be able to enter; the part that exists is looked at.

    Raises:
        DataDirUnusableError: the user cannot reach a path and no capability is to be had.
        ProgramMissingError: there is no unprivileged user, or no name for the current one.
    """
    if os.geteuid() != 0:
        _name_of_current_user()
        return None
    found = next(filter(None, map(_look_up, _CANDIDATES)), None)
    if found is None:
        raise ProgramMissingError(
            "PostgreSQL refuses to run as root and this system has no user named "
            + " or ".join(_CANDIDATES),
            "Run as an ordinary user, or set DATABASE_URL to a PostgreSQL of yours.",
        )
    account = Account(found.pw_name, found.pw_uid, found.pw_gid)
    closed = next(filter(None, (first_closed(path, account) for path in paths)), None)
    if closed is None:
        return account
    return Account(account.name, account.uid, account.gid, _capability_for(closed, account))


def current_user_name() -> str:
    """Returns the name of the user the services run as, as PostgreSQL's peer check sees it."""
    return _name_of_current_user()


def first_closed(path: Path, account: Account) -> Path | None:
    """Returns the first folder on the way to `path` that `account` may not enter; None if none."""
    path = path.resolve()
    for folder in (*reversed(path.parents), path):
        try:
            found = folder.stat()
        except FileNotFoundError:
            return None
        if account.uid == found.st_uid:
            allowed = found.st_mode & 0o100
        elif account.gid == found.st_gid:
            allowed = found.st_mode & 0o010
        else:
            allowed = found.st_mode & 0o001
        if not allowed:
            return folder
    return None


def _capability_for(closed: Path, account: Account) -> int:
    """Returns the weakest capability we hold that walks through `closed`."""
    held = _held_capabilities()
    for capability in (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE):
        if held >> capability & held >> _CAP_SETPCAP & 1:
            return capability
    raise DataDirUnusableError(
        f"PostgreSQL runs as the user {account.name} (it refuses root), "
        f"and that user may not enter {closed}",
        "Choose a data folder and an installation that every user can reach, "
        "run as an ordinary user, or set DATABASE_URL.",
    )


def _held_capabilities() -> int:
    """Returns the permitted capabilities of this process as a bit set; 0 where there are none."""
    if sys.platform != "linux":
        return 0
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapPrm:"):
            return int(line.split()[1], 16)
    return 0


def _keep_only(capability: int) -> None:
    """Drops all capabilities but one and lets that one survive exec."""
    bit = 1 << capability
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    sets = struct.pack(
        "=6I", bit, bit, bit, 0, 0, 0
    )  # effective, permitted, inheritable; low, high
    if _LIBC.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)


def _prctl(option: int, *arguments: int) -> None:
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    if _LIBC.prctl(option, *padded) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _look_up(name: str) -> pwd.struct_passwd | None:
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        return None
    return found if found.pw_uid != 0 else None


def _name_of_current_user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise ProgramMissingError(
            f"PostgreSQL needs a name for user id {os.geteuid()}, and the system has none",
            "Run as a user with an entry in /etc/passwd, or set DATABASE_URL.",
        ) from None


# Loaded before any fork: a child about to exec must not load libraries.
_LIBC = ctypes.CDLL(None, use_errno=True)
