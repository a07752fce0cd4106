"""A raw HTTP/1.1 peer on loopback, and short ways to call it."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from bridge.outbound import Answer, ConnectFailed, Outbound

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


async def read_request(reader: Reader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    return head + await reader.readexactly(length)


def answering(answer: bytes, seen: list[bytes] | None = None) -> Any:
    async def handle(reader: Reader, writer: Writer) -> None:
        while True:
            request = await read_request(reader)
            if seen is not None:
                seen.append(request)
            writer.write(answer)
            await writer.drain()

    return handle


async def post(outbound: Outbound, url: str, **given: Any) -> Answer:
    more: dict[str, Any] = {"headers": {}, "body": b"x", "timeout": 5.0, **given}
    return await outbound.request("POST", url, **more)


async def failure(outbound: Outbound, url: str, **more: Any) -> ConnectFailed:
    with pytest.raises(ConnectFailed) as caught:
        await post(outbound, url, **more)
    assert url not in str(caught.value)
    return caught.value


def reset(writer: Writer) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


OK = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


class Scripted(AbstractResolver):
    """Answers each question with the next list of addresses."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(hostname=host, host=one, port=port, family=socket.AF_INET, proto=0, flags=0) for one in found
        ]

    async def close(self) -> None:
        pass


def guarded(resolver: Scripted | None, insecure: bool = True, **more: Any) -> Outbound:
    return Outbound(insecure=insecure, user_agent="t", limit_per_host=2, resolver=resolver, **more)
