"""Signing: what has five seconds does not wait for what has not."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bridge.pipeline.mint import Minter
from bridge.ssf.keys import KeyRing, key_from_pem
from tests.histories.ports import Ids
from tests.ssf.given import EVENT, ISSUER, stream
from tests.store.given import FakeClock


async def test_a_verification_does_not_wait_for_a_batch() -> None:
    private = rsa.generate_private_key(65537, 2048)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    ring = KeyRing(key_from_pem(pem, created_at=0.0, where="here"))
    over = threading.Event()
    one = stream(authorization_header=None)
    with ThreadPoolExecutor(1) as batches, ThreadPoolExecutor(1) as at_once:
        batches.submit(over.wait, 20)
        minter = Minter(ISSUER, lambda: ring, FakeClock(), Ids(), batches, at_once)
        behind = asyncio.ensure_future(minter([(EVENT, one)]))
        try:
            async with asyncio.timeout(10):
                (signed,) = await minter.verification([(one, "s", "txn")])
                updated = await minter.stream_updated(one, "paused", "why", "txn")
            assert signed.text and updated.text and not behind.done()
        finally:
            over.set()
        assert len(await behind) == 1
