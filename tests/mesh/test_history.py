"""Aim: a recognition through the mesh is in the history of who asked, and leaves it by REST.

Method: the real user_svc and gateway on real PostgreSQL and Redis behind a real Envoy. Who calls
is said to the gateway as the edge would say it.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc
import httpx
import pytest
import pytest_asyncio
from sonica.recognition.v1 import recognition_service_pb2 as pb
from sonica.recognition.v1.recognition_service_pb2_grpc import RecognitionServiceStub
from sonica.user.v1 import activity_service_pb2 as activity_pb
from sonica.user.v1 import history_service_pb2 as history_pb

from mesh.runtime.channels import open_channel
from tests.integration import stores
from tests.integration.user_service import PASSWORD, Client, User, file_of, make_settings
from tests.mesh.rig import Rig, running_mesh
from user_svc.grant import grant
from user_svc.model import Role

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE_SECONDS = 60.0


@dataclass
class Parts:
    """A mesh, and a way to its gateway on which the caller is said."""

    rig: Rig
    dsn: str
    gateway: RecognitionServiceStub

    async def recognize(self, user: User, content: bytes) -> None:
        """Has something recognised for somebody, and waits until it is in their history."""
        before = len((await self.get(user, "/v1/users/me/recognitions")).json()["recognitions"])
        request = pb.RecognizeRequest(audio={"content": content})
        await self.gateway.Recognize(request, metadata=[("x-sonica-user", user.name)])
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                answer = await self.get(user, "/v1/users/me/recognitions")
                if len(answer.json()["recognitions"]) > before:
                    return

    async def get(self, user: User, path: str) -> httpx.Response:
        return await self.rig.rest.get(path, headers=dict(user.bearer))

    async def post(self, user: User, path: str, **body: str) -> httpx.Response:
        return await self.rig.rest.post(path, json=body, headers=dict(user.bearer))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def parts() -> AsyncIterator[Parts]:
    with stores.postgres() as (_, dsn), stores.redis() as (_, redis):
        async with (
            running_mesh(make_settings(dsn, redis_url=redis)) as rig,
            open_channel(rig.plan.gateway[0]) as channel,
        ):
            yield Parts(rig, dsn, RecognitionServiceStub(channel))


@pytest_asyncio.fixture(loop_scope="module")
async def user(parts: Parts) -> User:
    return await Client(parts.rig.edge).newcomer()


def reason(answer: httpx.Response) -> tuple[int, str]:
    """Returns HTTP status and reason of a refusal."""
    (detail,) = [d for d in answer.json()["details"] if d["@type"].endswith("ErrorInfo")]
    return answer.status_code, detail["reason"]


async def test_a_history_by_rest(parts: Parts, user: User) -> None:
    for content in (b"k" * 5000, b"1" * 5000, b"z" * 5000):
        await parts.recognize(user, content)
    path = "/v1/users/me/recognitions"
    listed = (await parts.get(user, path)).json()["recognitions"]
    titles = [[match["title"] for match in each["matches"]] for each in listed]
    assert titles == [["Z"], [], ["K"]]
    assert listed[0]["clipDuration"] == "5s"
    page = (await parts.get(user, f"{path}?page_size=2")).json()
    rest = (await parts.get(user, f"{path}?page_token={page['nextPageToken']}")).json()
    assert page["recognitions"] + rest["recognitions"] == listed
    outcome = "RECOGNITION_OUTCOME_UNMATCHED"
    unknown = await parts.get(user, f"{path}?filter.outcome={outcome}")
    assert unknown.json()["recognitions"] == listed[1:2]
    since = listed[1]["createTime"]
    later = await parts.get(user, f"{path}?filter.start_time={since}&filter.track_id=z")
    assert later.json()["recognitions"] == listed[:1]
    deleted = await parts.rig.rest.delete(f"/v1/{listed[1]['name']}", headers=dict(user.bearer))
    assert (deleted.status_code, deleted.json()) == (200, {})
    again = await parts.rig.rest.delete(f"/v1/{listed[1]['name']}", headers=dict(user.bearer))
    assert reason(again) == (404, "RECOGNITION_NOT_FOUND")
    cleared = await parts.post(user, f"{path}:clear")
    assert cleared.json() == {"recognitionCount": "2"}
    assert (await parts.get(user, path)).json()["recognitions"] == []
    assert reason(await parts.rig.rest.get(path)) == (401, "CREDENTIALS_MISSING")


async def test_an_export_is_a_download(parts: Parts, user: User) -> None:
    path = "/v1/users/me/recognitions:export"
    empty = await parts.get(user, path)
    assert (empty.status_code, empty.text) == (200, "")
    assert empty.headers["content-type"] == "application/x-ndjson"
    await parts.recognize(user, b"k" * 5000)
    await parts.recognize(user, b"1" * 5000)
    listed = (await parts.get(user, "/v1/users/me/recognitions")).json()["recognitions"]
    lines = await parts.get(user, f"{path}?format=EXPORT_FORMAT_JSON_LINES")
    assert [json.loads(line) for line in lines.text.splitlines()] == listed
    assert lines.headers["content-disposition"] == 'attachment; filename="recognitions.jsonl"'
    table = await parts.get(user, f"{path}?format=export_format_csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.headers["content-disposition"] == 'attachment; filename="recognitions.csv"'
    rows = list(csv.DictReader(io.StringIO(table.text, newline="")))
    assert [row["title"] for row in rows] == ["", "K"]
    # The same over gRPC, in parts.
    client = Client(parts.rig.edge)
    request = history_pb.ExportRecognitionsRequest(
        parent="users/me", format=history_pb.EXPORT_FORMAT_CSV
    )
    by_grpc = await file_of(client.history.ExportRecognitions, request, user.bearer)
    assert by_grpc == table.content
    other = await client.newcomer()
    foreign = await parts.get(other, f"/v1/{user.name}/recognitions:export")
    assert reason(foreign) == (403, "ACCESS_DENIED")
    assert reason(await parts.rig.rest.get(path)) == (401, "CREDENTIALS_MISSING")


async def test_a_large_export_arrives_whole(parts: Parts, user: User) -> None:
    """Several parts, and more than any buffer on the way holds."""
    inside = Client(parts.rig.inside)
    activities = [
        {
            "activity_id": f"00000000-0000-4000-8000-{number:012x}",
            "user": user.name,
            "occur_time": {"seconds": int(time.time())},
            "recognition": {"matches": [{"title": f"{number} {'x' * 480}"}] * 10},
        }
        for number in range(1000)
    ]
    for begin in range(0, len(activities), 100):
        request = activity_pb.ReportActivityRequest(activities=activities[begin : begin + 100])
        await inside.activity.ReportActivity(request)
    answer = await parts.get(user, "/v1/users/me/recognitions:export")
    lines = answer.text.splitlines()
    assert len(lines) == 1000
    assert len(answer.content) > 5_000_000
    assert {len(json.loads(line)["matches"]) for line in lines} == {10}


async def test_everything_of_a_person_and_its_erasure_by_rest(parts: Parts, user: User) -> None:
    await parts.recognize(user, b"k" * 5000)
    answer = await parts.get(user, "/v1/users/me:export")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="personal-data.json"'
    document = answer.json()
    assert document["account"]["name"] == user.name
    assert len(document["recognitions"]) == 1
    assert reason(await parts.rig.rest.get("/v1/users/me:export")) == (401, "CREDENTIALS_MISSING")
    wrong = await parts.post(user, "/v1/users/me:erase", password=f"{PASSWORD}!")
    assert reason(wrong) == (403, "PASSWORD_WRONG")
    assert reason(await parts.post(user, "/v1/users/me:erase")) == (400, "VALIDATION_FAILED")
    erased = await parts.post(user, "/v1/users/me:erase", password=PASSWORD)
    assert (erased.status_code, erased.json()) == (200, {})
    assert reason(await parts.get(user, "/v1/users/me")) == (401, "CREDENTIALS_REFUSED")
    # What the edge let through before it knew is answered all the same.
    request = pb.RecognizeRequest(audio={"content": b"k" * 5000})
    metadata = [("x-sonica-user", user.name)]
    assert (await parts.gateway.Recognize(request, metadata=metadata)).matches


async def test_administration_by_rest(parts: Parts, user: User) -> None:
    assert reason(await parts.get(user, "/v1/users")) == (403, "ACCESS_DENIED")
    made = await parts.post(user, f"/v1/{user.name}:setRole", role="ROLE_ADMIN")
    assert reason(made) == (403, "ACCESS_DENIED")
    admin = await Client(parts.rig.edge).newcomer()
    assert await grant(make_settings(parts.dsn), admin.email, Role.ADMIN)
    found = await parts.get(admin, f"/v1/users?email_prefix={user.email[:12]}&role=ROLE_FREE")
    assert [each["name"] for each in found.json()["accounts"]] == [user.name]
    changed = await parts.post(admin, f"/v1/{user.name}:setRole", role="ROLE_PREMIUM")
    assert changed.json()["account"]["role"] == "ROLE_PREMIUM"
    last = await parts.post(admin, "/v1/users/me:setRole", role="ROLE_FREE")
    assert reason(last) == (400, "LAST_ADMIN")
    action = "AUDIT_ACTION_ROLE_CHANGED"
    events = await parts.get(admin, f"/v1/auditEvents?user={user.name}&actions={action}")
    (event,) = events.json()["events"]
    assert (event["oldRole"], event["newRole"]) == ("ROLE_FREE", "ROLE_PREMIUM")
    assert event["actor"] == admin.name


async def test_nobody_reports_from_outside(parts: Parts, user: User) -> None:
    request = activity_pb.ReportActivityRequest()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await Client(parts.rig.edge).activity.ReportActivity(request, metadata=user.bearer)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    # A header of one's own is no caller.
    answer = await parts.rig.rest.post(
        "/v1/recognize", content=b"k" * 5000, headers={"x-sonica-user": user.name}
    )
    assert answer.status_code == 200
    await parts.recognize(user, b"z" * 5000)
    listed = (await parts.get(user, "/v1/users/me/recognitions")).json()["recognitions"]
    assert [each["matches"][0]["title"] for each in listed] == ["Z"]


async def test_a_verb_takes_the_route_of_its_own_rpc(parts: Parts, user: User) -> None:
    """`users/me:export` is no account called `me:export`: access is decided by the route."""
    answer = await parts.get(user, "/v1/users/me:nothing")
    assert (answer.status_code, reason(answer)[1]) == (404, "ROUTE_NOT_FOUND")
