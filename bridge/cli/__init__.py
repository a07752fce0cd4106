"""The command line: one file or room a command group, imported when its command is called.

To add a group: write `bridge/cli/<group>.py`, or a room with `commands.py`, and name it in `COMMANDS`. A command
returns its exit code (None is 0), reads the configuration with `bridge.cli.console.configured` and prints with
`bridge.cli.console.output`.
Exit codes: 0 done, 1 failed, 2 the configuration or the call is wrong.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

import bridge.cli.console.configured as configured
from bridge import __version__
from bridge.cli.console.output import say
from bridge.errors import BridgeError, ConfigError
from bridge.text import keepable

COMMANDS: tuple[tuple[str, str, str], ...] = (
    # name, where it is, one line of help
    ("demo", "bridge.cli.demo:demo", "See it work on this machine, with stand-ins for a vendor and for Okta."),
    ("init", "bridge.cli.init.command:init", "Write a config.toml: asks, or takes flags."),
    ("check", "bridge.cli.check.command:check", "Check the configuration, and say what would run."),
    ("serve", "bridge.cli.serve:serve", "Run the bridge until SIGTERM or SIGINT."),
    ("keys", "bridge.cli.keys.commands:keys", "The keys that sign SETs."),
    ("connectors", "bridge.cli.connectors.commands:connectors", "The vendors: types that ship, and those configured."),
    ("reconcile", "bridge.cli.reconcile:reconcile", "List each vendor's devices, and tell what drifted."),
    ("devices", "bridge.cli.devices.commands:devices", "The devices, and why each has its status."),
    ("guard", "bridge.cli.guard:guard", "What is held back because too many people would lose access at once."),
    ("streams", "bridge.cli.streams.commands:streams", "The streams to receivers, and how they do."),
    ("deliveries", "bridge.cli.deliveries.commands:deliveries", "The SETs: waiting, delivered, dead, and why."),
    ("webhooks", "bridge.cli.webhooks.commands:webhooks", "The webhooks that came, and what followed."),
    ("people", "bridge.cli.people.commands:people", "What is stored about a person, and how it is removed."),
    ("audit", "bridge.cli.audit:audit", "Who changed what, when and why."),
    ("receiver", "bridge.cli.receiver:receiver", "A push receiver for trying things out, by Okta's rules or SSF's."),
    ("receivers", "bridge.cli.receivers:receivers", "The receivers' own APIs: registering this issuer at Okta."),
    ("notify", "bridge.cli.notify:notify", "Your own channels: who is told of what is wrong, and whether it arrives."),
    ("db", "bridge.cli.db:db", "The database and its schema."),
)
EPILOGUE = "`--config PATH` names the configuration file; it stands before or after the command."


def application() -> App:
    app = App(
        name="caep-bridge",
        help="Turns what device-trust and MDM tools know into OpenID Shared Signals that identity providers act on.",
        help_epilogue=EPILOGUE,
        version=__version__,
        version_flags=["--version"],
        help_format="markdown",
    )
    for name, place, summary in COMMANDS:
        app.command(place, name=name, help=summary)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """One command; its exit code."""
    try:
        tokens, path = configured.without_config(arguments)
        configured.use(path)
        _check_text(tokens)
        return _done(application()(tokens, exit_on_error=False, result_action="return_value"))
    except CycloptsError:
        return 2
    except configured.WrongCall as problem:
        say(f"caep-bridge: {problem}")
        return 2
    except ConfigError as problem:
        say(str(problem))
        return 2
    except BridgeError as problem:
        say(f"caep-bridge: {problem}")
        return 1
    except BrokenPipeError:
        # The reader went away (`| head`): nothing more can be said, and the interpreter must not try at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _check_text(tokens: Sequence[str]) -> None:
    """What is no UTF-8 comes as halves of surrogate pairs, which no database keeps and no terminal shows."""
    for number, token in enumerate(tokens, start=1):
        if not keepable(token):
            raise configured.WrongCall(f"argument {number} is not text in UTF-8")


def _done(result: object) -> int:
    return result if isinstance(result, int) else 0
