"""`caep-bridge receivers`: those that can be asked or told over an API of their own, and registering there."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from bridge.cli.console.changing import confirmed, record
from bridge.cli.console.configured import WrongCall, load_config
from bridge.cli.console.near import near
from bridge.cli.console.opened import exists, opened
from bridge.cli.console.output import pairs, say, table, write, write_json
from bridge.cli.console.seen import unset

if TYPE_CHECKING:
    from bridge.config import Config, Loaded, Receiver
    from bridge.okta.api import OktaApi
    from bridge.okta.provider import Provider, Wanted
    from bridge.okta.words import OktaTrouble
    from bridge.store.protocol import Store

receivers = App(name="receivers", help="The receivers: what they can be asked, and registering this issuer there.")

TOKEN = "OKTA_ADMIN_TOKEN"  # noqa: S105  the name of a variable


@receivers.command(name="list")
def list_(*, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> int:
    """Each receiver: its profile, and whether it can be asked whom it knows and what it saw. Asks nobody.

    Parameters
    ----------
    as_json
        Print JSON.
    """
    loaded = load_config()
    found = [_described(name, one, loaded) for name, one in loaded.config.receivers.items()]
    if as_json:
        write_json(found)
        return 0
    table(
        ("receiver", "profile", "delivery", "asked with", "registers"),
        ((one["name"], one["profile"], one["delivery"], one["asked_with"], one["registers"]) for one in found),
        empty="no receiver is configured",
    )
    return 0


def _described(name: str, one: Receiver, loaded: Loaded) -> dict[str, Any]:
    token = "api_token" if one.api_token is not None else "api_private_key"
    credential = f"{token} ({unset(one)} is not set here)" if unset(one) else token
    return {
        "name": name,
        "profile": one.profile,
        "delivery": one.delivery,
        "asked_with": credential if one.has_api else "none",
        "registers": f"caep-bridge receivers register {name}" if one.profile == "okta" else "at the receiver, by hand",
    }


@receivers.command
async def register(
    name: str,
    /,
    *,
    token_env: str = TOKEN,
    bearer: Annotated[bool, Parameter(negative="")] = False,
    title: str = "caep-bridge",
    by_keys: Annotated[bool, Parameter(negative="")] = False,
    yes: Annotated[bool, Parameter(negative="")] = False,
    reason: str = "",
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Make Okta take our SETs: a Security Events Provider with our issuer, by Okta's API.

    One that is there already is found by its issuer and left as it is; one that differs is changed after a question.
    Needs the token of an administrator, which is used for this and neither kept nor shown. Okta reads our documents
    at the public issuer: `serve` must run, and be reachable from outside.

    Parameters
    ----------
    name
        The receiver's name in the configuration; its profile must be okta.
    token_env
        The environment variable that holds the administrator's API token.
    bearer
        It is an OAuth access token with okta.securityEventsProviders.manage, not an API token.
    title
        How the provider is called in the Admin Console.
    by_keys
        Give Okta issuer and JWKS URL, instead of the URL of the metadata.
    yes
        Do not ask before a provider that is there is changed.
    reason
        Why; it stands in the audit log.
    as_json
        Print JSON.
    """
    config = load_config().config
    receiver = _okta(config, name)
    token, wanted = _token(token_env), _wanted(config, title, by_keys)
    if not exists(config):
        say("there is no store yet: start `caep-bridge serve` first, for Okta reads its documents when it registers it")
        return 1
    from bridge.okta.words import OktaTrouble

    async with opened(config) as store, _api(config, receiver, token, bearer) as api:
        try:
            done = await _brought_about(store, api, name, wanted, yes, reason)
        except OktaTrouble as problem:
            say(f"caep-bridge: {problem}")
            say(_advice(problem, config, token_env, bearer))
            return 1
    if done is None:
        return 1
    outcome, provider = done
    _show(outcome, provider, wanted, as_json)
    return 0 if provider.issuer == wanted.issuer else 1


def _okta(config: Config, name: str) -> Receiver:
    receiver = config.receivers.get(name)
    if receiver is None:
        raise WrongCall(f"there is no receiver {name}" + near(name, list(config.receivers)))
    if receiver.profile != "okta":
        raise WrongCall(f'{name} has profile = "{receiver.profile}": only okta can be registered at by an API')
    return receiver


def _token(variable: str) -> str:
    token = os.environ.get(variable, "").strip()
    if not token:
        raise WrongCall(f"{variable} is not set: it must hold the API token of an administrator (or name another "
                        "variable with --token-env); the token itself never stands in the call")  # fmt: skip
    return token


