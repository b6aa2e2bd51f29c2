"""Aim: credentials, masks and page tokens are read in one way only.

Method: messages and metadata as a client may send them, honest and not.
"""

from __future__ import annotations

from typing import Any

import pytest
from sonica.user.v1.account_service_pb2 import UpdateAccountRequest
from sonica.user.v1.api_key_service_pb2 import CreateApiKeyRequest

from mesh.runtime.errors import InvalidRequestError
from user_svc import messages
from user_svc.credentials import new_api_key, read_api_key, read_refresh_token
from user_svc.errors import CredentialsRefusedError, UpdateMaskInvalidError


def test_credentials_and_address_of_a_call() -> None:
    presented = messages.presented_by(
        [
            ("authorization", "bearer abc"),
            ("x-api-key", "sk_1"),
            ("x-forwarded-for", "8.8.8.8, 9.9.9.9"),
            ("other", "x"),
        ]
    )
    assert (presented.access_token, presented.api_key) == ("abc", "sk_1")
    assert presented.address == "9.9.9.9", "what the proxy has added, not what the client says"
    assert "abc" not in repr(presented)
    assert "sk_1" not in repr(presented)
    assert messages.presented_by([]).access_token is None


@pytest.mark.parametrize(
    "metadata",
    [
        [("authorization", "Basic abc")],
        [("authorization", "Bearer")],
        [("authorization", "Bearer ")],
        [("authorization", "Bearer a"), ("authorization", "Bearer b")],
        [("x-api-key", "a"), ("x-api-key", "b")],
    ],
)
def test_credentials_that_could_be_read_in_two_ways(metadata: list[tuple[str, str]]) -> None:
    with pytest.raises(CredentialsRefusedError):
        messages.presented_by(metadata)


def request(mask: list[str], **account: Any) -> UpdateAccountRequest:
    return UpdateAccountRequest(account={"name": "users/me"} | account, update_mask={"paths": mask})


def test_masks() -> None:
    preferences = {"languages": ["hi"], "history_disabled": True}
    everything = request([], display_name="Ada", preferences=preferences)
    assert messages.changes_from(everything) == {
        "display_name": "Ada",
        "languages": ["hi"],
        "history_disabled": True,
    }
    assert messages.changes_from(request(["preferences.genres"])) == {"genres": []}
    assert messages.changes_from(request(["preferences", "display_name"])) == {
        "display_name": "",
        "languages": [],
        "genres": [],
        "history_disabled": False,
    }


@pytest.mark.parametrize(
    "mask",
    [["role"], ["email"], ["name"], ["*"], ["preferences.x"], ["genres"], [""], [],
     ["display_name"] * 11],
)  # fmt: skip
def test_masks_that_would_change_something_else_or_nothing(mask: list[str]) -> None:
    with pytest.raises(UpdateMaskInvalidError):
        messages.changes_from(request(mask, role=3) if mask else request(mask))


def test_texts_of_keys_are_read_in_one_way() -> None:
    key = new_api_key("0123456789abcdef")
    assert read_api_key(key.text) == ("0123456789abcdef", key.sha256)
    assert key.text not in repr(key)
    for false in (
        key.text.upper(), key.text + "\n", key.text[:-1], " " + key.text, "rt" + key.text[2:],
    ):  # fmt: skip
        assert read_api_key(false) is None
        assert read_refresh_token(false) is None


@pytest.mark.parametrize(
    ("seconds", "nanos"), [(-(10**18), 0), (1_800_000_000, -5), (1_800_000_000, 2 * 10**9)]
)
def test_times_that_are_none_are_refused(seconds: int, nanos: int) -> None:
    request = CreateApiKeyRequest()
    assert messages.time_from(request, "expire_time") is None
    request.expire_time.seconds, request.expire_time.nanos = seconds, nanos
    with pytest.raises(InvalidRequestError, match="expire_time"):
        messages.time_from(request, "expire_time")
