"""Writes the parts of the Python client that follow from others; run by `make gen`.

`sonica_client/methods.py`: the table of the RPCs that the edge offers, from the contracts and the
deadlines and retries beside them. `sonica_client/sync/`: the client for programs without an event
loop, which has each method of the asynchronous one and none of its logic.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodDescriptorProto

from mesh.envoy.contracts import DESCRIPTORS
from mesh.envoy.methods import METHODS

HERE = Path(__file__).resolve().parent
CLIENT = HERE / "sonica_client"
PROTO = HERE.parents[1] / "proto"
MADE = "Made by `make gen`; not to be edited."

#: Classes with a face for programs without an event loop: module, class, its face, what holds it.
FACES = (
    ("accounts", "Accounts", "SyncAccounts"),
    ("history", "History", "SyncHistory"),
    ("administration", "Administration", "SyncAdministration"),
    ("imports", "Imports", "SyncImports"),
    ("webhooks", "Webhooks", "SyncWebhooks"),
    ("client", "SonicaClient", "SonicaSyncClient"),
)
PARTS = {module: face for module, _, face in FACES if module != "client"}


def methods() -> Iterator[str]:
    """Yields the lines of methods.py."""
    exposed = {(row.service, row.name) for row in METHODS if row.exposed}
    configs = published()
    rows: dict[str, str] = {}
    imports: dict[str, set[str]] = {}
    for service, method in declared():
        if (service, method.name) not in exposed:
            continue
        constant = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", method.name).upper()
        if constant in rows:
            raise SystemExit(f"two RPCs are called {method.name}: name one otherwise")
        names = []
        for message in (method.input_type, method.output_type):
            package, _, name = message.strip(".").rpartition(".")
            imports.setdefault(package, set()).add(name)
            names.append(name)
        config = configs[service, method.name]
        rows[constant] = (
            f'{constant} = Method("{service}", "{method.name}", {", ".join(names)}, '
            f"{float(config['timeout'].rstrip('s'))!r}, retried={'retryPolicy' in config})"
        )
    yield f'"""The RPCs that the edge offers. {MADE}"""'
    yield "from __future__ import annotations"
    yield "from .method import Method"
    for package, used in sorted(imports.items()):
        yield f"from ._messages.{package} import {', '.join(sorted(used))}"
    yield from rows.values()
    yield f"METHODS = ({', '.join(rows)})"


def declared() -> Iterator[tuple[str, MethodDescriptorProto]]:
    """Yields the RPCs of the contracts and the full names of their services."""
    for file in FileDescriptorSet.FromString(DESCRIPTORS.read_bytes()).file:
        for service in file.service:
            for method in service.method:
                yield f"{file.package}.{service.name}", method


def published() -> dict[tuple[str, str], Any]:
    """Returns deadline and retries of each RPC as gRPC's service configs say them."""
    configs = {}
    for file in PROTO.rglob("*_grpc_service_config.json"):
        for config in json.loads(file.read_text(encoding="utf-8"))["methodConfig"]:
            for name in config["name"]:
                configs[name["service"], name["method"]] = config
    return configs


