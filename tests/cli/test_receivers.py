"""`receivers register`: once is enough, twice does no harm, and nothing is changed unasked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.scene import ISSUER, ROWS, Scene
from tests.okta.standin import ADMIN_TOKEN, READ_TOKEN, Org, running

JWKS = f"{ISSUER}/.well-known/jwks.json"
METADATA = f"{ISSUER}/.well-known/ssf-configuration"


@pytest.fixture
def org() -> Iterator[Org]:
    with running(Org()) as started:
        yield started


@pytest.fixture
def scene(tmp_path: Path, org: Org, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setenv("OKTA_ADMIN_TOKEN", ADMIN_TOKEN)
    made = Scene(tmp_path)
    made.streams(*ROWS)
    text = made.config.read_text().replace("[store]", "[delivery]\nallow_insecure_targets = true\n\n[store]")
    okta = 'audience = "https://acme.okta.com"\n'
    given = f'api_url = "{org.base}"\napi_token = "{READ_TOKEN}"\n'
    made.config.write_text(text.replace(okta, okta + given))
    return made


def ran(scene: Scene, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = scene.run("receivers", *words)
    out, err = capsys.readouterr()
    assert ADMIN_TOKEN not in out + err
    assert READ_TOKEN not in out + err
    return code, out, err


def audited(scene: Scene) -> list[Any]:
    found = scene.store(lambda store: store.audit())
    assert ADMIN_TOKEN not in repr(found)
    return found


def there(org: Org, **more: Any) -> dict[str, Any]:
    """A provider with our issuer, as Okta has it."""
    one = {"id": "sse9", "name": "by hand", "type": "x", "status": "ACTIVE",
           "settings": {"issuer": ISSUER, "jwks_url": JWKS, "well_known_url": None}, **more}  # fmt: skip
    org.providers.append(one)
    return one


def test_made_and_recorded(scene: Scene, org: Org, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ran(scene, capsys, "register", "okta", "--title", "The bridge", "--reason", "first day")
    assert code == 0
    assert "made at Okta" in out
    assert "sse1" in out
    (made,) = org.providers
    assert (made["name"], made["type"]) == ("The bridge", "caep-bridge")
    assert made["settings"]["well_known_url"] == METADATA
    (entry,) = audited(scene)
    assert (entry.what, entry.target, entry.why, entry.before) == ("receivers.register", "okta", "first day", "")
    assert entry.after == f"sse1 ACTIVE {ISSUER} {JWKS}"


def test_twice_is_once(scene: Scene, org: Org, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(scene, capsys, "register", "okta")[0] == 0
    code, out, _ = ran(scene, capsys, "register", "okta", "--json")
    found = json.loads(out)
    assert (code, found["outcome"], found["provider"]["id"]) == (0, "found", "sse1")
    assert (len(org.providers), len(audited(scene))) == (1, 1)


def test_by_keys(scene: Scene, org: Org, capsys: pytest.CaptureFixture[str]) -> None:
    org.unreachable = True
    assert ran(scene, capsys, "register", "okta", "--by-keys")[0] == 0
    assert org.providers[0]["settings"] == {"issuer": ISSUER, "jwks_url": JWKS, "well_known_url": None}


def test_one_that_differs_is_changed_only_if_told_to(
    scene: Scene, org: Org, capsys: pytest.CaptureFixture[str]
) -> None:
    there(org, status="INACTIVE", settings={"issuer": ISSUER, "jwks_url": "https://old.example/jwks"})
    code, _, err = ran(scene, capsys, "register", "okta")
    assert code == 2
    assert "its JWKS URL is https://old.example/jwks and should be" in err
    assert "INACTIVE, so Okta refuses its SETs" in err
    assert "--yes" in err
    assert (org.providers[0]["status"], audited(scene)) == ("INACTIVE", [])
    code, out, _ = ran(scene, capsys, "register", "okta", "--yes")
    assert code == 0
    assert "changed at Okta" in out
    changed = org.providers[0]
    assert (changed["name"], changed["status"], changed["settings"]["jwks_url"]) == ("by hand", "ACTIVE", JWKS)
    (entry,) = audited(scene)
    assert entry.before == f"sse9 INACTIVE {ISSUER} https://old.example/jwks"


def test_another_issuers_provider_is_left_alone(scene: Scene, org: Org, capsys: pytest.CaptureFixture[str]) -> None:
    other = there(org, settings={"issuer": "https://other.example", "jwks_url": "https://other.example/k"})
    before = json.dumps(other)
    assert ran(scene, capsys, "register", "okta", "--yes")[0] == 0
    assert (len(org.providers), json.dumps(org.providers[0])) == (2, before)


def test_two_with_our_issuer(scene: Scene, org: Org, capsys: pytest.CaptureFixture[str]) -> None:
    there(org)
    there(org, id="sse10")
    code, _, err = ran(scene, capsys, "register", "okta", "--yes")
    assert (code, "sse9, sse10" in err, len(org.providers)) == (1, True, 2)


def test_an_issuer_that_okta_cannot_reach(scene: Scene, org: Org, capsys: pytest.CaptureFixture[str]) -> None:
    org.unreachable = True
    code, _, err = ran(scene, capsys, "register", "okta")
    assert code == 1
    assert "well_known_url: The URL could not be resolved" in err, "Okta's own words"
    assert "check --online" in err
    assert audited(scene) == []


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("401", "is the token in OKTA_ADMIN_TOKEN of this organisation"),
        ("403", "okta.securityEventsProviders.manage"),
        ("429", "run this again"),
        ("html", "without -admin"),
        ("502", "may have been done all the same"),
    ],
)
def test_refusals(scene: Scene, org: Org, capsys: pytest.CaptureFixture[str], trouble: str, words: str) -> None:
    if trouble == "401":
        org.scopes = {}
    elif trouble == "403":
        org.scopes[ADMIN_TOKEN] = {"okta.users.read"}
    elif trouble == "429":
        org.remaining = 0
    elif trouble == "html":
        org.broken = 404, "<html>"
    else:
        org.broken = 502, "<html>"
    code, _, err = ran(scene, capsys, "register", "okta")
    assert (code, words in err) == (1, True), err


def test_another_variable(
    scene: Scene, org: Org, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OKTA_ADMIN_TOKEN")
    code, _, err = ran(scene, capsys, "register", "okta")
    assert (code, "OKTA_ADMIN_TOKEN is not set" in err, org.asked) == (2, True, [])
    monkeypatch.setenv("MINE", ADMIN_TOKEN)
    assert ran(scene, capsys, "register", "okta", "--token-env", "MINE", "--bearer")[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["okt"], "there is no receiver okt (did you mean okta?)"),
        (["siem"], 'siem has profile = "ssf"'),
        (["okta", "--title", "x" * 101], "--title must have 1 to 100 characters"),
    ],
)
def test_calls_that_are_wrong(
    scene: Scene, org: Org, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    code, _, err = ran(scene, capsys, "register", *words)
    assert (code, said in err, org.asked) == (2, True, []), err


def test_before_the_first_serve(scene: Scene, org: Org, capsys: pytest.CaptureFixture[str]) -> None:
    for file in scene.folder.glob("bridge.db*"):
        file.unlink()
    code, _, err = ran(scene, capsys, "register", "okta")
    assert (code, "start `caep-bridge serve` first" in err, org.asked) == (1, True, [])


def test_list(scene: Scene, org: Org, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ran(scene, capsys, "list", "--json")
    shown = {one["name"]: one for one in json.loads(out)}
    assert code == 0
    assert shown["okta"]["asked_with"] == "api_token"
    assert shown["siem"] == {
        "name": "siem", "profile": "ssf", "delivery": "push", "asked_with": "none",
        "registers": "at the receiver, by hand",
    }  # fmt: skip
    assert org.asked == []
