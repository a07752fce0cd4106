from __future__ import annotations

import copy
import json
import pickle
import traceback

import pytest
from pydantic import BaseModel

from bridge.config import Secret

HIDDEN = "s3cr3t-value"


class Holder(BaseModel):
    secret: Secret


@pytest.mark.parametrize(
    "show", [str, repr, "{}".format, "{:>20}".format, ascii, lambda s: f"{s!r}", lambda s: [s].__repr__()]
)
def test_nothing_shows_it(show: object) -> None:
    assert callable(show)
    assert HIDDEN not in str(show(Secret(HIDDEN, "env:X")))


def test_models_do_not_show_it() -> None:
    held = Holder(secret=Secret(HIDDEN))
    assert HIDDEN not in held.model_dump_json() + repr(held) + str(held) + json.dumps(held.model_dump(mode="json"))
    assert held.secret.reveal() == HIDDEN


def test_it_cannot_be_pickled() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret(HIDDEN))


def test_a_copy_is_itself() -> None:
    secret = Secret(HIDDEN)
    assert copy.copy(secret) is secret
    assert copy.deepcopy({"a": secret})["a"] is secret


def test_equality_is_by_text() -> None:
    assert Secret("a", "env:A") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("ä") == Secret("ä")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a", "file:x")}) == 1


@pytest.mark.parametrize("value", ["", 3, None, ["a"]])
def test_a_model_refuses_what_is_no_secret_and_does_not_echo_it(value: object) -> None:
    try:
        Holder(secret=value)  # type: ignore[arg-type]  # the point of the test
    except ValueError:
        assert "s3" not in traceback.format_exc()
    else:
        pytest.fail("accepted")
