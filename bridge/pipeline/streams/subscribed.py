"""subscribed: the stream that a receiver made, as it runs. Pure, but that its header is opened when it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bridge.config import Client
from bridge.model import DEVICE_COMPLIANCE_CHANGE, Selects, Stream, Subscription
from bridge.ssf.configuration import PUSH_METHODS, events_delivered
from bridge.store.records import StreamRow
from bridge.vault import SealedText, Vault

PRODUCED = (DEVICE_COMPLIANCE_CHANGE,)
"""The event types that connectors can bring about."""


def events_supported(client: Client) -> tuple[str, ...]:
    """What can be produced, and this client may hear of."""
    return tuple(event for event in PRODUCED if client.events is None or event in client.events)


Selected = Callable[[str, str], Selects | None]
"""What the stream of this id and client is about (`bridge.pipeline.api.selections`)."""


def every_subject(stream_id: str, client: str) -> None:
    return None


class Subscribed:
    """`clients` are those of the configuration: without its client a stream does not run."""

    def __init__(self, clients: Mapping[str, Client], vault: Vault, selected: Selected = every_subject) -> None:
        self._clients = clients
        self._vault = vault
        self._selected = selected

    def __call__(self, row: StreamRow) -> Stream | None:
        made, client = row.subscription, self._clients.get(row.client)
        if made is None or made.deleted_at is not None or client is None:
            return None
        return Stream(
            id=row.id,
            name=row.name,
            audience=row.audience,
            profile=client.profile,
            endpoint_url=made.endpoint_url,
            authorization_header=self._header(row.id, made),
            subject=client.subject,
            aggregate=client.aggregate,
            events=frozenset(events_delivered(events_supported(client), made.events_requested)),
            connectors=frozenset(client.connectors) if client.connectors is not None else None,
            domains=frozenset(client.domains) if client.domains is not None else None,
            enabled=made.status != "disabled",
            paused=bool(row.paused) or made.status == "paused",
            send_txn=client.send_txn,
            shape=client.shape,
            way="push" if made.method in PUSH_METHODS else "poll",
            client=row.client,
            by_api=True,
            verified=made.verified or not client.verify,
            selection=self._selected(row.id, row.client),
        )

    def _header(self, stream_id: str, made: Subscription) -> SealedText | None:
        return SealedText(self._vault, made.sealed_header, stream_id) if made.sealed_header else None
