"""The stream management API, built: what receivers may do with streams of their own, over the works."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import unquote, urlsplit

from bridge.config import Client
from bridge.parts import Parts, Ports
from bridge.pipeline.api.allowance import Allowance
from bridge.pipeline.api.management import Management
from bridge.pipeline.api.ownership import Ownership
from bridge.pipeline.api.standing import Standing
from bridge.pipeline.api.subjects import Subjects
from bridge.pipeline.api.verification import Verification
from bridge.ssf.discovery import Api
from bridge.store.protocol import Store
from bridge.web.bearer import Bearer
from bridge.web.ssf.door import Operations, SsfDoor
from bridge.web.ssf.operations import counted, status_routes, stream_routes, verification_routes
from bridge.web.ssf.polling import poll_routes
from bridge.web.ssf.subjects import subject_routes
from bridge.works import Works


def ssf_door(parts: Parts, store: Store, ports: Ports, works: Works, bearer: Bearer) -> SsfDoor:
    """The routes below the issuer: a proxy in front may or may not strip the issuer's path."""
    prefix = unquote(urlsplit(parts.config.transmitter.issuer).path).rstrip("/")
    return SsfDoor(bearer, operations(parts, store, ports, works), dict.fromkeys(["", prefix]))


def told_api(clients: Collection[Client]) -> Api | None:
    """What the metadata tell; None where nobody may make streams. They are the same for all: what differs for one
    client shows in its streams."""
    if not clients:
        return None
    none = all(client.default_subjects == "NONE" for client in clients)
    return Api("NONE" if none else "ALL", bearer=any(client.token is not None for client in clients))


def operations(parts: Parts, store: Store, ports: Ports, works: Works) -> Operations:
    config, keeper, journal = parts.config, works.keeper, works.journal_of
    owned = Ownership(store, keeper, works.activity.used)
    management = Management(
        store, keeper, owned, config.oauth.clients,
        issuer=config.transmitter.issuer, vault=works.vault, refusal=parts.outbound.refusal,
        clock=ports.clock, ids=ports.ids, journal=journal, deleted=works.stream_deleted,
    )  # fmt: skip
    changing = {
        **stream_routes(management),
        **status_routes(Standing(keeper, owned, ports.clock, journal)),
        **subject_routes(Subjects(owned, works.selections)),
    }
    return {
        **counted(changing, Allowance(config.streams.changes_per_day, ports.clock)),
        **verification_routes(Verification(owned, works.verifier, config.oauth.clients, ports.clock)),
        **poll_routes(owned, works.mailbox),
    }
