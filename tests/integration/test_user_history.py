"""Aim: what was recognised for an account is remembered once, for as long as said, for it alone.

Method: real PostgreSQL and a real server; reports as the gateway sends them.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp
from sonica.user.v1 import account_service_pb2 as account_pb
from sonica.user.v1 import history_pb2
from sonica.user.v1 import history_service_pb2 as history_pb

from tests.integration.user_service import (
    Client,
    User,
    file_of,
    make_settings,
    recognition,
    refusal,
    user_service,
)
from user_svc import history
from user_svc.history_keeper import HistoryKeeper
from user_svc.stores.postgres import open_database

Code = grpc.StatusCode
KEPT = 6
DAY = 86_400.0


@pytest.fixture
async def client(postgres_dsn: str) -> AsyncIterator[Client]:
    settings = make_settings(postgres_dsn, history_recognitions_max=KEPT)
    async with user_service(settings) as running:
        yield running


async def titles(client: Client, user: User, **wanted: Any) -> list[list[str]]:
    """Returns the titles of each recognition that a filter lets through."""
    found = await client.recognitions(user, filter=history_pb2.RecognitionFilter(**wanted))
    return [[match.title for match in each.matches] for each in found]


def moment(minutes_ago: float) -> Timestamp:
    time = Timestamp()
    time.FromDatetime(datetime.now(UTC) - timedelta(minutes=minutes_ago))
    return time


async def refused(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return refusal(caught.value)


async def test_a_recognition_is_remembered_once_and_as_it_was(client: Client) -> None:
    user, other = await client.newcomer(), await client.newcomer()
    activity = recognition(user.name, "Yaman", "Bhairav", api_key_id="0123456789abcdef")
    await client.report(activity, recognition(other.name))
    await asyncio.gather(*(client.report(activity) for _ in range(5)))
    (found,) = await client.recognitions(user)
    assert found.name == f"{user.name}/recognitions/{activity.activity_id}"
    assert found.create_time.ToMicroseconds() == activity.occur_time.ToMicroseconds()
    assert list(found.matches) == list(activity.recognition.matches)
    assert found.clip_duration == activity.recognition.clip_duration
    assert (found.api_key_id, found.trace_id) == ("0123456789abcdef", "ab" * 16)
    (theirs,) = await client.recognitions(other)
    assert not theirs.matches


async def test_reports_that_nobody_wants_remembered_are_taken(client: Client) -> None:
    quiet, user = await client.newcomer(), await client.newcomer()
    await client.accounts.UpdateAccount(
        account_pb.UpdateAccountRequest(
            account={"name": "users/me", "preferences": {"history_disabled": True}}
        ),
        metadata=quiet.bearer,
    )
    about = [recognition(name, "Yaman") for name in (quiet.name, user.name, "operator")]
    about.append(recognition(f"users/{uuid.uuid4()}", "Yaman"))
    about.append(recognition(user.name, import_finished={"registered_count": 3}))
    await client.report(*about)
    assert await titles(client, quiet) == []
    assert await titles(client, user) == [["Yaman"]]


async def test_what_a_report_may_not_be(client: Client) -> None:
    user = await client.newcomer()
    broken = (Code.INVALID_ARGUMENT, "VALIDATION_FAILED")
    for fields in (
        {"activity_id": "1"},
        {"user": "users/me"},
        {"api_key_id": "sk_0123456789abcdef_secret"},
        {"trace_id": "x"},
        {"recognition": {"matches": [{}] * 51}},
    ):
        assert await refused(client.report(recognition(user.name, **fields))) == broken, fields
    assert await refused(client.report()) == broken
    assert await refused(client.report(*(recognition(user.name) for _ in range(101)))) == broken
    ahead = recognition(user.name, minutes_ago=-60)
    await client.report(ahead)
    (found,) = await client.recognitions(user)
    assert found.create_time.ToMicroseconds() < ahead.occur_time.ToMicroseconds()


async def test_a_filter_lets_through_what_it_says(client: Client) -> None:
    user = await client.newcomer()
    await client.report(
        recognition(user.name, "a", "b", minutes_ago=40),
        recognition(user.name, minutes_ago=30),
        recognition(user.name, "b", minutes_ago=20),
        recognition(user.name, minutes_ago=10),
    )
    outcomes = history_pb2.RecognitionOutcome
    assert await titles(client, user) == [[], ["b"], [], ["a", "b"]]
    matched, unmatched = outcomes.Value("RECOGNITION_OUTCOME_MATCHED"), 2
    assert await titles(client, user, outcome=matched) == [["b"], ["a", "b"]]
    assert await titles(client, user, outcome=unmatched) == [[], []]
    assert await titles(client, user, track_id="id of b") == [["b"], ["a", "b"]]
    assert await titles(client, user, track_id="id of a") == [["a", "b"]]
    assert await titles(client, user, track_id="%") == []
    assert await titles(client, user, track_id="a\0") == []
    assert await titles(client, user, start_time=moment(25)) == [[], ["b"]]
    assert await titles(client, user, end_time=moment(25), outcome=matched) == [["a", "b"]]


async def test_pages_are_walked_while_the_history_grows_and_shrinks(client: Client) -> None:
    user = await client.newcomer()
    # Two at one time: their order is by number, and neither is lost between pages.
    now = int(datetime.now(UTC).timestamp())
    for minutes_ago, title in ((5, "a"), (4, "b"), (4, "c"), (3, "d"), (2, "e")):
        activity = recognition(user.name, title)
        activity.occur_time.FromSeconds(now - 60 * minutes_ago)
        await client.report(activity)
    request = history_pb.ListRecognitionsRequest(parent="users/me", page_size=2)
    seen: list[str] = []
    while True:
        page = await client.history.ListRecognitions(request, metadata=user.bearer)
        seen += [each.matches[0].title for each in page.recognitions]
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
        last = page.recognitions[-1]
        await client.history.DeleteRecognition(
            history_pb.DeleteRecognitionRequest(name=last.name), metadata=user.bearer
        )
        await client.report(recognition(user.name, "newer"))
    assert seen == ["e", "d", "c", "b", "a"]
    for token in ("AAAA", "AWsAAAAAAAAAAQ==", "%" * 8, "AXL" + "/" * 21 + "8="):
        request.page_token = token
        call = client.history.ListRecognitions(request, metadata=user.bearer)
        assert await refused(call) == (Code.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"), token


async def test_a_page_of_large_recognitions_is_shorter_and_ends_in_nothing_lost(
    postgres_dsn: str,
) -> None:
    async with user_service(make_settings(postgres_dsn)) as client:
        user = await client.newcomer()
        long_titles = [f"{number}{'अ' * 499}"[:500] for number in range(50)]
        for _ in range(12):
            await client.report(recognition(user.name, *long_titles))
        assert 0 < len(await client.recognitions(user, page_size=200)) < 12
        names = [each.name for each in await everything(client, user)]
        assert len(names) == len(set(names)) == 12


async def test_the_oldest_make_room(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "LOOK_EVERY", 1)
    user, other = await client.newcomer(), await client.newcomer()
    await client.report(recognition(other.name, "theirs", minutes_ago=9999))
    for minutes_ago in (5, 50, 1, 40, 3, 30, 2, 4):
        await client.report(recognition(user.name, str(minutes_ago), minutes_ago=minutes_ago))
    assert await titles(client, user) == [["1"], ["2"], ["3"], ["4"], ["5"], ["30"]]
    assert await titles(client, other) == [["theirs"]]


async def test_room_is_made_in_time(client: Client) -> None:
    user = await client.newcomer()
    for _ in range(6):
        await client.report(*(recognition(user.name) for _ in range(history.LOOK_EVERY // 2)))
        assert len(await titles(client, user)) < KEPT + history.LOOK_EVERY


async def test_what_is_too_old_is_neither_shown_nor_kept(postgres_dsn: str) -> None:
    settings = make_settings(postgres_dsn, history_retention_days=1)
    async with user_service(settings) as client:
        user = await client.newcomer()
        old = [recognition(user.name, "old", minutes_ago=24 * 60 + 1) for _ in range(3)]
        await client.report(*old, recognition(user.name, "new", minutes_ago=24 * 60 - 60))
        assert await titles(client, user) == [["new"]]
        assert (await export(client, user)).count(b"\n") == 1
        async with open_database(postgres_dsn, 1, 60.0, 60.0) as database:
            keeper = HistoryKeeper(database, DAY)
            assert await keeper.sweep() == 3
            assert await keeper.sweep() == 0
        assert await titles(client, user) == [["new"]]


async def everything(client: Client, user: User) -> list[history_pb2.Recognition]:
    """Returns all pages of a history."""
    request = history_pb.ListRecognitionsRequest(parent="users/me", page_size=1000)
    found: list[history_pb2.Recognition] = []
    while True:
        page = await client.history.ListRecognitions(request, metadata=user.bearer)
        found += page.recognitions
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return found


async def export(client: Client, user: User, **fields: Any) -> bytes:
    request = history_pb.ExportRecognitionsRequest(parent="users/me", **fields)
    return await file_of(client.history.ExportRecognitions, request, user.bearer)


async def test_an_export_holds_all_of_it(postgres_dsn: str) -> None:
    async with user_service(make_settings(postgres_dsn)) as client:
        user = await client.newcomer()
        assert await export(client, user) == b""
        activities = [recognition(user.name, f"राग {n}", minutes_ago=n) for n in range(450)]
        activities[7].recognition.matches[0].title = '=HYPERLINK("http://x")'
        activities[8].recognition.matches[0].artist = 'A "quoted", name\nof two lines'
        activities[9].recognition.ClearField("matches")
        for activity, nanos in zip(activities, (0, 7_000, 70_000_000, 123_456_000), strict=False):
            activity.occur_time.nanos = nanos
            activity.recognition.clip_duration.nanos = nanos
            activity.recognition.matches[0].track_offset.FromNanoseconds(-nanos)
        for begin in range(0, 450, 90):
            await client.report(*activities[begin : begin + 90])
        lines = (await export(client, user)).decode().splitlines()
        listed = await everything(client, user)
        assert [json.loads(line) for line in lines] == [
            MessageToDict(each, always_print_fields_with_no_presence=True) for each in listed
        ]
        assert len(lines) == 450
        text = (await export(client, user, format=history_pb.EXPORT_FORMAT_CSV)).decode()
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        assert [row["name"] for row in rows] == [each.name for each in listed]
        assert rows[0]["title"] == "राग 0"
        assert (rows[5]["score"], rows[5]["track_offset_seconds"]) == ("0.75", "61.44")
        assert rows[7]["title"] == '\'=HYPERLINK("http://x")'
        assert rows[8]["artist"] == 'A "quoted", name\nof two lines'
        assert (rows[9]["match_count"], rows[9]["track_id"]) == ("0", "")
        unmatched = history_pb2.RecognitionFilter(outcome="RECOGNITION_OUTCOME_UNMATCHED")
        assert len((await export(client, user, filter=unmatched)).splitlines()) == 1


async def test_what_is_removed_is_gone(client: Client, postgres_dsn: str) -> None:
    user, other = await client.newcomer(), await client.newcomer()
    await client.report(*(recognition(name, "x") for name in (user.name, user.name, other.name)))
    first, second = await client.recognitions(user)
    (theirs,) = await client.recognitions(other)

    def delete(name: str) -> Any:
        request = history_pb.DeleteRecognitionRequest(name=name)
        return client.history.DeleteRecognition(request, metadata=user.bearer)

    await delete(first.name)
    gone = (Code.NOT_FOUND, "RECOGNITION_NOT_FOUND")
    assert await refused(delete(first.name)) == gone
    stolen = theirs.name.replace(other.name, "users/me")
    assert await refused(delete(stolen)) == gone
    assert [each.name for each in await client.recognitions(user)] == [second.name]
    clear = history_pb.ClearHistoryRequest(parent="users/me")
    for count in (1, 0):
        response = await client.history.ClearHistory(clear, metadata=user.bearer)
        assert response.recognition_count == count
    assert await client.recognitions(user) == []
    assert await client.recognitions(other) == [theirs]
    connection = await asyncpg.connect(postgres_dsn)
    actions = await connection.fetch("SELECT action FROM users.audit_event ORDER BY event_number")
    assert [row["action"] for row in actions][-2:] == ["HISTORY_CLEARED"] * 2
    await connection.close()
