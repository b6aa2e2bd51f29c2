"""Aim: the receiver of the guide takes what we sign, and nothing else.

Method: its Python is read out of the document and run.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from user_svc.webhooks.signature import headers, new_secret, secret_text

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "webhooks.md"
BODY = '{"id":"evt_1","data":{"title":"Óde"}}'.encode()
Verify = Callable[[str, dict[str, str], bytes], bool]


@pytest.fixture(scope="module")
def verified() -> Verify:
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    (code,) = (block for block in blocks if "def verified(" in block)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - our own document
    found: Verify = names["verified"]
    return found


def test_the_example_verifies_what_we_sign(verified: Verify) -> None:
    older, newer = new_secret(), new_secret()
    sent = headers("evt_1", int(time.time()), BODY, [newer, older])
    assert verified(secret_text(newer), sent, BODY)
    assert verified(secret_text(older), sent, BODY)
    assert not verified(secret_text(new_secret()), sent, BODY)
    assert not verified(secret_text(newer), sent, BODY + b" ")
    assert not verified(secret_text(newer), sent | {"webhook-id": "evt_2"}, BODY)


def test_the_example_refuses_a_replay(verified: Verify) -> None:
    key = new_secret()
    old = headers("evt_1", int(time.time()) - 600, BODY, [key])
    assert not verified(secret_text(key), old, BODY)
    later = old | {"webhook-timestamp": str(int(time.time()))}
    assert not verified(secret_text(key), later, BODY)