def _wanted(config: Config, title: str, by_keys: bool) -> Wanted:
    from bridge.cli.online.issuer import metadata_url
    from bridge.okta.provider import NAME_LENGTH, Wanted
    from bridge.ssf import discovery

    if not 0 < len(title) <= NAME_LENGTH:
        raise WrongCall(f"--title must have 1 to {NAME_LENGTH} characters")
    issuer = config.transmitter.issuer
    return Wanted(title, issuer, discovery.jwks_uri(issuer), None if by_keys else metadata_url(issuer))


@asynccontextmanager
async def _api(config: Config, receiver: Receiver, token: str, bearer: bool) -> AsyncIterator[OktaApi]:
    from bridge.clock import SystemClock
    from bridge.config.secret import Secret
    from bridge.okta.api import OktaApi, base_of
    from bridge.okta.proof import ApiToken
    from bridge.parts import outbound_of

    outbound = outbound_of(config)
    try:
        proof = ApiToken(Secret(token), "Bearer" if bearer else "SSWS")
        yield OktaApi(base_of(receiver), proof, outbound, SystemClock())
    finally:
        await outbound.close()


async def _brought_about(
    store: Store, api: OktaApi, name: str, wanted: Wanted, yes: bool, reason: str
) -> tuple[str, Provider] | None:
    """What was done, and the provider as Okta shows it now; None: nothing, and it was said why."""
    from bridge.okta.provider import create, providers, replace

    ours = [one for one in await providers(api) if one.issuer == wanted.issuer]
    if len(ours) > 1:
        say(f"Okta has {len(ours)} providers with this issuer, and which one it goes by is unknown: delete all but one "
            f"({', '.join(one.id for one in ours)}) in the Admin Console, then run this again")  # fmt: skip
        return None
    if not ours:
        made = await create(api, wanted)
        await record(store, "receivers.register", name, reason, "", _line(made))
        return "made", made
    (found,) = ours
    differences = wanted.differences(found)
    if not differences:
        return "found", found
    say(f"Okta has the provider {found.id} ({found.name}) with this issuer, but {'; '.join(differences)}.")
    if not confirmed("Change it?", yes):
        return None
    changed = await replace(api, found, wanted)
    await record(store, "receivers.register", name, reason, _line(found), _line(changed))
    return "changed", changed


def _line(one: Provider) -> str:
    return f"{one.id} {one.status} {one.issuer} {one.jwks_url}"


def _show(outcome: str, one: Provider, wanted: Wanted, as_json: bool) -> None:
    if as_json:
        write_json({"outcome": outcome, "provider": one})
    else:
        words = {"made": "made at Okta", "found": "there already, and as it should be", "changed": "changed at Okta"}
        write(f"the Security Events Provider is {words[outcome]}")
        pairs([("  id", one.id), ("  name", one.name), ("  status", one.status), ("  issuer", one.issuer)])
        pairs([("  JWKS URL", one.jwks_url)])
    if one.issuer != wanted.issuer:
        say(f"but Okta read the issuer {one.issuer} from our document, and SETs say {wanted.issuer}: "
            "`caep-bridge check --online` says what answers there")  # fmt: skip


def _advice(problem: OktaTrouble, config: Config, token_env: str, bearer: bool) -> str:
    """What to do about it."""
    if problem.kind == "unauthorized":
        other = "without --bearer" if bearer else "with --bearer, if it is an OAuth access token"
        return f"is the token in {token_env} of this organisation and not revoked? Or try {other}"
    if problem.kind == "forbidden":
        return "the token's administrator may not do this: a super administrator may, or one with the scope " \
               "okta.securityEventsProviders.manage; and the organisation needs Identity Threat Protection"  # fmt: skip
    if problem.kind in ("missing", "malformed"):
        return "is audience (or api_url) the organisation's own address, without -admin? " \
               "Or it lacks Identity Threat Protection"  # fmt: skip
    if problem.kind == "limited":
        return f"wait {problem.wait or 60:.0f} s, then run this again"
    if problem.kind == "down":
        return "what was asked may have been done all the same: run this again, it finds what is there"
    issuer = config.transmitter.issuer
    return f"Okta reads our documents below {issuer} over public https: `caep-bridge check --online` reads them from " \
           "here; if that is well, something keeps Okta out, or try --by-keys"  # fmt: skip
