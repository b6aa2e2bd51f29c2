"""What the edge itself tells about the REST face: the OpenAPI document and its page.

Both are made by `make gen` and lie in `static/`; Envoy reads them when it starts. They are the same
for everybody, so nobody is asked who they are and nothing is counted.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mesh.envoy.filters import TRANSCODER, switched_off

if TYPE_CHECKING:
    from mesh.envoy.address import Json

#: Largest page Envoy keeps in memory and sends.
PAGE_BYTES_MAX = 1024 * 1024

_STATIC = Path(__file__).with_name("static")
_CACHE_SECONDS = 300
# A page may show itself and do nothing else, whatever a comment of a contract might bring into it.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_PAGES = {
    "/openapi.json": ("openapi.json", "application/json"),
    "/docs": ("docs.html", "text/html; charset=utf-8"),
}


def page_routes(unasked: Json) -> list[Json]:
    """Returns the routes of the pages.

    Args:
        unasked: what tells the filters of access that nobody is asked who calls.
    """
    per_filter: Json = {TRANSCODER: switched_off(), **unasked}
    return [_page_route(path, *page, per_filter) for path, page in _PAGES.items()]


def _page_route(path: str, file: str, content_type: str, per_filter: Json) -> Json:
    headers = {
        "content-type": content_type,
        "cache-control": f"public, max-age={_CACHE_SECONDS}",
        "content-security-policy": _POLICY,
        "x-content-type-options": "nosniff",
        # The CORS filter passes over answers of the edge itself; foreign pages are refused before.
        "access-control-allow-origin": "*",
    }
    return {
        "match": {
            "path": path,
            "headers": [{"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD"}}}],
        },
        "direct_response": {"status": 200, "body": {"filename": str(_STATIC / file)}},
        "response_headers_to_add": [
            {
                "header": {"key": key, "value": value},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
            for key, value in headers.items()
        ],
        "typed_per_filter_config": per_filter,
        "decorator": {"operation": f"page {path}", "propagate": False},
    }
