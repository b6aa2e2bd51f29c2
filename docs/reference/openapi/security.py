"""Who may call a route, as OpenAPI security requirements."""

from __future__ import annotations

from docs.reference.openapi.rules import Schema
from mesh.envoy.contracts import AccessRule, Level

TOKEN, KEY = "accessToken", "apiKey"


def schemes() -> Schema:
    """Returns the two credentials."""
    return {
        TOKEN: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The access token of a session: `authorization: Bearer …`.",
        },
        KEY: {
            "type": "apiKey",
            "in": "header",
            "name": "x-api-key",
            "description": "An API key with the scope the route needs: `x-api-key: sk_…`.",
        },
    }


def access(rule: AccessRule) -> Schema:
    """Returns what an operation says of who may call it."""
    said: Schema = {"security": _alternatives(rule), "x-access": rule.level.name.lower()}
    return said | {"x-scope": rule.scope} if rule.scope else said


def is_open(operation: Schema) -> bool:
    """Tells whether an operation may be called without a credential."""
    return {} in operation["security"]


def takes_credentials(operation: Schema) -> bool:
    """Tells whether an operation looks at credentials; those that are sent must be good."""
    return bool(operation["security"] != [{}])


def _alternatives(rule: AccessRule) -> list[dict[str, list[str]]]:
    """Returns the credentials of which one is enough; the empty one stands for none at all."""
    token: list[dict[str, list[str]]] = [{TOKEN: []}]
    key: list[dict[str, list[str]]] = [{KEY: []}] if rule.scope else []
    if rule.level is Level.PUBLIC:
        return [{}, *token, *key] if rule.scope else [{}]
    return [*token, *key]
