"""The whole document."""

from __future__ import annotations

from docs.reference.openapi import failures, security
from docs.reference.openapi.contracts import Contracts
from docs.reference.openapi.operations import Operations, tag
from docs.reference.openapi.rules import Schema
from docs.reference.openapi.schemas import Schemas
from mesh.envoy.contracts import rpcs

_ABOUT = """\
Sonica recognises recorded music: a clip of 1 to 15 s, noisy or not, comes back as which recording \
it is, where in it, and how sure that is. An empty list of matches means that nobody knows the clip.

Names are `lowerCamelCase`; bytes are base64; durations are seconds with an `s`, as `"1.5s"`; \
64-bit integers are text. Fields that are empty may be left out of a request. Unknown query \
parameters are refused, unknown fields of a body are ignored.

Every error is a `google.rpc.Status` with exactly one `ErrorInfo`: act on its `reason` and \
`domain`, which do not change; `message` is for people. A request may carry `grpc-timeout: 2S` \
(`300m` for milliseconds) and `traceparent`."""


def document(contracts: Contracts) -> Schema:
    """Returns the OpenAPI 3.1 document of every REST binding of the contracts."""
    schemas = Schemas(contracts)
    operations = Operations(contracts, schemas)
    methods = {(m.service, m.descriptor.name): m for m in contracts.methods}
    paths: Schema = {}
    tags: list[Schema] = []
    for rpc in rpcs():
        method = methods[rpc.service, rpc.name]
        for binding in rpc.rest:
            said = {
                "name": tag(rpc.service),
                "description": contracts.comments.get(rpc.service, ""),
            }
            if said not in tags:
                tags.append(said)
            item = paths.setdefault(operations.path(binding), {})
            item[binding.verb.lower()] = operations.operation(method, rpc, binding)
    tags.sort(key=lambda each: each["name"] != "Recognition")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sonica",
            "version": "1",
            "summary": "Recognition of recorded music.",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "Where this document was read."}],
        "tags": tags,
        "paths": {path: paths[path] for path in sorted(paths)},
        "components": {
            "securitySchemes": security.schemes(),
            "responses": failures.responses(),
            "schemas": dict(sorted({**schemas.made, **failures.schemas()}.items())),
        },
        "x-reasons": list(failures.reasons()),
    }
