"""Aim: what is signed is what Standard Webhooks describes, and any change of it shows.

Method: the example of the specification, computed by hand here a second time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import random

from user_svc.webhooks.courier import WAITS_SECONDS, wait_seconds
from user_svc.webhooks.signature import headers, new_secret, secret_text

BODY = b'{"test": 2432232314}'


def test_the_example_of_the_specification() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY, [key])
    assert made == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_two_secrets_make_two_signatures() -> None:
    newer, older = new_secret(), new_secret()
    signatures = headers("evt_1", 1, BODY, [newer, older])["webhook-signature"].split(" ")
    expected = [
        base64.b64encode(hmac.digest(key, b"evt_1.1." + BODY, hashlib.sha256)).decode()
        for key in (newer, older)
    ]
    assert signatures == [f"v1,{text}" for text in expected]
    assert headers("evt_1", 2, BODY, [newer])["webhook-signature"] != signatures[0]


def test_a_secret_is_256_bits_behind_its_prefix() -> None:
    text = secret_text(new_secret())
    assert text.startswith("whsec_")
    assert len(base64.b64decode(text.removeprefix("whsec_"))) == 32
    assert text != secret_text(new_secret())


def test_waits_grow_spread_and_end() -> None:
    random.seed(1)
    for count, wait in enumerate(WAITS_SECONDS, start=1):
        made = {wait_seconds(count) for _ in range(20)}
        assert len(made) > 10
        assert all(each is not None and 0.8 * wait <= each <= 1.2 * wait for each in made)
    assert wait_seconds(len(WAITS_SECONDS) + 1) is None
