from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from bridge.observe import logs

EMAIL = "dana.reyes@acme.example"


class At:
    since = 0.0

    def now(self) -> float:
        return 1795348800.25

    def monotonic(self) -> float:
        return self.since

    async def sleep(self, seconds: float) -> None:
        raise AssertionError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Full(io.StringIO):
    """A file on a disk without room, or a pipe that nobody reads."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        raise BrokenPipeError(32, "Broken pipe")


@pytest.fixture
def configured() -> Iterator[Callable[..., io.StringIO]]:
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level

    def configure(
        level: str = "info", form: logs.Format = "auto", out: io.StringIO | None = None, clock: At | None = None
    ) -> io.StringIO:
        stream = out or io.StringIO()
        logs.configure(level, form, clock=clock or At(), person_key=b"k" * 32, stream=stream)
        return stream

    yield configure
    logging.captureWarnings(False)
    root.handlers[:] = kept
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_wide_line(configured: Callable[..., io.StringIO]) -> None:
    out = configured()
    structlog.get_logger().info(logs.LOOK_FINISHED, connector="fleet", txn="t1", owner=EMAIL, api_key="x", took=0.5)
    (line,) = lines(out)
    assert line["owner"].startswith("person:")
    assert line == {
        "event": "look.finished", "connector": "fleet", "txn": "t1", "took": 0.5, "api_key": "[redacted]",
        "owner": line["owner"], "level": "info", "at": "2026-11-22T12:00:00.250+00:00",
    }  # fmt: skip


class Counting(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.written: list[int] = []

    def write(self, text: str) -> int:
        self.written.append(text.count("\n"))
        return super().write(text)


async def test_lines_of_one_pass_of_the_loop_go_out_together(configured: Callable[..., io.StringIO]) -> None:
    out = Counting()
    configured(out=out)
    for number in range(3):
        structlog.get_logger().info("webhook.received", number=number)
    assert not out.written
    await asyncio.sleep(0)
    assert out.written == [3]
    assert [line["number"] for line in lines(out)] == [0, 1, 2]


def test_what_a_loop_left_as_it_ended_the_next_one_writes(configured: Callable[..., io.StringIO]) -> None:
    out = configured()
    ends = asyncio.new_event_loop()
    ends.call_soon(ends.stop)
    ends.call_soon(structlog.get_logger().info, "the last word")
    ends.run_forever()
    ends.close()

    async def goes_on() -> None:
        structlog.get_logger().info("the first word")
        await asyncio.sleep(0)
        assert [line["event"] for line in lines(out)] == ["the last word", "the first word"]

    asyncio.run(goes_on())


async def test_what_went_wrong_does_not_wait_and_passes_nothing_said_before(
    configured: Callable[..., io.StringIO],
) -> None:
    out = configured()
    structlog.get_logger().info("first")
    structlog.get_logger().error("second")
    assert [line["event"] for line in lines(out)] == ["first", "second"]
    structlog.get_logger().info("third")
    logging.getLogger("uvicorn.error").warning("fourth")
    assert [line["event"] for line in lines(out)] == ["first", "second", "third", "fourth"]


def test_a_traceback_is_redacted_too(configured: Callable[..., io.StringIO]) -> None:
    out = configured()
    try:
        raise ValueError(f"{EMAIL} sent Bearer abcdef")
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("uvicorn.error").exception("failed")
    assert len(lines(out)) == 2
    for line in lines(out):
        assert "Traceback" in line["exception"] and "person:" in line["exception"]
    assert EMAIL not in out.getvalue() and "abcdef" not in out.getvalue()


@pytest.mark.parametrize("name", ["uvicorn", "uvicorn.error", "aiohttp.client", "sqlalchemy.pool", "anything"])
def test_the_standard_library_goes_the_same_way(configured: Callable[..., io.StringIO], name: str) -> None:
    logging.getLogger(name).addHandler(foreign := logging.StreamHandler(io.StringIO()))
    out = configured()
    logging.getLogger(name).warning("could not reach %s with %s", EMAIL, "Bearer abcdef")
    logging.getLogger(name).removeHandler(foreign)
    (line,) = lines(out)
    assert line["logger"] == name and line["level"] == "warning"
    assert EMAIL not in str(line) and "abcdef" not in str(line)


def test_nobody_fills_the_log_with_what_is_no_http(configured: Callable[..., io.StringIO]) -> None:
    clock = At()
    out = configured(clock=clock)
    server = logging.getLogger("uvicorn.error")
    for _ in range(100):
        server.warning("Invalid HTTP request received.")
    server.warning("Unsupported upgrade request.")
    clock.since = 60.0
    server.warning("Invalid HTTP request received.")
    for _ in range(2):
        server.error("failed")
    said = [(line["event"][:7], line.get("times")) for line in lines(out)]
    assert said == [("Invalid", 1), ("Unsuppo", 1), ("Invalid", 100), ("failed", None), ("failed", None)]


def test_warnings_are_lines(configured: Callable[..., io.StringIO]) -> None:
    out = configured()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn(f"old thing used by {EMAIL}", UserWarning, stacklevel=1)
    assert "old thing" in out.getvalue() and EMAIL not in out.getvalue()


def test_levels(configured: Callable[..., io.StringIO]) -> None:
    out = configured("warning")
    structlog.get_logger().info("quiet")
    logging.getLogger("x").info("quiet")
    structlog.get_logger().warning("loud")
    assert [line["event"] for line in lines(out)] == ["loud"]


def test_others_are_quiet_at_info_and_heard_at_debug(configured: Callable[..., io.StringIO]) -> None:
    out = configured("info")
    logging.getLogger("uvicorn.error").info("Started")
    assert lines(out) == []
    out = configured("debug")
    logging.getLogger("uvicorn.error").info("Started")
    assert [line["event"] for line in lines(out)] == ["Started"]


@pytest.mark.parametrize("value", ["\ud800", 2**80, {1: {"\udfff": 1}}, "a\x00\nb", object()])
def test_no_value_loses_the_line(configured: Callable[..., io.StringIO], value: Any) -> None:
    out = configured()
    structlog.get_logger().info("odd", value=value)
    (line,) = lines(out)
    assert "odd" in line["event"]


def test_a_line_break_cannot_make_a_second_line(configured: Callable[..., io.StringIO]) -> None:
    out = configured()
    structlog.get_logger().info('a\n{"event":"forged"}', user_agent="b\r\nforged \u2028")
    (text, rest) = out.getvalue().split("\n")
    assert json.loads(text)["event"] == 'a\n{"event":"forged"}'
    assert rest == "" and "\r" not in text


def test_nothing_that_was_said_steers_the_terminal(configured: Callable[..., io.StringIO]) -> None:
    out = configured("info", "console")
    structlog.get_logger().info("a\nforged", type="\x1b]0;x\x07", id="b\u202ec", more="\x9b2J", lone="\ud800")
    logging.getLogger("x").warning("%s", "\x1b[2J\nforged")
    try:
        raise ValueError("\x1b[2J")
    except ValueError:
        structlog.get_logger().exception("failed")
    colourless = re.sub(r"\x1b\[\d+m", "", out.getvalue())
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800]", colourless)
    assert "\nforged" not in colourless and "\nTraceback" in colourless


def test_a_person_who_watches_gets_no_json(configured: Callable[..., io.StringIO]) -> None:
    out = configured("info", "auto", Terminal())
    structlog.get_logger().info("hello", owner=EMAIL)
    assert "hello" in out.getvalue() and "{" not in out.getvalue() and EMAIL not in out.getvalue()
    out = configured("info", "json", Terminal())
    structlog.get_logger().info("hello")
    assert lines(out)[0]["event"] == "hello"


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_line_that_cannot_be_written_fails_no_work(
    configured: Callable[..., io.StringIO], form: logs.Format, capsys: pytest.CaptureFixture[str]
) -> None:
    configured(form=form, out=Full())
    structlog.get_logger("x").error("outbox.stuck", exc_info=ValueError("no"))
    logging.getLogger("x").error("library")
    assert capsys.readouterr().err == ""
