"""The words of the story: what the vendor says, what the bridge did and why, what the receiver made of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from bridge.demo.report import words
from bridge.demo.stage import Stage
from bridge.demo.story import Played
from bridge.pipeline.operator.explain import Explanation
from bridge.receiver.book import Receipt

Tone = Literal["head", "vendor", "bridge", "quiet", "receiver", "good", "bad", "code"]
Say = Callable[[Tone, str], None]
"""Shows a line in a tone; in the tone `code` a JSON document."""

VERIFIED = "signature, issuer, audience and event are as Okta requires"


class Narrator:
    def __init__(self, stage: Stage, say: Say) -> None:
        self.say = say
        self._stage = stage
        self._vendor = stage.vendor.script.vendor
        self._number = 0

    def opening(self) -> None:
        self.say("head", "caep-bridge demo: a device, two findings, and what the identity provider hears of it")
        for who, where in self._places():
            self.say("quiet", f"   {who:<28}{where}")

    def _places(self) -> list[tuple[str, str]]:
        return [
            (f"{self._vendor} (stand-in)", self._stage.vendor.url),
            ("caep-bridge", f"{self._stage.issuer}  (configuration, SQLite and logs in {self._stage.folder})"),
            ("Okta (stand-in)", self._stage.receiver.url),
        ]

    def listed(self, devices: int | None) -> None:
        if devices is None:
            return
        many = "1 device" if devices == 1 else f"{devices} devices"
        self.say("head", "")
        self.say("bridge", f"   caep-bridge first lists what {self._vendor} has: {many}, and nothing fails")
        self.say("quiet", "   what already failed now would be the baseline: held, until an admin releases it")

    def announce(self, event: str, title: str) -> None:
        script = self._stage.vendor.script
        self._number += 1
        self.say("head", "")
        self.say(
            "vendor", f"{self._number}. {self._vendor} says: {event}, “{title}” on {script.name} of {script.login}"
        )

    def played(self, step: Played) -> None:
        """What the service did, and why it sent nothing when it sent nothing."""
        if step.outcome == "refused":
            self.say("bad", f"   caep-bridge refused the webhook: {step.sent.status} {step.reason}")
            return
        took = f"{step.sent.seconds * 1000:.0f} ms"
        self.say(
            "bridge", f"   caep-bridge: signature verified, kept as {step.sent.document.get('id')}, 202 after {took}"
        )
        if step.asked:
            self.say("quiet", f"   it asked {self._vendor}: {', '.join(step.asked)}")
        if step.explanation is not None:
            self._decision(step, step.explanation)

    def _decision(self, step: Played, explanation: Explanation) -> None:
        device = explanation.device
        status = (device.status if device is not None else None) or "unknown"
        why = f": {device.why}" if device is not None and device.why else ""
        if step.outcome == "told":
            previous = f" (was {step.deliveries[0].previous})" if step.deliveries else ""
            self.say("bridge", f"   the device is {status} now{previous}{why}")
            self._waiting(explanation)
            return
        open_now = ", ".join(f"“{one.title}”" for one in explanation.deciding)
        self.say("bridge", f"   the device is {status}{f', open: {open_now}' if open_now else why}")
        reasons = [explanation.decision.words, *(stream.why.words for stream in explanation.streams)]
        self.say("bridge", f"   nothing is sent: {'; '.join(dict.fromkeys(reasons))}  [{step.reason}]")

    def _waiting(self, explanation: Explanation) -> None:
        for stream in explanation.streams:
            if stream.state == "pending":
                self.say("quiet", f"   {stream.why.words}{f' ({stream.unwell})' if stream.unwell else ''}")

    def receipt(self, receipt: Receipt) -> None:
        """A SET as the receiver decoded it, and its verdict."""
        if receipt.taken:
            self.say("bridge", "   → SET " + _short(receipt.header))
            self.say("code", json.dumps(dict(receipt.claims), indent=2, ensure_ascii=False))
            self.say("receiver", f"   Okta: {receipt.status}, {VERIFIED}")
            for note in receipt.notes:
                self.say("quiet", f"   Okta's schema: {note}")
            return
        if receipt.repeat:
            self.say("receiver", f"   Okta: {receipt.status}, it had SET {receipt.claims.get('jti')} already")
            return
        answer = ": ".join(part for part in (receipt.err, receipt.description) if part) or "down"
        self.say("bad", f"   Okta: {receipt.status} {answer}")

    def verdict(self, steps: Sequence[Played], faults: Sequence[str]) -> None:
        expected = [words(step.expected) for step in steps if step.expected is not None]
        self.say("head", "")
        if not faults:
            counted = f"{len(steps)} webhooks, {len(expected)} SETs, each verified, none too many"
            self.say("good", f"As it should be: {counted}: {', '.join(expected)}")
        for fault in faults:
            self.say("bad", f"Not as it should be: {fault}")


def _short(header: Mapping[str, object]) -> str:
    return " ".join(f"{name}={value}" for name, value in header.items())
