"""Messages between the server process and a worker: a kind, a length, a payload.

The worker leads: it asks for bytes when it needs them, so the server never reads ahead of it. Only
bytes that are all in hand are sent unasked, which saves a short clip the way back and forth.

A worker may have been taken over by what it decodes, so the server reads only lengths, JSON and
plain bytes from it, never pickles.

    server → worker   JOB (json)   DATA (bytes)   END   ABORT
    worker → server   READY   WANT   PART (bytes)   DONE (json)   FAULT, LAST_FAULT (json)
"""

from __future__ import annotations

import enum
import struct

HEAD = struct.Struct("<BI")
# A part of a fingerprint is below 2 MiB; more than this means a broken worker.
PAYLOAD_BYTES_MAX = 16 * 1024 * 1024


class Kind(enum.IntEnum):
    """What a message says."""

    #: Server: a job begins; the payload is a `Job`.
    JOB = 1
    #: Server: the next bytes of the audio, as asked for.
    DATA = 2
    #: Server: there are no more bytes.
    END = 3
    #: Server: give the job up.
    ABORT = 4
    #: Worker: idle for the first time.
    READY = 5
    #: Worker: needs the next bytes.
    WANT = 6
    #: Worker: a `Part`.
    PART = 7
    #: Worker: the job is done; the payload is a `Summary`.
    DONE = 8
    #: Worker: the job failed; the payload is an `JobError`.
    FAULT = 9
    #: Worker: as FAULT, and the process ends with it.
    LAST_FAULT = 10


def head(kind: Kind, payload: bytes = b"") -> bytes:
    """Returns the bytes that go before `payload`."""
    return HEAD.pack(kind, len(payload))
