"""What a body may call itself: a wrong one is refused before a byte of it is taken.

Bodies are the file itself, or JSON. What curl sends when it is told nothing passes for both, since
the commands people type say nothing; the services look at the bytes and believe nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.envoy.filters import TRANSCODER, switched_off

if TYPE_CHECKING:
    from mesh.envoy.address import Json
    from mesh.envoy.contracts import RestBinding

#: A form around a file: its borders would be taken for audio.
MULTIPART = "(?i)multipart/.*"
_NEVER_AUDIO = "(?i)(multipart/|text/|application/(json|xml|grpc|([a-z0-9.-]+[+](json|xml)))).*"
_JSON = (
    "(?i)(application/([a-z0-9.-]+[+])?json|text/json|application/x-www-form-urlencoded) *(;.*)?"
)


def refuse_wrong_type(binding: RestBinding, path_pattern: str, unasked: Json) -> Json:
    """Returns the route that refuses bodies of other types than a binding takes.

    Args:
        binding: one with a body.
        path_pattern: expression for its path.
        unasked: what tells the filters of access that nobody is asked who calls.
    """
    header: Json = {"name": "content-type", "string_match": {"safe_regex": {"regex": _JSON}}}
    words = "this route takes JSON; send it as application/json"
    if binding.raw:
        header = {"name": "content-type", "string_match": {"safe_regex": {"regex": _NEVER_AUDIO}}}
        words = "this route takes the file itself as the body, as audio/* or octet-stream"
    else:
        header["invert_match"] = True
    return {
        "match": {
            "safe_regex": {"regex": path_pattern},
            "headers": [
                {"name": ":method", "string_match": {"exact": binding.verb}},
                {"name": "content-type", "present_match": True},
                header,
            ],
        },
        "direct_response": {"status": 415, "body": {"inline_string": words}},
        "typed_per_filter_config": {TRANSCODER: switched_off(), **unasked},
        "decorator": {"operation": "refuse_content_type", "propagate": False},
    }
