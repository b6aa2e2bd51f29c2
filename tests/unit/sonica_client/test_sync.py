"""Aim: programs without an event loop have the whole client, and can leave it at any moment.

Method: signatures of both faces are compared; the synchronous one is used against the edge of
`edge.py`, from one thread and from several, and Ctrl-C comes as a signal.
"""

from __future__ import annotations

import inspect
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import sonica_client
from sonica_client import (
    Accounts,
    Administration,
    History,
    ImportOutcome,
    Imports,
    ImportSource,
    Session,
    SonicaClient,
    SonicaError,
    SonicaSyncClient,
    Webhooks,
    portal,
)
from sonica_client.portal import Portal
from sonica_client.sync import (
    SyncAccounts,
    SyncAdministration,
    SyncHistory,
    SyncImports,
    SyncWebhooks,
)

from tests.unit.sonica_client.edge import Edge, edge_server

FACES = (
    (SonicaClient, SonicaSyncClient),
    (Accounts, SyncAccounts),
    (Administration, SyncAdministration),
    (History, SyncHistory),
    (Imports, SyncImports),
    (Webhooks, SyncWebhooks),
)
SONG = b"one two three four five"


@pytest.fixture
def served() -> Iterator[tuple[str, Edge]]:
    serving = Portal()
    stack = AsyncExitStack()
    yield serving.call(stack.enter_async_context(edge_server()))
    serving.call(stack.aclose())
    serving.close()


@pytest.fixture
def client(served: tuple[str, Edge]) -> Iterator[SonicaSyncClient]:
    with SonicaSyncClient(served[0]) as connected:
        yield connected


def public(cls: type) -> dict[str, object]:
    return {name: value for name, value in vars(cls).items() if not name.startswith("_")}


@pytest.mark.parametrize(("one", "other"), FACES)
def test_both_faces_have_the_same_methods(one: type, other: type) -> None:
    assert public(one).keys() == public(other).keys()
    for name, method in public(one).items():
        if isinstance(method, property):
            assert isinstance(public(other)[name], property)
            continue
        assert callable(method)
        expected = inspect.signature(method)
        returned = re.sub(
            r"^AsyncGenerator\[(.*), None\]$",
            r"Generator[\1, None, None]",
            str(expected.return_annotation),
        )
        found = inspect.signature(getattr(other, name))
        assert found == expected.replace(return_annotation=returned), name


def test_both_clients_are_made_alike() -> None:
    assert inspect.signature(SonicaSyncClient) == inspect.signature(SonicaClient)
    parts = {name for name, _ in inspect.getmembers(sonica_client, inspect.isclass)}
    assert {one.__name__ for one, _ in FACES} <= parts


def test_calls_and_streams(client: SonicaSyncClient) -> None:
    track, _ = client.register(SONG)
    assert client.get_track(track.track_id) == track
    (match,) = client.recognize(b"three").matches
    assert match.track == track
    answers = [*client.recognize_stream(iter([b"thr", b"ee"]))]
    assert answers[-1].final
    events = [*client.import_tracks([ImportSource("a", b"a song"), ImportSource("b", b"bad")])]
    outcomes = {e.item_id: e.error is None for e in events if isinstance(e, ImportOutcome)}
    assert outcomes == {"a": True, "b": False}
    assert len([*client.all_tracks(page_size=1)]) == 2
    with pytest.raises(SonicaError, match="no container was found"):
        client.recognize(b"bad")
    with pytest.raises(SonicaError, match="not logged in"):
        client.accounts.get()
    client.accounts.session = Session("access", "refresh")
    assert client.accounts.session is not None


def test_a_stream_may_be_left(client: SonicaSyncClient, served: tuple[str, Edge]) -> None:
    closed = threading.Event()

    def endless() -> Iterator[bytes]:
        try:
            while True:
                yield b"sound"
                time.sleep(0.01)
        finally:
            closed.set()

    for _answer in client.recognize_stream(endless()):
        break
    assert closed.wait(30), "the thread that reads the sound ends"
    client.recognize(b"clip")


def test_many_threads_share_a_client(client: SonicaSyncClient) -> None:
    client.register(SONG)
    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(lambda _: client.recognize(b"two"), range(40))]
    assert all(len(answer.matches) == 1 for answer in answers)


def test_many_clients_live_side_by_side(served: tuple[str, Edge]) -> None:
    clients = [SonicaSyncClient(served[0]) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda each: each.recognize(b"clip") is not None, clients * 10))
    for each in clients:
        each.close()


def test_ctrl_c_ends_the_call_at_once(
    client: SonicaSyncClient, served: tuple[str, Edge], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portal, "_CLEANING_SECONDS_MAX", 60)
    served[1].delay_seconds = 60
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT))
    began = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        client.recognize(b"clip")
    assert time.monotonic() - began < 30
    served[1].delay_seconds = 0
    client.recognize(b"clip")


def test_a_closed_client_says_so(served: tuple[str, Edge]) -> None:
    client = SonicaSyncClient(served[0])
    client.recognize(b"clip")
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.recognize(b"clip")
    assert not [t for t in threading.enumerate() if t is client._portal._thread]


def test_closing_ends_the_calls_of_other_threads(served: tuple[str, Edge]) -> None:
    served[1].delay_seconds = 60
    client = SonicaSyncClient(served[0])
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.recognize, b"clip")
        while not served[1].calls:
            time.sleep(0.01)
        client.close()
        with pytest.raises(SonicaError, match="closed during the call"):
            call.result(30)


def test_a_callback_of_the_client_cannot_wait_for_itself(client: SonicaSyncClient) -> None:
    def call_back() -> None:
        client.recognize(b"clip")

    with pytest.raises(RuntimeError, match="callback"):
        client._portal.make(call_back)


def test_a_program_that_closes_nothing_ends(served: tuple[str, Edge]) -> None:
    program = (
        "from sonica_client import SonicaSyncClient\n"
        f"client = SonicaSyncClient({served[0]!r})\n"
        "answers = client.recognize_stream(iter(lambda: b'sound', b''))\n"
        "print(next(answers).final)\n"
    )
    path = str(Path(sonica_client.__file__).parents[1])
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "False\n", "")
