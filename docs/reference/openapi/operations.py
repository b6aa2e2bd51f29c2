"""REST bindings as OpenAPI operations: paths, parameters, bodies and answers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field

from docs.reference.openapi.contracts import Contracts, Method
from docs.reference.openapi.examples import body_example, parameter_example, response_example
from docs.reference.openapi.failures import error_responses
from docs.reference.openapi.rules import Schema, is_required, rules_of
from docs.reference.openapi.schemas import HTTP_BODY, Schemas, set_by_service
from docs.reference.openapi.security import access, takes_credentials
from mesh.envoy.contracts import RestBinding, Rpc

#: What a body of audio may call itself; the service looks at the bytes and believes nobody.
AUDIO_TYPES = (
    "application/octet-stream", "audio/aac", "audio/aiff", "audio/flac", "audio/mp4", "audio/mpeg",
    "audio/ogg", "audio/wav", "audio/webm", "video/mp4", "video/webm",
)  # fmt: skip
#: What calls that answer with a file answer with.
FILE_TYPES = {
    "ExportRecognitions": ("application/x-ndjson", "text/csv"),
    "ExportPersonalData": ("application/json",),
}
JSON = "application/json"
JSON_LINES = "application/x-ndjson"
_VARIABLE = re.compile(r"\{([^}=]+)(?:=([^}]+))?\}")


class Operations:
    """Makes operations of one document.

    Args:
        contracts: what is bound.
        schemas: gets the schemas that the operations refer to.
    """

    def __init__(self, contracts: Contracts, schemas: Schemas) -> None:
        self._contracts = contracts
        self._schemas = schemas

    def path(self, binding: RestBinding) -> str:
        """Returns the path as OpenAPI writes it: one variable a segment."""

        def plain(variable: re.Match[str]) -> str:
            name, pattern = variable.groups()
            if pattern is None:
                return "{" + _in_path(name) + "}"
            return "/".join(
                "{" + segment_name + "}" if segment_name else literal
                for literal, segment_name in _segments(pattern)
            )

        return _VARIABLE.sub(plain, binding.template)

    def operation(self, method: Method, rpc: Rpc, binding: RestBinding) -> Schema:
        """Returns the operation of one binding of an RPC."""
        said = self._contracts.comments.get(method.full_name, "")
        paragraphs = [p for p in said.split("\n\n") if not p.startswith("Errors:")]
        summary, _, more = paragraphs[0].partition(". ")
        description = "\n\n".join([p for p in (more, *paragraphs[1:]) if p])
        operation: Schema = {
            "operationId": _operation_id(method, binding, first=binding == rpc.rest[0]),
            "tags": [tag(method.service)],
            "summary": summary.rstrip("."),
            "description": description,
            "x-rpc": method.full_name,
            **access(rpc.access),
            "parameters": [*self._path_parameters(method, binding), *self._query(method, binding)],
        }
        if body := self._body(method, binding):
            operation["requestBody"] = body
        has_body = "requestBody" in operation
        operation["responses"] = {
            "200": self._answer(method),
            **error_responses(
                said,
                self._contracts.comments.get(method.service, ""),
                secured=takes_credentials(operation),
                has_body=has_body,
                kinds=(JSON, JSON_LINES) if rpc.gives_lines else (JSON,),
            ),
        }
        return {key: value for key, value in operation.items() if value not in ("", [])}

    def _path_parameters(self, method: Method, binding: RestBinding) -> Iterator[Schema]:
        for name, pattern in _VARIABLE.findall(binding.template):
            field, comment = self._field(_input(method), name.split("."))
            value = self._schemas.value(field, "")
            if not pattern:
                yield _parameter("path", _in_path(name), value, comment)
                continue
            patterns = _segment_patterns(value.get("pattern", ""), pattern)
            for _, variable in _segments(pattern):
                if variable:
                    segment: Schema = {"type": "string", "pattern": patterns[variable]}
                    yield _parameter("path", variable, segment, comment)

    def _query(self, method: Method, binding: RestBinding) -> Iterator[Schema]:
        """Yields the fields that come neither by the path nor in the body, messages flattened."""
        if binding.body == "*":
            return
        message = _input(method)
        taken = {name for name, _ in _VARIABLE.findall(binding.template)}
        yield from self._flattened(message, "", taken | {binding.body}, ())

    def _flattened(
        self, message: str, prefix: str, taken: Collection[str], above: tuple[str, ...]
    ) -> Iterator[Schema]:
        chosen = {
            field.oneof_index
            for field, _ in self._contracts.fields(message)
            if field.HasField("oneof_index") and prefix + field.name in taken
        }
        for field, comment in self._contracts.fields(message):
            bound = prefix + field.name in taken or set_by_service(comment)
            if bound or (field.HasField("oneof_index") and field.oneof_index in chosen):
                continue
            name = field.type_name.removeprefix(".")
            if field.type == Field.TYPE_MESSAGE and not name.startswith("google.protobuf."):
                if field.label != Field.LABEL_REPEATED and name not in above:
                    inner = prefix + field.name + "."
                    yield from self._flattened(name, inner, taken, (*above, name))
                continue
            value = self._schemas.value(field, "")
            required = is_required(rules_of(field)) and not prefix
            yield _parameter("query", _camel(prefix + field.name), value, comment, required)

    def _body(self, method: Method, binding: RestBinding) -> Schema:
        if not binding.body:
            return {}
        message = _input(method)
        if binding.body == "*":
            by_path = {name for name, _ in _VARIABLE.findall(binding.template)}
            schema = self._schemas.reference(message, without=by_path)
            return _json_body(schema, method)
        field, comment = self._field(message, [binding.body])
        if field.type_name == f".{HTTP_BODY}":
            binary: Schema = {"type": "string", "format": "binary"}
            content = {kind: {"schema": binary} for kind in AUDIO_TYPES}
            return {"required": True, "description": comment, "content": content}
        return _json_body(self._schemas.value(field, ""), method) | {"description": comment}

    def _answer(self, method: Method) -> Schema:
        output = method.descriptor.output_type.removeprefix(".")
        said = "The answer."
        if kinds := FILE_TYPES.get(method.descriptor.name):
            binary: Schema = {"type": "string", "format": "binary"}
            return {
                "description": "The file.",
                "content": {kind: {"schema": binary} for kind in kinds},
            }
        kind = JSON_LINES if method.descriptor.server_streaming else JSON
        schema = self._schemas.reference(output)
        media: Schema = {"schema": schema}
        if example := response_example(method.descriptor.name):
            media["example"] = example
        if kind == JSON_LINES:
            said = (
                "One JSON object a line, each sent as soon as it is known. A failure after the "
                "first is the last line, a `Status`."
            )
            media["schema"] = {"oneOf": [schema, {"$ref": "#/components/schemas/Status"}]}
        return {"description": said, "content": {kind: media}}

    def _field(self, message: str, path: list[str]) -> tuple[Field, str]:
        found = {field.name: (field, comment) for field, comment in self._contracts.fields(message)}
        field, comment = found[path[0]]
        if len(path) == 1:
            return field, comment
        return self._field(field.type_name.removeprefix("."), path[1:])


def tag(service: str) -> str:
    """Returns the tag of a service: its name without package and `Service`."""
    return service.rpartition(".")[2].removesuffix("Service")


def _input(method: Method) -> str:
    return str(method.descriptor.input_type.removeprefix("."))


def _operation_id(method: Method, binding: RestBinding, *, first: bool) -> str:
    name = method.descriptor.name[0].lower() + method.descriptor.name[1:]
    return name if first else f"{name}{'AsJson' if binding.body == '*' else binding.verb.title()}"


def _json_body(schema: Schema, method: Method) -> Schema:
    media: Schema = {"schema": schema}
    if (example := body_example(method.descriptor.name)) is not None:
        media["example"] = example
    return {"required": True, "content": {JSON: media}}


def _parameter(
    place: str, name: str, schema: Schema, comment: str, required: bool | None = None
) -> Schema:
    parameter: Schema = {"name": name, "in": place}
    if place == "path" or required:
        parameter["required"] = True
    if comment:
        parameter["description"] = comment
    parameter["schema"] = schema
    if (example := parameter_example(name)) is not None:
        parameter["example"] = example
    return parameter


def _in_path(path: str) -> str:
    """Names a variable of a path: its last part, as many tools take a dot for an access."""
    return _camel(path.rpartition(".")[2])


def _camel(path: str) -> str:
    """Returns `track.externalId` for `track.external_id`."""
    return ".".join(re.sub(r"_(\w)", lambda m: m[1].upper(), part) for part in path.split("."))


def _segments(pattern: str) -> list[tuple[str, str]]:
    """Returns (literal, variable) of each segment of `users/*/apiKeys/*`; one of them is empty."""
    parts = pattern.split("/")
    return [
        ("", parts[i - 1].removesuffix("s")) if part == "*" else (part, "")
        for i, part in enumerate(parts)
    ]


def _segment_patterns(expression: str, pattern: str) -> dict[str, str]:
    """Returns the expression of each variable, taken out of that for the whole name.

    Raises:
        ValueError: the expression is not made of the literals of the path's pattern.
    """
    rest = expression.removeprefix("^$|").removeprefix("^").removesuffix("$")
    found: dict[str, Any] = {}
    segments = _segments(pattern)
    for index, (literal, variable) in enumerate(segments):
        if literal:
            if not rest.startswith(f"{literal}/"):
                raise ValueError(f"{expression} does not fit {pattern}")
            rest = rest.removeprefix(f"{literal}/")
            continue
        following = segments[index + 1][0] if index + 1 < len(segments) else None
        own, _, rest = rest.partition(f"/{following}/") if following else (rest, "", "")
        rest = f"{following}/{rest}" if following else rest
        found[variable] = f"^{own}$"
    return found
