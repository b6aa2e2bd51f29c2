"""Every way in which starting, watching or stopping the local mesh can fail.

    LaunchError
    ├── AlreadyRunningError    another mesh works on the same data
    ├── PortInUseError         the edge port is taken
    ├── ProgramMissingError    PostgreSQL or Envoy is not installed for this platform
    ├── DataDirUnusableError   the data folder cannot be made, written, entered, or is too new
    ├── DiskFullError          no room left to start with
    ├── PartFailedError        a part ended, or did not become ready in time
    └── StopTimedOutError      a mesh that was told to stop is still there

A message says what is wrong and with which value; `advice` says what to do about it.
"""

from __future__ import annotations


class LaunchError(Exception):
    """Base of all errors of the launcher.

    Attributes:
        message: what is wrong.
        advice: what the person can do; may be empty.
    """

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message}\n{self.advice}" if self.advice else self.message


class AlreadyRunningError(LaunchError):
    """Another mesh works on the same data folder."""


class PortInUseError(LaunchError):
    """Something else listens on the edge port."""


class ProgramMissingError(LaunchError):
    """A program the mesh cannot do without was not found."""


class DataDirUnusableError(LaunchError):
    """The data folder cannot be used as it is."""


class DiskFullError(LaunchError):
    """The disk of the data folder has no room left."""


class PartFailedError(LaunchError):
    """A part ended or was not ready in time; `advice` holds the last lines of its log."""


class StopTimedOutError(LaunchError):
    """The mesh did not stop within the time given."""


BY_NAME: dict[str, type[LaunchError]] = {
    kind.__name__: kind
    for kind in (
        LaunchError,
        AlreadyRunningError,
        PortInUseError,
        ProgramMissingError,
        DataDirUnusableError,
        DiskFullError,
        PartFailedError,
        StopTimedOutError,
    )
}
