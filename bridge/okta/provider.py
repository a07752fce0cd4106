"""The Security Events Provider: what makes Okta believe our issuer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bridge.okta.api import OktaApi
from bridge.okta.words import OktaTrouble

READ: Final = "okta.securityEventsProviders.read"
MANAGE: Final = "okta.securityEventsProviders.manage"
PATH: Final = "/api/v1/security-events-providers"
TYPE: Final = "caep-bridge"
NAME_LENGTH: Final = 100
_PAGES: Final = 20
_LIST = f"the Security Events Providers (GET {PATH})"
_CREATE = f"making the Security Events Provider (POST {PATH})"
_REPLACE = f"changing the Security Events Provider (PUT {PATH}/{{id}})"
_ACTIVATE = f"activating the Security Events Provider (POST {PATH}/{{id}}/lifecycle/activate)"


@dataclass(frozen=True, slots=True)
class Provider:
    """A registration as Okta shows it. `issuer` and `jwks_url` are what Okta goes by, also where it was given a
    well-known URL."""

    id: str
    name: str
    status: str
    issuer: str
    jwks_url: str
    well_known_url: str | None = None

    @property
    def active(self) -> bool:
        return self.status == "ACTIVE"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What ours is to be. Without `well_known_url` Okta is given issuer and JWKS URL themselves."""

    name: str
    issuer: str
    jwks_url: str
    well_known_url: str | None

    @property
    def body(self) -> dict[str, Any]:
        keys = {"issuer": self.issuer, "jwks_url": self.jwks_url}
        settings = {"well_known_url": self.well_known_url} if self.well_known_url else keys
        return {"name": self.name, "type": TYPE, "settings": settings}

    def differences(self, found: Provider) -> list[str]:
        """What is otherwise at Okta, in words; the name is the admin's own affair."""
        words = []
        if found.jwks_url != self.jwks_url:
            words.append(f"its JWKS URL is {found.jwks_url or 'missing'} and should be {self.jwks_url}")
        if not found.active:
            words.append(f"it is {found.status or 'of unknown status'}, so Okta refuses its SETs")
        return words


async def providers(api: OktaApi) -> list[Provider]:
    """All registrations of the organisation. Raises OktaTrouble."""
    found: list[Provider] = []
    async for page in api.pages(_LIST, PATH, {}, READ, _PAGES):
        found += [_provider(_LIST, one) for one in page]
    return found


async def create(api: OktaApi, wanted: Wanted) -> Provider:
    return _provider(_CREATE, await api.send(_CREATE, "POST", PATH, MANAGE, wanted.body))


async def replace(api: OktaApi, found: Provider, wanted: Wanted) -> Provider:
    """Gives it the settings that are wanted and its own name, and activates it if it is not."""
    body = {**wanted.body, "name": found.name}
    changed = _provider(_REPLACE, await api.send(_REPLACE, "PUT", f"{PATH}/{found.id}", MANAGE, body))
    if changed.active:
        return changed
    return _provider(_ACTIVATE, await api.send(_ACTIVATE, "POST", f"{PATH}/{found.id}/lifecycle/activate", MANAGE))


def _provider(label: str, tree: Any) -> Provider:
    settings = tree.get("settings") if isinstance(tree, dict) else None
    if not isinstance(settings, Mapping) or not isinstance(tree.get("id"), str):
        raise OktaTrouble("malformed", f"{label}: the answer is not a provider")
    url = settings.get("well_known_url")
    return Provider(
        id=tree["id"],
        name=str(tree.get("name", "")),
        status=str(tree.get("status", "")),
        issuer=str(settings.get("issuer") or ""),
        jwks_url=str(settings.get("jwks_url") or ""),
        well_known_url=url if isinstance(url, str) else None,
    )
