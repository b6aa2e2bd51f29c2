"""A worker process: takes one job after the other until it is told or made to stop.

Started as `python -m fingerprint_svc.worker SOCKET_FD PARENT_PID LIMITS_JSON`.
"""

from __future__ import annotations

import gc
import signal
import socket
import sys

from fingerprint_svc.model import Job, JobError, Part, WorkerLimits
from fingerprint_svc.wire import HEAD, Kind, head
from fingerprint_svc.worker.job import Stopwatch, run_job
from fingerprint_svc.worker.limits import allow_processor, confine, die_with
from fingerprint_svc.worker.source import Source


class JobAborted(Exception):  # noqa: N818 - not an error: the server asked for it
    """The server gave the job up."""


class Link:
    """The worker's end of the socket to the server. Blocking; its closing ends the process."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, kind: Kind, payload: bytes = b"") -> None:
        """Sends one message."""
        self._connection.sendall(head(kind, payload) + payload)

    def receive(self) -> tuple[Kind, bytes]:
        """Returns the next message.

        Raises:
            SystemExit: the server is gone.
        """
        kind, length = HEAD.unpack(self._exactly(HEAD.size))
        return Kind(kind), bytes(self._exactly(length))

    def _exactly(self, byte_count: int) -> bytearray:
        data = bytearray(byte_count)
        view = memoryview(data)
        while view:
            received = self._connection.recv_into(view)
            if not received:
                sys.exit(0)
            view = view[received:]
        return data


def _work(link: Link, job: Job, limits: WorkerLimits) -> None:
    """Does one job and says how it ended."""
    waiting = Stopwatch()

    def next_bytes() -> bytes:
        with waiting:
            if not job.pushed:
                link.send(Kind.WANT)
            kind, payload = link.receive()
        if kind is Kind.ABORT:
            raise JobAborted
        return payload

    def emit(part: Part) -> None:
        link.send(Kind.PART, part.to_bytes())

    try:
        summary = run_job(job, Source(next_bytes), waiting, limits, emit)
    except JobError as fault:
        link.send(Kind.FAULT, fault.to_json())
    except JobAborted:
        link.send(Kind.FAULT, JobError("ABORTED", "given up by the server").to_json())
    except MemoryError:
        limit = limits.memory_bytes
        shortage = JobError(
            "DECODE_LIMIT_REACHED",
            f"decoding needs more than {limit} bytes of memory, the most a file may use",
            limit="memory_bytes",
            value=str(limit),
        )
        link.send(Kind.LAST_FAULT, shortage.to_json())
        sys.exit(1)  # what could not be had may have left holes
    else:
        link.send(Kind.DONE, summary.to_json())


def main() -> None:
    """Runs the worker."""
    descriptor, parent_pid, limits_json = sys.argv[1:]
    # Signals to the whole group are for the server; it decides when its workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    die_with(int(parent_pid))
    limits = WorkerLimits.from_json(limits_json)
    link = Link(socket.socket(fileno=int(descriptor)))
    confine(limits)
    gc.freeze()
    link.send(Kind.READY)
    while True:
        kind, payload = link.receive()
        if kind is not Kind.JOB:
            continue  # it crossed the end of its job: an ABORT, or bytes that were not needed
        allow_processor(limits.cpu_seconds)
        _work(link, Job.from_json(payload), limits)
        gc.collect()


if __name__ == "__main__":
    main()
