"""The stream management API, built: what receivers may do with streams of their own, over the works."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from bridge.parts import Parts, Ports
from bridge.pipeline.management import Management
from bridge.pipeline.ownership import Ownership
from bridge.pipeline.standing import Standing
from bridge.pipeline.subjects import Subjects
from bridge.store.protocol import Store
from bridge.web.bearer import Bearer
from bridge.web.ssf.door import Operations, SsfDoor
from bridge.web.ssf.operations import status_routes, stream_routes
from bridge.web.ssf.polling import poll_routes
from bridge.web.ssf.subjects import subject_routes
from bridge.works import Works


def ssf_door(parts: Parts, store: Store, ports: Ports, works: Works, bearer: Bearer) -> SsfDoor:
    """The routes below the issuer: a proxy in front may or may not strip the issuer's path."""
    prefix = unquote(urlsplit(parts.config.transmitter.issuer).path).rstrip("/")
    return SsfDoor(bearer, operations(parts, store, ports, works), dict.fromkeys(["", prefix]))


def operations(parts: Parts, store: Store, ports: Ports, works: Works) -> Operations:
    config, keeper, journal = parts.config, works.keeper, works.journal_of
    owned = Ownership(store, keeper, lambda stream_id: None)
    management = Management(
        store, keeper, owned, config.oauth.clients,
        issuer=config.transmitter.issuer, vault=works.vault, refusal=parts.outbound.refusal,
        clock=ports.clock, ids=ports.ids, journal=journal, deleted=works.selections.forget,
    )  # fmt: skip
    standing = Standing(keeper, owned, journal)
    subjects = Subjects(owned, works.selections)
    return {
        **stream_routes(management),
        **status_routes(standing),
        **subject_routes(subjects),
        **poll_routes(owned, works.mailbox),
    }
