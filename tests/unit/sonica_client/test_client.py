"""The client against a real gRPC server: answers, typed errors, retries, deadlines, streams.

Method: the edge of `edge.py` answers from a table; what is looked at is what a program that uses
the client sees, and what the server saw of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

import grpc
import pytest
from sonica_client import (
    UNARY_BYTES_MAX,
    ImportOutcome,
    ImportSource,
    RegistrationOutcome,
    SonicaClient,
    SonicaError,
    Track,
)

from tests.unit.sonica_client.edge import Edge

SONG = b"one two three four five"
Served = tuple[str, Edge]


class FailingFile:
    """A file on a disk that has a bad block at 1 MB."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def __enter__(self) -> FailingFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def seek(self, offset: int) -> int:
        return self.file.seek(offset)

    def read(self, count: int) -> bytes:
        if self.file.tell() > 1_000_000:
            raise OSError(5, "Input/output error")
        return self.file.read(count)


async def many(*items: ImportSource) -> AsyncIterator[ImportSource]:
    for item in items:
        yield item


async def imported(client: SonicaClient, *items: ImportSource) -> dict[str, ImportOutcome]:
    events = [event async for event in client.import_tracks(many(*items))]
    outcomes = [event for event in events if isinstance(event, ImportOutcome)]
    assert len(outcomes) == len(items)
    return {outcome.item_id: outcome for outcome in outcomes}


async def test_recognises_bytes_and_files(client: SonicaClient, tmp_path: Path) -> None:
    track, outcome = await client.register(SONG, Track(title="Count", external_id="c-1"))
    assert outcome is RegistrationOutcome.REGISTERED
    assert track.title == "Count"
    clip = tmp_path / "clip.wav"
    clip.write_bytes(b"three")
    for source in (b"three", clip):
        answer = await client.recognize(source)
        assert answer.matches[0].track == track
        assert answer.matches[0].track_offset is not None
        assert answer.matches[0].track_offset.total_seconds() == 8
    unknown = await client.recognize(b"zebra")
    assert unknown.matches == []
    assert unknown.rejected == []
    with_rejected = await client.recognize(b"zebra", include_rejected=True)
    assert with_rejected.rejected[0].score == pytest.approx(0.2)


async def test_registering_twice_is_harmless(client: SonicaClient) -> None:
    first, _ = await client.register(SONG)
    second, outcome = await client.register(SONG)
    assert outcome is RegistrationOutcome.ALREADY_REGISTERED
    assert second.track_id == first.track_id


async def test_typed_error_keeps_everything(client: SonicaClient) -> None:
    with pytest.raises(SonicaError) as caught:
        await client.recognize(b"bad bytes")
    error = caught.value
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "AUDIO_UNREADABLE")
    assert error.domain == "sonica.fingerprint"
    assert error.metadata == {"format": "none"}
    assert str(error) == "no container was found"


async def test_idempotent_call_is_tried_again(client: SonicaClient, served: Served) -> None:
    served[1].unavailable_left = 2
    await client.recognize(b"anything")
    assert served[1].calls == ["Recognize"] * 3


async def test_gives_up_after_three_attempts(client: SonicaClient, served: Served) -> None:
    served[1].unavailable_left = 9
    with pytest.raises(SonicaError) as caught:
        await client.recognize(b"anything")
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE
    assert len(served[1].calls) == 3


