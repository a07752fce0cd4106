"""What one core takes to sign: the same key, the same claims, nothing else beside it.

python -m tests.bench.signing CORE KEY_FILE SECONDS <SETs, one a line
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jws
from joserfc.jwk import RSAKey

from bridge.ssf.keys import key_from_file
from bridge.ssf.secevent import mint
from tests.bench.service import ROOT


@dataclass(frozen=True, slots=True)
class Signing:
    """CPU seconds: of one RSA signature, and of one SET from claims to text by our own code. `verified` samples."""

    signature: float
    minted: float
    verified: int


def measured(core: int, key_file: Path, texts: Sequence[str], seconds: float) -> Signing:
    """In a process of its own, on the core that the service has."""
    command = [sys.executable, "-m", "tests.bench.signing", str(core), str(key_file), str(seconds)]
    done = subprocess.run(command, input="\n".join(texts).encode(), capture_output=True, cwd=ROOT, timeout=60)
    if done.returncode:
        raise RuntimeError(f"signing alone failed:\n{done.stderr.decode()[-2000:]}")
    return Signing(**orjson.loads(done.stdout))


def main() -> int:
    os.sched_setaffinity(0, {int(sys.argv[1])})
    key_file, seconds = Path(sys.argv[2]), float(sys.argv[3])
    texts = sys.stdin.read().split()
    private = load_pem_private_key(key_file.read_bytes(), password=None)
    assert isinstance(private, RSAPrivateKey)
    verified = _verify(texts, private)
    inputs = [text.rpartition(".")[0].encode() for text in texts]
    claims = [orjson.loads(_decoded(text.split(".")[1])) for text in texts]
    key = key_from_file(key_file)

    def sign(index: int) -> None:
        private.sign(inputs[index % len(inputs)], PKCS1v15(), SHA256())

    def whole(index: int) -> None:
        mint([claims[index % len(claims)]], key)

    found = {"signature": _each(sign, seconds / 2), "minted": _each(whole, seconds / 2), "verified": verified}
    sys.stdout.buffer.write(orjson.dumps(found))
    return 0


def _verify(texts: Sequence[str], private: RSAPrivateKey) -> int:
    """Raises on the first SET that the key did not sign."""
    key = RSAKey.import_key(private.public_key())
    registry = jws.JWSRegistry(algorithms=["RS256"])
    for text in texts:
        jws.deserialize_compact(text, key, registry=registry)
    return len(texts)


def _each(work: Callable[[int], None], seconds: float) -> float:
    """CPU seconds of one call, the median of five stretches after a short one to warm up."""
    count = 20
    stretches: list[float] = []
    for _ in range(count):
        work(0)
    until = time.perf_counter() + seconds
    while len(stretches) < 5 or time.perf_counter() < until:
        began = time.process_time()
        for index in range(count):
            work(index)
        stretches.append((time.process_time() - began) / count)
    return sorted(stretches)[len(stretches) // 2]


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


if __name__ == "__main__":
    raise SystemExit(main())