class Face:
    """The synchronous face of one class, read off its source."""

    def __init__(self, module: str, cls: str, face: str) -> None:
        self.module = module
        self.cls = cls
        self.face = face
        self.tree = ast.parse((CLIENT / f"{module}.py").read_text(encoding="utf-8"))
        found = (n for n in self.tree.body if isinstance(n, ast.ClassDef) and n.name == cls)
        self.body = next(found)

    def lines(self) -> Iterator[str]:
        """Yields its module."""
        yield f'"""{self.cls} for programs without an event loop. {MADE}"""'
        yield "from __future__ import annotations"
        yield "from typing import TYPE_CHECKING, Self"
        yield f"from sonica_client.{self.module} import {self.cls}"
        yield "from sonica_client.portal import Portal"
        for part in self._parts():
            yield f"from .{part} import {PARTS[part]}"
        names, runtime = self._names()
        yield from self._imports(names & runtime, own=runtime)
        yield "if TYPE_CHECKING:"
        yield "    from collections.abc import Generator"
        yield from (f"    {line}" for line in self._imports(names - runtime, own=set()))
        yield f"class {self.face}:"
        yield self._text(self.body)
        yield from self._begin()
        for node in self.body.body:
            if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_"):
                yield from self._method(node)
            elif isinstance(node, ast.FunctionDef) and node.decorator_list:
                yield from self._property(node)

    def _begin(self) -> Iterator[str]:
        if not self._parts():
            yield f"    def __init__(self, portal: Portal, inner: {self.cls}) -> None:"
            yield "        self._portal = portal"
            yield "        self._inner = inner"
            return
        begin = next(n for n in self.body.body if getattr(n, "name", "") == "__init__")
        assert isinstance(begin, ast.FunctionDef)  # noqa: S101 - of an asynchronous client
        yield f"    def __init__({ast.unparse(begin.args)}) -> None:"
        yield "        self._portal = Portal()"
        yield "        try:"
        made = f"{self.cls}({self._passed(begin.args)})"
        yield f"            self._inner = self._portal.make(lambda: {made})"
        yield "        except BaseException:"
        yield "            self._portal.close()"
        yield "            raise"
        yield "        self.address = self._inner.address"
        for part in self._parts():
            yield f"        self.{part} = {PARTS[part]}(self._portal, self._inner.{part})"
        yield "    def __enter__(self) -> Self:"
        yield "        return self"
        yield "    def __exit__(self, *_: object) -> None:"
        yield "        self.close()"

    def _method(self, node: ast.AsyncFunctionDef) -> Iterator[str]:
        returned = ast.unparse(node.returns) if node.returns else "None"
        streams = returned.startswith("AsyncGenerator")
        returned = f"Generator[{returned[15:-7]}, None, None]" if streams else returned
        yield f"    def {node.name}({ast.unparse(node.args)}) -> {returned}:"
        yield self._text(node)
        call = f"self._inner.{node.name}({self._passed(node.args)})"
        if node.name == "close":
            yield "        if self._portal.open:"
            yield f"            self._portal.call({call})"
            yield "        self._portal.close()"
            return
        yield f"        return self._portal.{'iterate' if streams else 'call'}({call})"

    def _property(self, node: ast.FunctionDef) -> Iterator[str]:
        yield f"    @{ast.unparse(node.decorator_list[0])}"
        returned = ast.unparse(node.returns) if node.returns else "None"
        yield f"    def {node.name}({ast.unparse(node.args)}) -> {returned}:"
        if isinstance(node.decorator_list[0], ast.Attribute):
            yield f"        self._inner.{node.name} = {node.args.args[1].arg}"
            return
        yield self._text(node)
        yield f"        return self._inner.{node.name}"

    def _parts(self) -> list[str]:
        return [*PARTS] if self.module == "client" else []

    def _names(self) -> tuple[set[str], set[str]]:
        """Returns the names in the signatures, and those of them that are needed to run."""
        used: set[str] = set()
        runtime: set[str] = set()
        for node in self.body.body:
            if not isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef):
                continue
            if node.name.startswith("_") and not (node.name == "__init__" and self._parts()):
                continue
            values = [d for d in (*node.args.defaults, *node.args.kw_defaults) if d is not None]
            runtime |= {n.id for d in values for n in ast.walk(d) if isinstance(n, ast.Name)}
            signature = [node.args, *([node.returns] if node.returns else [])]
            used |= {n.id for s in signature for n in ast.walk(s) if isinstance(n, ast.Name)}
        return used, runtime

    def _imports(self, names: set[str], own: set[str]) -> Iterator[str]:
        """Yields imports of names that the source imports, and of those it has itself."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module != "__future__":
                used = [a.name for a in node.names if a.name in names]
                if not used:
                    continue
                module = f"sonica_client.{node.module}" if node.level else node.module
                yield f"from {module} import {', '.join(used)}"
            elif isinstance(node, ast.Import):
                wanted = [a for a in node.names if (a.asname or a.name) in names]
                yield from (ast.unparse(ast.Import([alias])) for alias in wanted)
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in own:
                yield f"from sonica_client.{self.module} import {ast.unparse(node.targets[0])}"

    def _text(self, node: ast.ClassDef | ast.AsyncFunctionDef | ast.FunctionDef) -> str:
        """Returns the docstring, of the other face."""
        text = ast.get_docstring(node, clean=False) or ""
        text = re.sub(r"`async with (\w+)\(\) as", r"`with \1() as", text)
        text = text.replace("SonicaClient", "SonicaSyncClient")
        indent = "    " if isinstance(node, ast.ClassDef) else "        "
        return f'{indent}"""{text}"""'

    @staticmethod
    def _passed(arguments: ast.arguments) -> str:
        positional = [a.arg for a in arguments.args if a.arg != "self"]
        return ", ".join(positional + [f"{a.arg}={a.arg}" for a in arguments.kwonlyargs])


def write(path: Path, lines: Iterator[str]) -> None:
    """Writes a module as the formatter wants it."""
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    tidy = ("check", "--quiet", "--select", "I,F401", "--fix"), ("format", "--quiet")
    for command in tidy:
        subprocess.run(["ruff", *command, str(path)], check=True)


def exports() -> Iterator[str]:
    """Yields the lines of sync/__init__.py."""
    yield '"""Sonica for Python programs without an event loop: `SonicaSyncClient`.'
    yield ""
    yield 'with SonicaSyncClient("127.0.0.1:8080") as client:'
    yield '    answer = client.recognize(Path("clip.m4a"))'
    yield ""
    yield f"Each call waits for its answer; a client may be used by several threads.\n\n{MADE}"
    yield '"""'
    yield "from __future__ import annotations"
    for module, _, face in FACES:
        yield f"from .{module} import {face}"
    yield f"__all__ = {sorted(face for _, _, face in FACES)!r}"


def main() -> None:
    """Writes all modules."""
    write(CLIENT / "methods.py", methods())
    for face in FACES:
        write(CLIENT / "sync" / f"{face[0]}.py", Face(*face).lines())
    write(CLIENT / "sync" / "__init__.py", exports())


if __name__ == "__main__":
    main()
