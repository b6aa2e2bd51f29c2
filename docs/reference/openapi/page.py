"""The document as one static HTML page: no script, nothing loaded from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from typing import Any

from docs.reference.openapi.rules import Schema
from docs.reference.openapi.security import is_open

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8882;--mark:#0a7}
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:0 auto;padding:1rem}
code,pre{font:.9em/1.45 ui-monospace,monospace}pre{background:var(--soft);padding:.7rem;
overflow:auto;border-radius:.3rem}h2{border-bottom:1px solid var(--line);margin-top:2.5rem}
section{margin-top:1.8rem}h3 b{color:var(--mark);margin-right:.5rem}h3,h4{margin-bottom:.3rem}
table{border-collapse:collapse;width:100%;display:block;overflow:auto}
td,th{border-bottom:1px solid var(--line);padding:.3rem .6rem .3rem 0;text-align:left;
vertical-align:top}nav ul{columns:2 20rem;padding-left:1.1rem}
"""
_LIMITS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "pattern {}",
}
# The bounds of the type itself tell nobody anything.
_NO_LIMITS = {-(2**31), 2**31 - 1}
_EDGE = "http://127.0.0.1:8080"


def page(document: Schema) -> str:
    """Returns the HTML of a document."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Schema) -> Iterator[str]:
    info = document["info"]
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>{escape(info['title'])}: REST API</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>{escape(info['title'])}: REST API</h1>"
    yield _text(info["description"])
    yield '<p>For programs: <a href="/openapi.json">openapi.json</a>, OpenAPI 3.1.</p>'
    yield "<nav><ul>"
    for path, verb, operation in _operations(document):
        yield (
            f'<li><a href="#{operation["operationId"]}"><code>{verb} {escape(path)}</code></a></li>'
        )
    yield '</ul><p><a href="#schemas">Schemas</a> · <a href="#errors">Errors</a></p></nav>'
    yield "<h2>Credentials</h2><ul>"
    for scheme in document["components"]["securitySchemes"].values():
        yield f"<li>{_inline(scheme['description'])}</li>"
    yield "</ul>"
    for tag in document["tags"]:
        yield f"<h2>{escape(tag['name'])}</h2>{_text(tag['description'])}"
        for path, verb, operation in _operations(document):
            if operation["tags"] == [tag["name"]]:
                yield from _operation(path, verb, operation)
    yield '<h2 id="schemas">Schemas</h2>'
    for name, schema in document["components"]["schemas"].items():
        yield from _schema(name, schema)
    yield '<h2 id="errors">Errors</h2>'
    yield from _reasons(document["x-reasons"])
    yield "</body></html>"


def _operations(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            yield path, verb.upper(), operation


def _operation(path: str, verb: str, operation: Schema) -> Iterator[str]:
    yield f'<section id="{operation["operationId"]}">'
    yield f"<h3><b>{verb}</b><code>{escape(path)}</code></h3>"
    yield f"<p>{_inline(operation['summary'])}.</p>{_text(operation.get('description', ''))}"
    yield f"<p>{_inline(_who(operation))}</p>"
    if parameters := operation.get("parameters"):
        yield "<h4>Parameters</h4><table>"
        for each in parameters:
            required = ", required" if each.get("required") else ""
            place = f"{each['in']}{required}"
            yield _row(f"<code>{escape(each['name'])}</code>", place, *_described(each))
        yield "</table>"
    if body := operation.get("requestBody"):
        yield f"<h4>Body</h4>{_text(body.get('description', ''))}"
        yield f"<p>{_kinds(body['content'])}</p>"
    yield "<h4>Answers</h4><table>"
    for status, response in operation["responses"].items():
        if "$ref" in response or status == "default":
            continue
        yield _row(status, _kinds(response["content"]), _inline(response["description"]))
    shared = ", ".join(s for s, r in operation["responses"].items() if "$ref" in r and s.isdigit())
    yield _row(shared, '<a href="#Status">Status</a>', 'Errors of any route: see <a href="#errors">'
               "errors</a>.")  # fmt: skip
    yield f"</table><pre>{escape(curl(path, verb, operation))}</pre></section>"


def curl(path: str, verb: str, operation: Schema) -> str:
    """Returns a command that makes the call, with the document's examples."""
    parameters = operation.get("parameters", [])
    query = []
    for each in parameters:
        example = each.get("example")
        if each["in"] == "path":
            path = path.replace(
                "{" + each["name"] + "}", str(example or f"${each['name'].upper()}")
            )
        elif example is not None:
            query.append(f"{each['name']}={str(example).replace(' ', '%20')}")
    target = _EDGE + path + ("?" + "&".join(query) if query else "")
    parts = ["curl"] if verb in ("GET", "POST") else [f"curl -X {verb}"]
    if not is_open(operation):
        parts.append('-H "authorization: Bearer $TOKEN"')
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        if kind == "application/json":
            example = json.dumps(media.get("example", {}), ensure_ascii=False)
            parts += ["-H 'content-type: application/json'", f"-d '{example}'"]
        else:
            parts += ["-H 'content-type: audio/mpeg'", _upload(operation)]
        break
    return " \\\n  ".join([*parts, f"'{target}'"])


