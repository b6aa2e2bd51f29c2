"""Sonica for Python programs without an event loop: `SonicaSyncClient`.

with SonicaSyncClient("127.0.0.1:8080") as client:
    answer = client.recognize(Path("clip.m4a"))

Each call waits for its answer; a client may be used by several threads.

Made by `make gen`; not to be edited.
"""

from __future__ import annotations

from .accounts import SyncAccounts
from .administration import SyncAdministration
from .client import SonicaSyncClient
from .history import SyncHistory
from .imports import SyncImports
from .webhooks import SyncWebhooks

__all__ = [
    "SonicaSyncClient",
    "SyncAccounts",
    "SyncAdministration",
    "SyncHistory",
    "SyncImports",
    "SyncWebhooks",
]
