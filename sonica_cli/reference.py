"""Writes the reference of all commands, read off the commands themselves."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from typer.main import get_command

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def lines() -> Iterator[str]:
    """Yields the lines of docs/reference/cli.md."""
    from sonica_cli.main import app

    yield "# Commands"
    yield ""
    yield "Made from the code by `make gen`; the [guide](../guides/cli.md) explains."
    yield "Variables in brackets are read from the environment when the option is not given."
    yield from _commands(get_command(app), ("sonica",))


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[str]:
    """Yields the lines of a command and of those below it; click's classes are typer's inside."""
    inner = getattr(command, "commands", None)
    if inner is not None:
        for name, member in inner.items():
            yield from _commands(member, (*path, name))
        if not command.invoke_without_command:
            return
    yield ""
    yield f"## {' '.join(path)}"
    yield ""
    yield inspect.cleandoc(command.help or "")
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    if arguments or options:
        yield ""
        yield "| | |"
        yield "|---|---|"
        yield from _rows(arguments, options)


def _rows(arguments: Iterable[Any], options: Iterable[Any]) -> Iterator[str]:
    for argument in arguments:
        yield f"| `{argument.metavar or argument.name}` | {_cell(argument.help)} |"
    for option in options:
        metavar = f" {_cell(option.metavar)}" if option.metavar else ""
        names = ", ".join(f"`{name}{metavar}`" for name in option.opts)
        help_text = _cell(option.help)
        if option.envvar:
            help_text += f" [{option.envvar}]"
        if option.default not in (None, False) and not callable(option.default):
            help_text += f" [default: {option.default}]"
        yield f"| {names} | {help_text} |"


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")
