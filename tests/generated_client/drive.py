"""What a partner's first program would do, with the client generated for them.

Knows nothing of this repository: `generated_sonica` is the client, and the arguments are the
address of a mesh, a clip of `piece-2`, and how many tracks there are.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from generated_sonica import Client
from generated_sonica.api.account import get_account, register
from generated_sonica.api.catalog import get_track, list_tracks
from generated_sonica.api.recognition import recognize
from generated_sonica.api.session import log_in
from generated_sonica.models import (
    GetAccountResponse,
    ListTracksResponse,
    LogInRequest,
    LogInResponse,
    RecognizeResponse,
    RegisterRequest,
    RegisterResponse,
    Status,
)
from generated_sonica.types import File


def main() -> None:
    """Recognises, lists, is refused, registers an account and reads it."""
    url, clip, track_count = sys.argv[1:]
    client = Client(base_url=url, timeout=120)

    audio = File(payload=BytesIO(Path(clip).read_bytes()))
    answer = recognize.sync(client=client, body=audio, max_match_count=1)
    assert isinstance(answer, RecognizeResponse), answer
    best = answer.matches[0]
    assert best.track.external_id == "piece-2", best
    print(f"recognised {best.track.title!r} at {best.track_offset}, score {best.score:.3f}")

    seen, token = [], ""
    while len(seen) < int(track_count):
        page = list_tracks.sync(client=client, page_size=2, page_token=token)
        assert isinstance(page, ListTracksResponse), page
        seen += [track.external_id for track in page.tracks]
        token = page.next_page_token
    assert (sorted(seen), token) == ([f"piece-{i}" for i in range(int(track_count))], ""), seen
    print(f"listed {len(seen)} tracks on pages of two")

    refusal = get_track.sync(client=client, track_id="external:none")
    assert isinstance(refusal, Status), refusal
    reason = refusal.details[0].additional_properties["reason"]
    assert (refusal.code, reason) == (5, "TRACK_NOT_FOUND"), refusal
    print(f"read an error: {reason}: {refusal.message}")

    mail, password = "ada@example.org", "correct horse battery"
    made = register.sync(client=client, body=RegisterRequest(email=mail, password=password))
    assert isinstance(made, RegisterResponse), made
    session = log_in.sync(client=client, body=LogInRequest(email=mail, password=password))
    assert isinstance(session, LogInResponse), session
    named = client.with_headers({"authorization": f"Bearer {session.tokens.access_token}"})
    account = get_account.sync(client=named, user="me")
    assert isinstance(account, GetAccountResponse), account
    assert account.account.email == mail, account
    print(f"logged in as {account.account.name}")


if __name__ == "__main__":
    main()
