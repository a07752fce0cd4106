"""The signature of Standard Webhooks 1.0, checked as a receiver would."""

from __future__ import annotations

import base64
import hashlib
import hmac

from bridge.config.notify import signing_key
from bridge.notify.signature import headers

KEY = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


def test_the_known_example() -> None:
    """Of the specification's own test suites."""
    made = headers([KEY], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_secret_signs_and_the_time_is_whole_seconds() -> None:
    old, body = b"o" * 24, '{"a":"é"}'.encode()
    made = headers([KEY, old], "id", 12.9, body)
    wanted = [hmac.new(key, b"id.12." + body, hashlib.sha256).digest() for key in (KEY, old)]
    assert made["webhook-timestamp"] == "12"
    assert [base64.b64decode(one.removeprefix("v1,")) for one in made["webhook-signature"].split(" ")] == wanted
