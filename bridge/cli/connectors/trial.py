"""`caep-bridge connectors test`: a recorded request, played through a connector offline; nothing is stored or sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

from cyclopts import Parameter

from bridge.cli.console.configured import WrongCall, load_offline
from bridge.cli.console.output import pairs, say, when, write, write_json
from bridge.clock import SystemClock, SystemIds
from bridge.model import FailureKind, LookFailed, Snapshot

if TYPE_CHECKING:
    from bridge.cli.console.configured import Everything
    from bridge.connector.trial.replay import Looked, Replay
    from bridge.pipeline.operator.rehearse import Rehearsal


async def test(
    name: str,
    /,
    *files: Annotated[Path, Parameter(name="FILE")],
    api: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Play recorded requests through a connector: is each verified, what does it say, and which SET would follow.

    A request file holds the request as it was sent: request line, headers, an empty line, the body. What the vendor's
    API answers stands in --api, or in <case>.api.json beside <case>.http. Exit code 1 if a request is refused.

    Parameters
    ----------
    name
        The configured connector.
    files
        Recorded requests.
    api
        Answers of the vendor's API, instead of the file beside each request.
    as_json
        Print JSON.
    """
    if not files:
        raise WrongCall("connectors test needs a file with a recorded request")
    for file in (*files, *([api] if api else [])):
        if not file.is_file():
            raise WrongCall(f"{file}: there is no such file")
    everything = load_offline()
    if name not in everything.connectors:
        raise WrongCall(f"there is no connector {name}: there are {', '.join(everything.connectors) or 'none'}")
    tried = [await _tried(everything, name, file, api or _beside(file)) for file in files]
    if as_json:
        write_json({"connector": name, "requests": tried})
    else:
        for one in tried:
            _print(one)
    return 0 if all(_fine(one) for one in tried) else 1


def _beside(file: Path) -> Path | None:
    answers = file.with_name(file.name.removesuffix(".http") + ".api.json")
    return answers if answers.is_file() and answers != file else None


def _fine(one: Mapping[str, Any]) -> bool:
    failed = any("failed" in look for look in one.get("looks", ()))
    return one["outcome"] in ("accepted", "ignored") and not failed


async def _tried(everything: Everything, name: str, file: Path, api: Path | None) -> dict[str, Any]:
    from bridge.connector.trial.replay import replaying

    source = everything.connectors[name]
    settings = dict(everything.loaded.config.connectors[name].table())
    # The admin's rate would be waited for on a clock that stands still.
    settings.pop("rate_limit", None)
    played = await replaying(source.type, file, api, settings, base_dir=everything.loaded.base)
    followed = [_rehearsed(everything, name, played, look) for look in played.looked]
    return {
        "file": str(file),
        "api": str(api) if api and source.has_api else None,
        "verified": played.outcome != "unauthenticated",
        **played.as_json(),
        "findings": [
            {"device": one.device_id, **(_finding(one.finding) if one.finding else {"state": None})}
            for one in (played.parsed.statements if played.parsed else ())
        ],
        "decisions": [_decision(one) for one in followed],
        "sets": [_set(one, sketch) for one in followed for sketch in one.sketches if sketch.claims is not None],
        "not_told": [
            {"device": one.device.device_id, "receiver": sketch.receiver, "reason": sketch.why.reason,
             "words": sketch.why.words, "remedy": sketch.why.remedy}
            for one in followed for sketch in one.sketches if sketch.claims is None
        ],
    }  # fmt: skip


def _rehearsed(everything: Everything, name: str, played: Replay, look: Looked) -> Rehearsal:
    from bridge.parts import identity_of
    from bridge.pipeline.intake import digest
    from bridge.pipeline.operator.rehearse import Occasion, rehearse
    from bridge.pipeline.streams.roster import roster

    config = everything.loaded.config
    ids = SystemIds()
    parsed = played.parsed
    stated = parsed.at if parsed is not None else None
    answer = _answer(look)
    occasion = Occasion(
        device_id=look.device_id,
        statements=tuple(one for one in (parsed.statements if parsed else ()) if one.device_id == look.device_id),
        answer=answer,
        txn=digest(name, (parsed.delivery_id if parsed else None) or ids.new())[:32],
        now=(answer.taken_at if isinstance(answer, Snapshot) else stated) or SystemClock().now(),
    )
    entries = roster(config.receivers, [])
    return rehearse(everything.connectors[name], occasion, identity_of(config), entries, config.transmitter.issuer, ids)


