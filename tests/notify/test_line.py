"""The real serve with real channels: one takes notices, one fails, one hangs, one is gone; and restarts in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.e2e.rig import Rig
from tests.e2e.webhooks import opened
from tests.notify.conftest import SECRET, Channel, Open, genuine


def webhook(name: str, channel: Channel, **more: Any) -> dict[str, Any]:
    return {"kind": "webhook", "name": name, "url": channel.url, "secret": SECRET, **more}


async def test_notices_go_out_at_least_once_whatever_hangs_fails_or_dies(tmp_path: Path, channel: Open) -> None:
    chat, failing, hung, gone = await channel(), await channel(500), await channel(0), await channel(410)
    async with Rig(tmp_path, {"okta": {"profile": "okta"}}, {"api_key": "no-longer-valid"}) as rig:
        rig.service.channels += [
            {"kind": "slack", "url": chat.url},
            webhook("failing", failing), webhook("hung", hung), webhook("gone", gone),
            webhook("others", failing, on=["guard"]),
        ]  # fmt: skip
        rig.api.add(1, owner=1).issues = {1: False}
        await rig.start()
        await rig.ring(opened(1, 1))
        for each in (chat, failing, hung, gone):
            await each.has(1, seconds=30)
        assert chat.bodies()[0]["text"].startswith("The vendor refuses the credentials of kolide.")
        assert await rig.metric("caep_bridge_notices_total", target="slack", outcome="sent") == 1
        assert await rig.metric("caep_bridge_notices_total", target="gone", outcome="gone") == 1
        assert await rig.metric("caep_bridge_pending_notices", target="hung") == 1
        code, seconds = await rig.service.stop()
        assert code == 0 and seconds < 10

        failing.status = 200
        await rig.start()
        await failing.has(2, seconds=30)
        await hung.has(2, seconds=30)
        await rig.service.kill()
        await rig.start()
        await hung.has(3, seconds=30)

        for each in (failing, hung):
            assert len(set(each.ids())) == 1 and len({body for _, body in each.got}) == 1
            assert all(genuine(headers, body) for headers, body in each.got)
        assert len(chat.got) == 1  # it stands since, and was told
        (row,) = [one for one in await rig.service.shown("notify", "list") if one["name"] == "failing"]
        assert (row["waiting"], row["last_code"], row["standing"]) == (0, "200", ["denied:kolide"])
        log = rig.service.log.read_text()
        assert "hush" not in log and SECRET not in log
        assert [one["code"] for one in rig.service.logged("notice.gone")] == ["410"]
        assert "Traceback" not in log
