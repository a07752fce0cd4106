"""A message, in the shape that a channel takes. Pure.

webhook: `{"type", "timestamp", "data"}` (Standard Webhooks 1.0, "Payload structure").
slack:   `{"text", "blocks"}`; the blocks are plain text, so that nothing in them is read as markup, and `text`, which
         is what notifications show, has `&`, `<` and `>` escaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from bridge.notify.occasion import Occasion
from bridge.notify.words import RUNBOOK, Said, say

Shape = Literal["webhook", "slack"]


@dataclass(frozen=True, slots=True)
class Message:
    """`left_out`: occasions of the same kind about the same that no message told of. `still`: it was told before and
    has not ended. `bridge` is the issuer, by which a channel tells several bridges apart."""

    occasion: Occasion
    raised_at: float
    bridge: str
    left_out: int = 0
    still: bool = False
    with_device: bool = False


def body_of(message: Message, shape: Shape) -> str:
    """The JSON to send, in one line."""
    said = say(message.occasion)
    document = _webhook(message, said) if shape == "webhook" else _slack(message, said)
    return orjson.dumps(document).decode()


def _webhook(message: Message, said: Said) -> dict[str, Any]:
    occasion = message.occasion
    data: dict[str, Any] = {
        "bridge": message.bridge,
        "about": occasion.about,
        "title": _title(message, said),
        "text": said.text,
        "remedy": said.remedy,
        "runbook": f"{RUNBOOK}#{said.anchor}",
        "count": occasion.count,
        "of": occasion.of,
        "seconds": round(occasion.seconds),
        "code": occasion.code,
        "left_out": message.left_out,
        "still": message.still,
    }
    if message.with_device and occasion.device:
        data["device"] = occasion.device
    return {"type": said.type, "timestamp": _iso(message.raised_at), "data": data}


def _slack(message: Message, said: Said) -> dict[str, Any]:
    lines = [said.text]
    if message.with_device and message.occasion.device:
        lines.append(f"For example: {message.occasion.device}")
    if message.left_out:
        lines.append(f"{message.left_out} more like this were left out since the last message.")
    if said.remedy:
        lines.append(f"What to do: {said.remedy} ({RUNBOOK}#{said.anchor})")
    title = _title(message, said)
    context = f"{message.bridge} · {_iso(message.raised_at)}"
    return {
        "text": _escaped(f"{title}. {said.text}"),
        "blocks": [
            {"type": "header", "text": _plain(title)},
            {"type": "section", "text": _plain("\n".join(lines))},
            {"type": "context", "elements": [_plain(context)]},
        ],
    }


def _title(message: Message, said: Said) -> str:
    return f"Still: {said.title}" if message.still else said.title


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