def _answer(look: Looked) -> Snapshot | LookFailed | None:
    if look.snapshot is not None or not look.failed:
        return look.snapshot
    kind, _, detail = look.failed.partition(": ")
    return LookFailed(next((known for known in get_args(FailureKind) if known == kind), "down"), detail)


def _finding(finding: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return {key: value for key, value in asdict(finding).items() if value not in (None, "", (), False)}


def _decision(one: Rehearsal) -> dict[str, Any]:
    from bridge.pipeline.operator.rehearse import NOBODY

    return {
        "device": one.device.device_id,
        "login": one.device.login if one.device.login != NOBODY else None,
        "owner": one.owner.words if one.owner else None,
        "status": one.device.status,
        "why": one.device.why,
        "reason": one.decision.reason,
        "words": one.decision.words,
        "assumed": list(one.assumed),
    }


def _set(one: Rehearsal, sketch: Any) -> dict[str, Any]:
    from bridge.pipeline.operator.rehearse import NOBODY

    return {
        "device": one.device.device_id,
        "receiver": sketch.receiver,
        "owner_known": one.device.login != NOBODY,
        "assumed": list(one.assumed),
        "claims": sketch.claims,
    }


def _print(one: dict[str, Any]) -> None:
    detail = f": {one['detail'].replace('_', ' ')}" if one.get("detail") else ""
    write(f"{one['file']}: {one['outcome']}{detail}")
    if one["outcome"] == "unauthenticated":
        say("the request is not signed with the secret of this connector; its body was not read")
    parsed = one.get("webhook", {})
    pairs([(f"  {key}", parsed[key]) for key in ("type", "delivery_id") if key in parsed])
    for finding in one["findings"]:
        _print_finding(finding)
    for look in one.get("looks", ()):
        _print_look(look)
    for decision in one["decisions"]:
        _print_decision(decision)
    for made in one["sets"]:
        write(f"  SET to {made['receiver']}, before it is signed:")
        write("    " + json.dumps(made["claims"], indent=2, ensure_ascii=False).replace("\n", "\n    "))
    for silent in one["not_told"]:
        remedy = f"; would change it: {silent['remedy']}" if silent["remedy"] else ""
        write(f"  nothing to {silent['receiver']}: {silent['words']} [{silent['reason']}]{remedy}")


def _print_finding(finding: dict[str, Any]) -> None:
    if finding["state"] is None:
        write(f"  device {finding['device']}: somebody rings for it, no finding is stated")
        return
    title = finding.get("title") or finding.get("check") or "(no title)"
    write(f"  device {finding['device']}: {finding['state']}: {title} [{finding['key']}] at {when(finding['at'])}")


def _print_look(look: dict[str, Any]) -> None:
    if "failed" in look:
        write(f"  the API's answers give no verdict: {look['failed']}")
    snapshot = look.get("snapshot")
    if snapshot is not None:
        owner = snapshot.get("owner", {}).get("email", "nobody known")
        opened = ", ".join(finding.get("title") or finding["key"] for finding in snapshot.get("findings", ())) or "none"
        write(f"  the API says: owner {owner}, status {snapshot.get('status', 'none')}, open findings: {opened}")


def _print_decision(decision: dict[str, Any]) -> None:
    why = f" ({decision['why']})" if decision["why"] else ""
    write(f"  decision: {decision['status'] or 'no verdict'}{why}: {decision['words']} [{decision['reason']}]")
    if decision["owner"]:
        write(f"  owner unknown: {decision['owner']}")
    for assumed in decision["assumed"]:
        write(f"  assumed: {assumed}")
