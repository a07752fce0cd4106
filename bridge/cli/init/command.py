"""`caep-bridge init`: a config.toml that `caep-bridge check` accepts."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from bridge.cli.console.answers import Answers, config_text, from_flags, reference, variables
from bridge.cli.console.configured import STAND_IN, Offline, WrongCall, judged
from bridge.cli.console.output import say
from bridge.cli.init.counts import said_by_vendor
from bridge.clock import SystemClock
from bridge.errors import ConfigError

if TYPE_CHECKING:
    from bridge.connector.language.settings import Setting
    from bridge.connector.load import Description

PROFILES = ("okta", "ssf", "sse")


def init(
    *,
    issuer: str = "",
    connector: str = "",
    settings: Annotated[list[str] | None, Parameter(name="--set", negative="")] = None,
    receiver: Literal["okta", "ssf", "sse"] | None = None,
    audience: str = "",
    endpoint_url: str = "",
    output: Path = Path("config.toml"),
    force: Annotated[bool, Parameter(negative="")] = False,
    offline: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Write a commented config.toml. Asks for what the flags do not say, if a person is there to answer.

    Secrets are written as references to environment variables, never as values. Where they are set already, the
    vendor is asked how many devices each judgement would fail now.

    Parameters
    ----------
    issuer
        The public https URL of this service.
    connector
        A type of connector, such as a folder in connectors/, or the path of a connector.toml.
    settings
        A setting of the connector, NAME.KEY=VALUE; may be repeated. NAME.judge chooses what counts as not compliant.
    receiver
        Who is told: the profile of the receiver.
    audience
        `aud` of the receiver; for okta the URL of the organisation.
    endpoint_url
        Where the receiver takes SETs; okta has a default.
    output
        The file to write.
    force
        Overwrite it if it exists.
    offline
        Ask the vendor nothing.
    """
    if output.exists() and not force:
        raise WrongCall(f"{output} exists; --force overwrites it")
    answers = Answers(
        issuer=issuer, type=connector, profile=receiver or "", audience=audience, endpoint_url=endpoint_url
    )
    asking = sys.stdin.isatty() and sys.stderr.isatty()
    description = _complete(answers, settings or [], None if offline else output, asking=asking)
    text = config_text(answers, description)
    _write(output, text)
    say(f"{output} is written.")
    for name in variables(text):
        say(f"  set {name} in the environment{' (it is)' if os.environ.get(name) else ''}")
    say(f"Then: caep-bridge check{'' if output == Path('config.toml') else f' --config {output}'}")
    return 0


def _complete(answers: Answers, pairs: list[str], place: Path | None, *, asking: bool) -> Description | None:
    """Fill in what is missing: by asking, or by saying all that is missing at once.

    `place` is where the file will be, None if the vendor is not to be asked.
    """
    if asking:
        _ask_ends(answers)
    description = _described(answers)
    given = dict(_flags(pairs, answers.connector))
    answers.judge = given.pop("judge", "")
    answers.settings = given
    missing = [] if answers.issuer else ["--issuer"]
    if description is not None:
        _known(given, description, answers.connector)
        for setting in description.settings:
            missing += _settle(setting, answers, asking=asking)
        if place is not None and not missing:
            asyncio.run(said_by_vendor(answers, description, place))
        missing += _judge(answers, description, asking=asking)
    if answers.profile and not answers.audience:
        missing.append("--audience")
    if answers.profile in ("ssf", "sse") and not answers.endpoint_url:
        missing.append("--endpoint-url")
    if missing:
        raise WrongCall(f"nobody is there to ask; still needed: {'; '.join(missing)}")
    return description


def _described(answers: Answers) -> Description | None:
    from bridge.connector.load import describe

    if not answers.type:
        return None
    place = Path(answers.type)
    if len(place.parts) > 1 or place.suffix == ".toml":
        place = place.absolute()  # what was typed is relative to here, what is written to the file's folder
        answers.type = str(place)
    stem = place.parent.name if place.suffix == ".toml" else place.name
    answers.connector = re.sub(r"[^a-z0-9_]", "_", stem.lower()).lstrip("_0123456789") or "connector"
    return describe(answers.type)