def _upload(operation: Schema) -> str:
    streamed = "application/x-ndjson" in operation["responses"]["200"]["content"]
    return "-N -T clip.mp3 -X POST" if streamed else "--data-binary @clip.mp3"


def _who(operation: Schema) -> str:
    scope = operation.get("x-scope")
    who = {"public": "Open to everybody", "admin": "For admins"}.get(
        operation["x-access"], "For who has logged in"
    )
    return f"{who}; an API key needs the scope `{scope}`." if scope else f"{who}."


def _kinds(content: dict[str, Any]) -> str:
    schema = next(iter(content.values()))["schema"]
    if {"$ref", "oneOf"} & schema.keys() or schema.get("type") == "object":
        return f"{', '.join(f'<code>{kind}</code>' for kind in content)}: {_type(schema)}"
    return f"bytes, as {', '.join(f'<code>{kind}</code>' for kind in content)}"


def _schema(name: str, schema: Schema) -> Iterator[str]:
    yield f'<section id="{name}"><h3>{name}</h3>{_text(schema.get("description", ""))}<table>'
    required = schema.get("required", [])
    for field, value in schema.get("properties", {}).items():
        marks = ["required"] if field in required else []
        marks += ["read only"] if value.get("readOnly") else []
        cells = _described({"schema": value})
        yield _row(f"<code>{escape(field)}</code>", ", ".join(marks), *cells)
    yield "</table>"
    for members in schema.get("x-exactly-one-of", {}).values():
        if len(members) > 1:
            yield f"<p>Exactly one of {', '.join(f'<code>{m}</code>' for m in members)}.</p>"
    yield "</section>"


def _described(holder: Schema) -> tuple[str, str]:
    """Returns type with limits, and words."""
    schema = holder["schema"]
    limits = [
        text.format(f"<code>{escape(str(schema[keyword]))}</code>")
        for keyword, text in _LIMITS.items()
        if keyword in schema and schema[keyword] not in _NO_LIMITS
    ]
    words = holder.get("description") or schema.get("description", "")
    return ", ".join([_type(schema), *limits]), _inline(words)


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{name}">{name}</a>'
    if "oneOf" in schema:
        return " or ".join(map(_type, schema["oneOf"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if "enum" in schema:
        return "one of " + ", ".join(f"<code>{value}</code>" for value in schema["enum"])
    kind = schema.get("format") or schema.get("contentEncoding")
    return escape(schema.get("type", "any") + (f" ({kind})" if kind else ""))


def _reasons(reasons: list[Schema]) -> Iterator[str]:
    yield "<table><tr><th>status<th>reason<th>domain<th>metadata<th>when</tr>"
    for each in sorted(reasons, key=lambda e: (e["status"], e["domain"], e["reason"])):
        yield _row(
            f"{each['status']} <code>{each['code']}</code>",
            f"<code>{each['reason']}</code>",
            escape(each["domain"]),
            ", ".join(f"<code>{key}</code>" for key in each["metadata"]),
            _inline(each["when"]),
        )
    yield "</table>"


def _row(*cells: str) -> str:
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _text(text: str) -> str:
    return "".join(f"<p>{_inline(paragraph)}</p>" for paragraph in text.split("\n\n") if paragraph)


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
