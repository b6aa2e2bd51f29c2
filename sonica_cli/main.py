"""The entry point: puts the commands together and turns every failure into a sentence.

Exit codes: 0 all went well (no match included), 1 something failed (it is named), 2 the command
was used wrongly, 70 a fault in Sonica itself, 130 interrupted.
"""

from __future__ import annotations

import os
import sys

import typer

from sonica_cli.commands import (
    account,
    admin,
    catalog,
    demo,
    explain,
    history,
    identities,
    index,
    keys,
    listen,
    mesh,
    recognize,
    search,
    trace,
    tracks,
    update,
    webhooks,
)
from sonica_cli.failures import FAULT, INTERRUPTED, describe
from sonica_cli.screen import say_failure

app = typer.Typer(
    name="sonica",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Recognises recorded music: which recording, where in it, how sure.\n\n"
    "`sonica up` starts a mesh on this machine, `sonica index ~/Music` registers recordings, "
    "`sonica recognize clip.m4a` says what a clip is.",
)
for group in (
    mesh,
    index,
    recognize,
    listen,
    search,
    update,
    catalog,
    trace,
    explain,
    demo,
    account,
    history,
):
    group.add_to(app)
identities.add_to(account.account_app)
app.add_typer(tracks.app, name="tracks")
app.add_typer(keys.app, name="keys")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(admin.app, name="admin")


def main() -> None:
    """Runs the command and ends the process with its exit code."""
    sys.exit(run())


def run() -> int:
    """Runs the command of `sys.argv`; returns its exit code. Never shows a traceback."""
    # gRPC's own log is for its developers; what matters of it arrives as errors.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        app(prog_name="sonica")
    except SystemExit as end:
        return _code(end)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough; nothing may be flushed to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("SONICA_TRACEBACK"):
            raise
        failure = describe(error)
        say_failure(failure.message, failure.advice)
        return failure.exit_code
    return 0


def _code(end: SystemExit) -> int:
    if end.code is None:
        return 0
    return end.code if isinstance(end.code, int) else FAULT