async def test_proxy_of_the_shell_is_not_for_this_machine(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "no_grpc_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with SonicaClient(served[0]) as client:
        assert (await client.recognize(SONG)).matches == []


async def test_unreachable_server_is_named() -> None:
    async with SonicaClient("127.0.0.1:1") as lost:
        with pytest.raises(SonicaError) as caught:
            await lost.statistics()
    assert caught.value.reason == "SERVER_UNREACHABLE"
    assert "127.0.0.1:1" in str(caught.value)


async def test_deadline(client: SonicaClient, served: Served) -> None:
    served[1].delay_seconds = 600.0
    with pytest.raises(SonicaError) as caught:
        await client.recognize(b"slow", timeout_seconds=0.1)
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: b"", "AUDIO_EMPTY"),
        (lambda folder: bytes(UNARY_BYTES_MAX + 1), "AUDIO_TOO_LARGE"),
        (lambda folder: folder / "nowhere.wav", "FILE_NOT_FOUND"),
        (lambda folder: folder, "FILE_UNREADABLE"),
    ],
)
async def test_bad_source_is_typed_before_it_is_sent(
    client: SonicaClient, served: Served, tmp_path: Path, make: object, reason: str
) -> None:
    assert callable(make)
    with pytest.raises(SonicaError) as caught:
        await client.recognize(make(tmp_path))
    assert caught.value.reason == reason
    assert served[1].calls == []


