"""Aim: a request that breaks its contract thousands of times costs no more than one that does once.

Method: a request of user_svc with as many empty items as fit, and with a few.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from sonica.user.v1.account_service_pb2 import UpdateAccountRequest

from mesh.runtime.boundary import _Codec
from mesh.runtime.errors import InvalidRequestError

METHOD = "/sonica.user.v1.AccountService/UpdateAccount"


def refusal(item_count: int) -> str:
    codec = _Codec(
        METHOD,
        SimpleNamespace(
            request_deserializer=UpdateAccountRequest.FromString, response_serializer=None
        ),
        1_048_576,
    )
    request = UpdateAccountRequest()
    request.account.preferences.languages.extend([""] * item_count)
    with pytest.raises(InvalidRequestError) as caught:
        codec.decode(request.SerializeToString())
    return str(caught.value)


def test_a_small_request_is_told_everything_a_large_one_the_first_thing() -> None:
    assert "more" in refusal(3)
    assert "more" not in refusal(20_000)
