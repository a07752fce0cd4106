from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from bridge.outbound import Outbound
from tests.delivery.wire import OK, Reader, Scripted, Writer, answering, failure, guarded, post


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "http://[fe80::1]/", "http://[::ffff:a9fe:a9fe]/", "http://2852039166/"]
)
async def test_metadata_is_refused_even_when_insecure(outbound: Outbound, url: str) -> None:
    failed = await failure(outbound, url)
    assert (failed.code, failed.certainly_not_sent) == ("refused_address", True)


async def test_a_name_that_leads_to_metadata_is_refused() -> None:
    outbound = guarded(Scripted(["169.254.169.254"], ["fd00:ec2::254", "169.254.1.1"]))
    for _ in range(2):
        failed = await failure(outbound, "http://innocent.example/")
        assert (failed.code, failed.certainly_not_sent) == ("refused_address", True)
    await outbound.close()


async def test_the_checked_address_is_the_one_connected_to(serve: Any) -> None:
    """A name that changes its mind after the check gains nothing: there is one question per connection."""
    seen: list[bytes] = []
    port = await serve(answering(OK, seen))
    resolver = Scripted(["127.0.0.1"], ["169.254.169.254"])
    outbound = guarded(resolver)
    assert (await post(outbound, f"http://rebind.example:{port}/")).status == 202
    assert resolver.asked == 1 and b"Host: rebind.example" in seen[0]
    await outbound.close()


async def test_only_the_permitted_addresses_of_a_name_are_used(serve: Any) -> None:
    port = await serve(answering(OK))
    outbound = guarded(Scripted(["169.254.169.254", "127.0.0.1"]))
    assert (await post(outbound, f"http://mixed.example:{port}/", timeout=2.0)).status == 202
    await outbound.close()


async def test_admins_and_receivers_urls_do_not_share_connections(serve: Any) -> None:
    opened: list[int] = []

    async def handle(reader: Reader, writer: Writer) -> None:
        opened.append(1)
        await answering(OK)(reader, writer)

    port = await serve(handle)
    outbound = guarded(None)
    for by_admin in (True, False, True, False):
        await post(outbound, f"http://127.0.0.1:{port}/", by_admin=by_admin)
    assert len(opened) == 2
    await outbound.close()


async def test_a_receivers_name_may_not_lead_to_a_private_address() -> None:
    outbound = guarded(Scripted(["10.9.9.9"]), insecure=False)
    failed = await failure(outbound, "https://intranet.example/", by_admin=False)
    assert (failed.code, failed.words) == ("refused_address", "the name leads to a private address")
    await outbound.close()


async def test_loopback_needs_insecure_or_an_allowed_network() -> None:
    strict = guarded(Scripted(["127.0.0.1"]), insecure=False, allowed_networks=[ip_network("10.20.0.0/16")])
    for by_admin in (True, False):
        assert (await failure(strict, "https://name.example/", by_admin=by_admin)).code == "refused_address"
    assert (await failure(strict, "http://8.8.8.8/")).words == "the URL must begin with https://"
    await strict.close()


async def test_requests_go_through_the_proxy_and_names_are_its_business(serve: Any) -> None:
    seen: list[bytes] = []
    port = await serve(answering(OK, seen))
    outbound = guarded(Scripted(["127.0.0.1"]), proxy=lambda: f"http://proxy.example:{port}")
    assert (await post(outbound, "http://nobody.invalid/x")).status == 202
    assert seen[0].startswith(b"POST http://nobody.invalid/x HTTP/1.1")
    assert (await failure(outbound, "http://169.254.169.254/")).code == "refused_address"
    await outbound.close()


async def test_another_proxy_is_used_from_the_next_request_on(serve: Any) -> None:
    seen: tuple[list[bytes], list[bytes]] = ([], [])
    ports = [await serve(answering(OK, one)) for one in seen]
    outbound = guarded(Scripted(["127.0.0.1"]), proxy=lambda: f"http://proxy.example:{ports[0]}")
    assert (await post(outbound, "http://nobody.invalid/x")).status == 202
    ports.reverse()
    assert (await post(outbound, "http://nobody.invalid/x")).status == 202
    assert [len(one) for one in seen] == [1, 1]
    await outbound.close()


async def test_a_proxy_on_loopback_serves_strict_targets(serve: Any) -> None:
    seen: list[bytes] = []

    async def handle(reader: Reader, writer: Writer) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    port = await serve(handle)
    outbound = guarded(Scripted(["127.0.0.1"]), insecure=False, proxy=lambda: f"http://proxy.example:{port}")
    failed = await failure(outbound, "https://idp.example/", by_admin=False)
    assert (failed.code, failed.words, failed.certainly_not_sent) == ("connect", "the proxy answered 407", True)
    assert seen[0].startswith(b"CONNECT idp.example:443 ")
    await outbound.close()
