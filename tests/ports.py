"""Ports for servers that have to be told theirs before they start."""

from __future__ import annotations

import random
import socket

# Below what systems hand out for port 0 and for outgoing connections: between the look and the
# start of the server nobody gets such a port by chance.
_FIRST, _LAST = 15_000, 32_000
_random = random.SystemRandom()


def free_port() -> int:
    """Returns a loopback port that nobody uses, and that nobody is given who asks for any."""
    while True:
        port = _random.randint(_FIRST, _LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