def _flags(pairs: list[str], connector: str) -> dict[str, str]:
    try:
        return dict(from_flags(pairs, connector))
    except ValueError as problem:
        raise WrongCall(str(problem)) from None


def _known(given: dict[str, str], description: Description, connector: str) -> None:
    names = [setting.name for setting in description.settings]
    for key in given:
        if key not in names:
            raise WrongCall(f"--set {connector}.{key}: there is no such setting; there are {', '.join(names)}, judge")


def _settle(setting: Setting, answers: Answers, *, asking: bool) -> list[str]:
    """One setting: given, asked for, or by its default. Returns what is missing."""
    given = answers.settings.get(setting.name)
    if setting.secret:
        return _secret(setting, answers, asking=asking)
    if given is None and asking:
        default = "" if setting.default is None else str(setting.default)
        given = answers.settings[setting.name] = ask(setting.name, setting.help, default, setting.choices)
    if given or not setting.required:
        return []
    choices = f" (one of {', '.join(setting.choices)})" if setting.choices else ""
    return [f"--set {answers.connector}.{setting.name}=…{choices}"]


def _secret(setting: Setting, answers: Answers, *, asking: bool) -> list[str]:
    place = reference(answers.connector, setting.name)
    given = answers.settings.get(setting.name)
    if given is None and asking:
        say(f"{setting.name}: {setting.help}")
        given = ask("  read from", "env:NAME or file:/path" + ("" if setting.required else ", - for none"), place)
        given = "" if given == "-" else given
    given = place if given is None else given
    if given and not given.startswith(("env:", "file:")):
        raise WrongCall(f"{setting.name} is a secret: give env:NAME or file:/path, where it can be read")
    answers.settings[setting.name] = given
    return [f"--set {answers.connector}.{setting.name}={place}"] if setting.required and not given else []


def _judge(answers: Answers, description: Description, *, asking: bool) -> list[str]:
    names = tuple(judgement.name for judgement in description.judgements)
    if not answers.judge and asking:
        say("What counts as not compliant:")
        for judgement in description.judgements:
            say(f"  {judgement.name}: {judgement.help}")
        answers.judge = ask("judge", "", "", names)
    return [] if answers.judge else [f"--set {answers.connector}.judge=… (one of {', '.join(names)})"]


def _ask_ends(answers: Answers) -> None:
    from bridge.connector.load import list_types

    answers.issuer = answers.issuer or ask("issuer", "the public https URL of this service")
    answers.type = answers.type or ask("connector", f"{', '.join(list_types())}, or the path of a connector.toml")
    answers.profile = answers.profile or ask("receiver", "who is told", "okta", PROFILES)
    if not answers.audience:
        help_ = "https://YOUR-ORG.okta.com" if answers.profile == "okta" else "`aud` of the SETs"
        answers.audience = ask("audience", help_)
    if answers.profile != "okta" and not answers.endpoint_url:
        answers.endpoint_url = ask("endpoint_url", "where the receiver takes SETs")


def ask(name: str, help_: str = "", default: str = "", choices: Sequence[str] = ()) -> str:
    """Ask on the terminal until the answer is one of the choices, or not empty."""
    hint = "; ".join(part for part in (help_, " | ".join(choices)) if part)
    while True:
        print(f"{name}{f' ({hint})' if hint else ''}{f' [{default}]' if default else ''}: ", end="", file=sys.stderr)
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise WrongCall("no answer")
        answer = line.strip() or default
        if answer and (not choices or answer in choices):
            return answer
        say("  " + (f"one of {', '.join(choices)}" if choices else "an answer is needed"))


def _write(output: Path, text: str) -> None:
    """The whole file or none, and only one that can be loaded. Raises ConfigError with what is wrong."""
    fresh = output.with_name(f".{output.name}.new")
    try:
        fresh.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise WrongCall(f"{output} cannot be written: {problem.strerror}") from None
    try:
        environ = {**dict.fromkeys(variables(text), STAND_IN), "PATH": ""}
        judged(fresh, environ, Offline(), SystemClock())
        fresh.replace(output)
    except ConfigError as problem:
        raise WrongCall("; ".join(f"{fault.path}: {fault.message}" for fault in problem.faults)) from None
    finally:
        fresh.unlink(missing_ok=True)
