"""What is posted: one JSON object of id, type, time and data."""

from __future__ import annotations

import json
from datetime import UTC

from user_svc.webhooks.model import Happening


def body_of(happening: Happening) -> str:
    """Returns the body of an event; it is stored and sent byte for byte, since it is signed."""
    time = happening.time.astimezone(UTC).isoformat(timespec="milliseconds")
    return json.dumps(
        {
            "id": happening.event_id,
            "type": happening.event.type_name,
            "time": time.replace("+00:00", "Z"),
            "data": happening.data,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
