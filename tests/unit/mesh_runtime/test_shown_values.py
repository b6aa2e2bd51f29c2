"""Aim: a refusal shows the value it refuses, unless that is, or may be, a secret.

Method: requests of user_svc that break their contract, decoded as the server decodes them.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from google.protobuf.message import Message
from sonica.user.v1.account_service_pb2 import GetAccountRequest, RegisterRequest

from mesh.runtime.boundary import _Codec
from mesh.runtime.errors import InvalidRequestError

UUID = "5f0c2b1e-0000-4000-8000-000000000000"
KEY = f"sk_0123456789abcdef_{'k' * 43}"


def value_told(request: Message) -> str:
    codec = _Codec(
        "/sonica.user.v1.AccountService/Any",
        SimpleNamespace(request_deserializer=type(request).FromString, response_serializer=None),
        1_048_576,
    )
    with pytest.raises(InvalidRequestError) as caught:
        codec.decode(request.SerializeToString())
    value = caught.value.metadata["value"]
    assert f"(got {value})" in str(caught.value)
    return value


@pytest.mark.parametrize("name", ["users/1", f"user/{UUID}", "my account"])
def test_a_value_is_shown(name: str) -> None:
    assert value_told(GetAccountRequest(name=name)) == repr(name)


@pytest.mark.parametrize(
    "name", [KEY, f"users/{KEY}", f"whsec_{'ab+/' * 10}", "users/somebody@example.org"]
)
def test_what_looks_like_a_secret_or_a_person_is_not(name: str) -> None:
    assert value_told(GetAccountRequest(name=name)) == f"{len(name)} characters, not shown"


def test_fields_beside_a_secret_are_not_shown_as_people_mix_them_up() -> None:
    mixed_up = RegisterRequest(email="pass word", password="somebody@example.org")  # noqa: S106
    assert value_told(mixed_up) == "9 characters, not shown"


def test_a_secret_is_not_shown() -> None:
    short = RegisterRequest(email="somebody@example.org", password="short")  # noqa: S106
    assert value_told(short) == "a secret"
