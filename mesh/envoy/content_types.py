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

# Without a body only this is wrong: the call would go on with a path no service knows.
_GRPC = "(?i)application/grpc.*"
_NO_FILE = "this route takes the file itself as the body, as audio/* or octet-stream"


def refuse_wrong_type(binding: RestBinding, path_pattern: str, unasked: Json) -> Json:
    """Returns the route that refuses bodies of other types than a binding takes.

    Args:
        binding: its method, path and kind of body.
        path_pattern: expression for its path.
        unasked: what tells the filters of access that nobody is asked who calls.
    """
    pattern, words = _GRPC, "this route does not take gRPC"
    if binding.raw:
        pattern, words = _NEVER_AUDIO, _NO_FILE
    elif binding.body:
        pattern, words = _JSON, "this route takes JSON; send it as application/json"
    header: Json = {"name": "content-type", "string_match": {"safe_regex": {"regex": pattern}}}
    if pattern is _JSON:
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