async def test_large_recording_is_registered_in_chunks(
    client: SonicaClient, served: Served, tmp_path: Path
) -> None:
    large = tmp_path / "large.wav"
    large.write_bytes(bytes(range(256)) * (UNARY_BYTES_MAX // 256 + 1))
    track, outcome = await client.register(large, Track(title="Large"))
    assert outcome is RegistrationOutcome.REGISTERED
    assert served[1].audio[track.track_id] == large.read_bytes()
    assert served[1].calls == ["ImportTracks"]


async def test_import_gives_one_outcome_an_item(client: SonicaClient, tmp_path: Path) -> None:
    empty = tmp_path / "empty.wav"
    empty.touch()
    outcomes = await imported(
        client,
        ImportSource("a", b"first song", Track(title="First")),
        ImportSource("b", b"bad bytes"),
        ImportSource("c", tmp_path / "missing.wav"),
        ImportSource("d", empty),
        ImportSource("e", b"last song"),
        ImportSource("f", b"last song"),
    )
    assert outcomes["a"].track is not None
    assert outcomes["a"].track.title == "First"
    assert outcomes["e"].outcome is RegistrationOutcome.REGISTERED
    assert outcomes["f"].outcome is RegistrationOutcome.ALREADY_REGISTERED
    reasons = {name: o.error.reason for name, o in outcomes.items() if o.error}
    assert reasons == {"b": "AUDIO_UNREADABLE", "c": "FILE_NOT_FOUND", "d": "AUDIO_EMPTY"}


async def test_import_takes_sources_only_as_fast_as_they_finish(
    client: SonicaClient, served: Served
) -> None:
    served[1].delay_seconds = 0.02
    taken, done = 0, 0

    async def sources() -> AsyncIterator[ImportSource]:
        nonlocal taken
        for index in range(8):
            taken += 1
            assert taken - done <= 3
            yield ImportSource(str(index), b"song %d" % index)

    async for event in client.import_tracks(sources()):
        done += isinstance(event, ImportOutcome)
    assert done == 8


async def test_file_that_breaks_in_the_middle_fails_alone(
    client: SonicaClient, served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"x" * 3_000_000)
    opened = Path.open

    def fail_in_the_middle(path: Path, *arguments: str) -> object:
        file = opened(path, *arguments)
        if path == broken:
            return FailingFile(file)
        return file

    monkeypatch.setattr(Path, "open", fail_in_the_middle)
    served[1].delay_seconds = 0.05
    outcomes = await imported(
        client,
        ImportSource("a", b"before"),
        ImportSource("b", broken),
        ImportSource("c", b"after"),
    )
    assert outcomes["b"].error is not None
    assert outcomes["b"].error.reason == "FILE_UNREADABLE"
    assert outcomes["a"].error is None
    assert outcomes["c"].error is None
    assert set(served[1].audio.values()) == {b"before", b"after"}


async def test_broken_import_stream_is_an_error(client: SonicaClient) -> None:
    with pytest.raises(SonicaError) as caught:
        await imported(client, ImportSource("break the stream", b"song"))
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE


async def test_silent_import_ends(client: SonicaClient, served: Served) -> None:
    served[1].delay_seconds = 600.0
    with pytest.raises(SonicaError) as caught:
        async for _ in client.import_tracks(many(ImportSource("a", b"x")), silence_seconds=0.1):
            pass
    assert caught.value.reason == "SERVER_SILENT"


async def test_stream_answers_early_and_stops_reading(client: SonicaClient) -> None:
    await client.register(SONG)
    sent = 0

    async def audio() -> AsyncIterator[bytes]:
        nonlocal sent
        for letter in SONG[:5]:
            sent += 1
            yield bytes([letter])
        # The rest comes in an hour: whoever waits for the end of the sound gets no answer.
        await asyncio.sleep(3600)
        sent = len(SONG)

    answers = [answer async for answer in client.recognize_stream(audio())]
    assert answers[-1].final
    assert answers[-1].matches
    assert sent <= 5


async def test_error_of_the_audio_source_reaches_the_caller(client: SonicaClient) -> None:
    async def audio() -> AsyncIterator[bytes]:
        yield b"x"
        raise RuntimeError("microphone unplugged")

    with pytest.raises(RuntimeError, match="unplugged"):
        async for _ in client.recognize_stream(audio()):
            pass


async def test_refusal_in_the_middle_of_sending_stays_typed(client: SonicaClient) -> None:
    async def audio() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"bad" * 20_000

    async def refused() -> str:
        with pytest.raises(SonicaError) as caught:
            async for _ in client.recognize_stream(audio()):
                pass
        return caught.value.reason

    reasons = {
        reason for _ in range(25) for reason in await asyncio.gather(*(refused() for _ in range(4)))
    }
    assert reasons == {"AUDIO_UNREADABLE"}


async def test_leaving_a_stream_early_leaves_no_task(client: SonicaClient) -> None:
    async def audio() -> AsyncIterator[bytes]:
        while True:
            yield b"zebra"
            await asyncio.sleep(0.01)

    stream = client.recognize_stream(audio())
    await anext(stream)
    await stream.aclose()
    async with asyncio.timeout(60):
        while any("_send" in repr(task) for task in asyncio.all_tasks()):  # noqa: ASYNC110 - counts
            await asyncio.sleep(0.01)


async def test_catalogue(client: SonicaClient) -> None:
    for index in range(5):
        await client.register(b"song %d" % index, Track(external_id=f"x{index}"))
    assert [t.external_id async for t in client.all_tracks(page_size=2)] == [
        f"x{index}" for index in range(5)
    ]
    track = await client.get_track("external:x3")
    assert [t.external_id for t in await client.lookup_tracks([track.content_sha256])] == ["x3"]
    assert (await client.track_fingerprint(track.track_id)).algorithm_version == 1
    await client.delete_track(track.track_id)
    with pytest.raises(SonicaError) as caught:
        await client.get_track(track.track_id)
    assert caught.value.reason == "TRACK_NOT_FOUND"
    assert (await client.statistics()).active_track_count == 4
    progress = [step async for step in client.rebuild_index()]
    assert [step.done for step in progress] == [False] * 4 + [True]


async def test_finding_and_changing(client: SonicaClient) -> None:
    for index in range(3):
        genre = "raga" if index else "rock"
        await client.register(b"piece %d" % index, Track(title=f"Piece {index}", genre=genre))
    page = await client.list_tracks(track_filter="genre = raga", order_by="create_time desc")
    assert [track.title for track in page.tracks] == ["Piece 2", "Piece 1"]
    first = await client.search_tracks("Piece", page_size=2)
    second = await client.search_tracks("Piece", page_token=first.next_page_token)
    found = [result.track for page in (first, second) for result in page.results]
    assert [track.title for track in found if track] == ["Piece 0", "Piece 1", "Piece 2"]
    track = page.tracks[0]
    changed = await client.update_track(
        Track(track_id=track.track_id, title="New", external_ids={"mbid": "m"}),
        paths=["title", "external_ids", "genre"],
    )
    assert (changed.title, changed.genre, changed.external_ids) == ("New", "", {"mbid": "m"})
