"""Writes the reference tables that are read off the code; run by `make gen`.

`errors.md`: every reason a service can return. `settings.md`: every environment variable a
service reads, with default and meaning. `cli.md`: every command and its options. All are
committed; CI fails when they differ.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mesh.runtime.errors import declared_errors, error_modules
from mesh.runtime.settings import ServiceSettings
from sonica_cli import reference as commands

HERE = Path(__file__).resolve().parent
SERVICES = ("fingerprint_svc", "match_svc", "user_svc", "gateway")
ENGINE = "mesh.local.engine"


def first_sentence(text: str | None) -> str:
    """Returns the first paragraph of a docstring or description on one line."""
    return " ".join((text or "").strip().split("\n\n")[0].split()).replace("|", "\\|")


def shown_default(info: FieldInfo) -> str:
    """Returns a default as the table shows it: the same on every machine."""
    if info.default_factory is not None:
        return "of the machine"
    return "required" if info.default is PydanticUndefined else f"`{info.default}`"


def errors() -> Iterator[str]:
    """Yields the lines of errors.md."""
    yield "# Errors"
    yield ""
    yield "Every error is a `google.rpc.Status` with exactly one `google.rpc.ErrorInfo`, over gRPC"
    yield "and REST alike. Reasons and metadata keys are API. `UNAVAILABLE` and"
    yield "`RESOURCE_EXHAUSTED` carry a `RetryInfo`; an unexpected failure is `INTERNAL` with the"
    yield "trace id. Made from the code by `make gen`."
    for name in ("mesh.runtime", *SERVICES, ENGINE):
        found = [error for module in error_modules(name) for error in declared_errors(module)]
        if not found:
            continue
        yield ""
        yield f"## {name}"
        yield "| domain | reason | status | metadata | when |"
        yield "|---|---|---|---|---|"
        for error in found:
            domain = getattr(error, "domain", "that of the request")
            keys = ", ".join(f"`{key}`" for key in error.metadata_keys)
            code = error.code.name
            when = first_sentence(error.__doc__)
            yield f"| {domain} | `{error.reason}` | `{code}` | {keys} | {when} |"


def settings() -> Iterator[str]:
    """Yields the lines of settings.md."""
    yield "# Settings"
    yield ""
    yield "Read from the environment at the start of each process. A variable with a service's"
    yield "prefix that names no setting stops the start. OpenTelemetry keeps its standard `OTEL_*`"
    yield "names. Made from the code by `make gen`."
    for name in (*SERVICES, ENGINE):
        module = importlib.import_module(f"{name}.settings")
        for cls in vars(module).values():
            own = isinstance(cls, type) and issubclass(cls, ServiceSettings)
            if not own or cls.__module__ != module.__name__:
                continue
            yield ""
            yield f"## {name}"
            yield "| variable | default | meaning |"
            yield "|---|---|---|"
            prefix = cls.model_config.get("env_prefix", "")
            for field, info in cls.model_fields.items():
                shown = shown_default(info)
                meaning = first_sentence(info.description)
                yield f"| `{(prefix + field).upper()}` | {shown} | {meaning} |"


def main() -> None:
    """Writes all tables beside this file."""
    (HERE / "errors.md").write_text("\n".join(errors()) + "\n")
    (HERE / "settings.md").write_text("\n".join(settings()) + "\n")
    (HERE / "cli.md").write_text("\n".join(commands.lines()) + "\n")


if __name__ == "__main__":
    main()
