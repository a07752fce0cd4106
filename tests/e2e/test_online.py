"""`check --online` beside a real `serve`, with a vendor and an Okta on loopback; and its words when one is off."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.service import Service
from tests.e2e.webhooks import SECRET
from tests.okta.standin import READ_TOKEN, Org, running

KEY = "vendor-key-never-to-be-shown"


class Vendor:
    """As much of the vendor's API as is asked: the first page of its devices."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.asked: list[str] = []
        self.url = ""
        self.body = json.dumps({"data": [{"id": "1"}], "pagination": {"next_cursor": "", "count": 1}})


@contextmanager
def answering(vendor: Vendor) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            return

        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate(time.time() + vendor.ahead, usegmt=True)

        def do_GET(self) -> None:
            vendor.asked.append(self.path)
            good = self.headers.get("authorization") == f"Bearer {KEY}"
            body = (vendor.body if good else '{"message": "Unauthorized: no such key"}').encode()
            self.send_response(200 if good else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    vendor.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    made = Vendor()
    with answering(made):
        yield made


@pytest.fixture
def org() -> Iterator[Org]:
    with running(Org()) as started:
        yield started


@pytest.fixture
def service(tmp_path: Path, vendor: Vendor, org: Org) -> Service:
    made = Service(tmp_path)
    made.tables["transmitter"] = {"issuer": made.url}
    made.tables["connectors.kolide"] = {
        "type": "kolide", "signing_secret": SECRET, "api_key": KEY, "base_url": vendor.url, "judge": "issues",
    }  # fmt: skip
    endpoint = f"{org.base}/security/api/v1/security-events"
    made.tables["receivers.okta"] = {
        "profile": "okta", "audience": "https://acme.okta.com", "endpoint_url": endpoint, "api_url": org.base,
        "api_token": READ_TOKEN,
    }  # fmt: skip
    return made


@pytest_asyncio.fixture
async def serving(service: Service) -> AsyncIterator[Service]:
    await service.start()
    yield service
    await service.kill()


async def checked(service: Service) -> tuple[int, list[dict[str, str]]]:
    code, out, err = await service.command("check", "--online", "--json")
    assert KEY not in out + err
    assert READ_TOKEN not in out + err
    report = json.loads(out)
    assert report["ok"] is (code == 0)
    return code, report["online"]


def outcomes(lines: list[dict[str, str]], about: str) -> list[str]:
    return [line["outcome"] for line in lines if line["about"] == about]


def failed(lines: list[dict[str, str]]) -> list[str]:
    assert all(line["remedy"] for line in lines if line["outcome"] == "failed")
    return [f"{line['about']}: {line['words']}" for line in lines if line["outcome"] == "failed"]


async def test_all_is_well(serving: Service, vendor: Vendor, org: Org) -> None:
    code, lines = await checked(serving)
    assert (code, failed(lines)) == (0, [])
    assert outcomes(lines, "connector kolide") == ["ok"]
    assert outcomes(lines, "receiver okta") == ["ok", "ok", "ok"]
    assert outcomes(lines, "issuer") == ["ok", "ok"]
    assert outcomes(lines, "clock") == ["ok"]
    (kid,) = [row["kid"] for row in await serving.shown("keys", "list")]
    assert any(kid in line["words"] for line in lines if line["about"] == "issuer")
    assert "/devices?per_page=1" in vendor.asked
    assert org.sets == []
    assert "GET /security/api/v1/security-events" in org.paths()


async def test_each_trouble_has_its_line(service: Service, vendor: Vendor, org: Org) -> None:
    """No serve runs, the vendor's key is wrong, the receiver is gone, the credential may read nothing."""
    service.tables["connectors.kolide"]["api_key"] = "another"
    service.tables["receivers.okta"]["endpoint_url"] = "http://127.0.0.1:9/x"
    org.scopes[READ_TOKEN] = set()
    (service.folder / "config.toml").write_text(_toml(service))
    code, lines = await checked(service)
    assert code == 1
    found = "\n".join(failed(lines))
    assert "issuer: " in found
    assert "connector kolide: list (GET /devices), its first page: the API answered 401" in found
    assert "Unauthorized: no such key" in found, "the vendor's own words"
    assert "receiver okta: its endpoint (GET, without credentials): connect:" in found
    assert "its users (GET /api/v1/users?limit=1): Okta answered 403" in found
    assert "its System Log (GET /api/v1/logs?limit=1): Okta answered 403" in found


async def test_an_hour(serving: Service, vendor: Vendor, org: Org) -> None:
    vendor.ahead = org.ahead = 3600.0
    code, lines = await checked(serving)
    assert code == 1
    first, second = failed(lines)
    assert first.startswith("clock: this machine's is 1 h behind, by the Date of ")
    assert "connector kolide" in first
    assert second == "clock: that of the machine that answers at the issuer is 1 h behind"


async def test_one_strange_clock_is_theirs(serving: Service, vendor: Vendor) -> None:
    vendor.ahead = -7200.0
    code, lines = await checked(serving)
    assert code == 0
    assert "that of connector kolide is 2 h behind of the others'" in [line["words"] for line in lines]


async def test_another_installation_at_the_issuer(serving: Service, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Its documents are right but for the keys: the store here has heard of others."""
    other = Service(tmp_path_factory.mktemp("other"))
    other.tables["transmitter"] = {"issuer": serving.url}
    await other.start()
    await other.kill()
    code, lines = await checked(other)
    assert code == 1
    assert any("does not publish" in line for line in failed(lines))


async def test_text_for_people_names_what_to_do(service: Service) -> None:
    (service.folder / "config.toml").write_text(_toml(service))
    code, out, _ = await service.command("check", "--online")
    assert code == 1
    assert "  failed  issuer: " in out
    assert "          do: start `caep-bridge serve`" in out


async def test_offline_asks_nobody(service: Service, vendor: Vendor, org: Org) -> None:
    (service.folder / "config.toml").write_text(_toml(service))
    code, out, _ = await service.command("check")
    assert (code, vendor.asked, org.asked) == (0, [], [])
    assert "online" not in out


async def test_html_for_an_api(serving: Service, vendor: Vendor) -> None:
    vendor.body = "<html>Sign in</html>"
    code, lines = await checked(serving)
    assert code == 1
    assert any("connector kolide: list (GET /devices), its first page: the answer is not JSON" in one
               for one in failed(lines))  # fmt: skip


def _toml(service: Service) -> str:
    from tests.e2e.service import toml

    return toml(service.tables)
