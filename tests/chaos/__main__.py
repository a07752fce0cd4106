"""`./run chaos [--seconds N] [--seed N] [--keep]`: kill, restart, cut off; then nothing may be lost or told twice.

`./run chaos --flip 2000`: instead, a vendor that fails 30 % of so many devices within a minute; only what is still true
after the release may go out.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.run import chaos
from tests.e2e.flip import check, flip


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run chaos", description="Faults injected on purpose.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long things break (default 60)")
    parser.add_argument("--seed", type=int, default=None, help="of what happens; default: a new one each time")
    parser.add_argument("--flip", type=int, default=0, metavar="N", help="instead: 30 %% of N devices fail at once")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the store and the log")
    wanted = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if wanted.seed is None else wanted.seed
    folder = Path(tempfile.mkdtemp(prefix="caep-bridge-chaos-"))
    if wanted.flip:
        return _flip(folder, wanted.flip, keep=wanted.keep)
    try:
        counts = asyncio.run(chaos(folder, wanted.seconds, seed))
    except AssertionError as failure:
        sys.stdout.write(f"chaos: FAILED with --seed {seed} after {wanted.seconds:g} s; see {folder}\n{failure}\n")
        return 1
    if not wanted.keep:
        shutil.rmtree(folder)
    shown = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    sys.stdout.write(f"chaos: ok, --seed {seed}, {wanted.seconds:g} s: {shown}\n")
    return 0


def _flip(folder: Path, size: int, *, keep: bool) -> int:
    try:
        done = asyncio.run(flip(folder, size))
        check(done, size)
    except AssertionError as failure:
        sys.stdout.write(f"flip: FAILED with {size} devices; see {folder}\n{failure}\n")
        return 1
    if not keep:
        shutil.rmtree(folder)
    report = {name: count for name, count in done.report.items() if count}
    sys.stdout.write(f"flip: ok, {size} devices: {done.told_before} told, {done.held} held; then {report}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
