"""The receivers that `docs/neighbours` tells of: their streams as their page configures them, and their golden SETs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bridge.config import Client, Config, load
from bridge.model import ComplianceChange, CredentialChange, Event, SessionRevoked, Stream, Subscription
from bridge.pipeline.streams.plan import stream_of
from bridge.pipeline.streams.subscribed import Subscribed
from bridge.ssf.profile import Claims, claims, verification
from bridge.store.records import StreamRow
from bridge.value import replace
from bridge.vault import Vault
from tests.ssf.given import EVENT, ISSUER

ROOT = Path(__file__).parent.parent.parent
DATA = ROOT / "tests" / "data"
SETS = DATA / "sets" / "neighbours"
_BLOCK = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_ENVIRON = {
    "SGNL_AUTHORIZATION": "Bearer sgnl-0f1e2d3c",
    "KEYCLOAK_AUTHORIZATION": "Bearer kc-push-77aa",
    "KEYCLOAK_TOKEN": "static-token-of-keycloak-1a2b3c4d5e6f",
    "GOOGLE_AUTHORIZATION": "Bearer google-5566",
    "SAILPOINT_SECRET": "a-secret-of-sailpoint-with-some-length-8f7e",
    "GOSIGNALS_TOKEN": "static-token-of-gosignals-9f8e7d6c5b4a3210",
    "CAEP_DEV_TOKEN": "static-token-of-caep-dev-1a2b3c4d5e6f7a8b",
}

REVOKED = SessionRevoked(
    EVENT.login, EVENT.namespace, EVENT.device_id, EVENT.at, EVENT.reason_admin, EVENT.txn, EVENT.initiating_entity
)
CHANGED = CredentialChange(
    "u-1187", "", "", EVENT.at, "The person chose a new password", EVENT.txn, "user", "password", "update"
)
EVENTS: Mapping[str, tuple[str, Event]] = {
    "sgnl": ("sgnl", EVENT),
    "keycloak": ("keycloak", EVENT),
    "keycloak-session-revoked": ("keycloak", REVOKED),
    "google-workspace": ("google-workspace", REVOKED),
    "sailpoint": ("sailpoint", EVENT),
    "caep-dev": ("caep-dev", EVENT),
    "gosignals": ("gosignals", EVENT),
    "apple": ("apple", CHANGED),
    "apple-session-revoked": ("apple", replace(REVOKED, login="u-1187")),
}
"""Golden SET → its receiver's page, and the hand-made event."""
VERIFICATIONS: Mapping[str, tuple[str, str | None]] = {
    "keycloak-verification": ("keycloak", "n-51c0e7"),
    "apple-verification": ("apple", None),
}
"""Golden SET → its receiver's page, and the state that it gave."""
PAGES = ("sgnl", "keycloak", "google-workspace", "sailpoint", "caep-dev", "gosignals", "apple")
KNOWN = frozenset({ComplianceChange.type, SessionRevoked.type, CredentialChange.type})


def golden(name: str) -> Any:
    return json.loads((SETS / f"{name}.json").read_text())


def configured(page: str, folder: Path) -> Config:
    """What the page tells an admin to write."""
    blocks = _BLOCK.findall((ROOT / "docs" / "neighbours" / f"{page}.md").read_text())
    file = folder / "config.toml"
    file.write_text("\n".join([f'[transmitter]\nissuer = "{ISSUER}"\n', *blocks]))
    return load(file, _ENVIRON).config


def streams(page: str, folder: Path) -> list[Stream]:
    """Every way to a stream that the page shows: the admin's own, and one that a client makes."""
    config = configured(page, folder)
    own = [
        stream_of(receiver, StreamRow("s1", name, receiver.audience, 1.0))
        for name, receiver in config.receivers.items()
    ]
    made = [made_by(name, client, Subscription("urn:ietf:rfc:8936")) for name, client in config.oauth.clients.items()]
    return own + made


def made_by(name: str, client: Client, subscription: Subscription) -> Stream:
    row = StreamRow("s1", name, client.audience, 1.0, client=name, subscription=subscription)
    made = Subscribed({name: client}, Vault(Path("/nowhere")))(row)
    assert made is not None
    return made


def told(stream: Stream, event: Event) -> Claims:
    return claims(event, stream, issuer=ISSUER, jti="01JD9Z6W3C5K8N2Q7R4T1V0XYA", iat=1795348800)


def verified(stream: Stream, state: str | None) -> Claims:
    return verification(stream, issuer=ISSUER, jti="01JD9Z6W3C5K8N2Q7R4T1V0XYA", iat=1795348800, state=state)
