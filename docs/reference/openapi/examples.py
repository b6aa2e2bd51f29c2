"""Examples of the calls a partner makes first; what is not here is made from the schema."""

from __future__ import annotations

from typing import Any

_TRACK = {
    "trackId": "5f0c2b1e-7a55-4c8e-9d3f-0a1b2c3d4e5f",
    "externalId": "yaman-1",
    "title": "Raga Yaman",
    "artist": "Someone",
    "state": "TRACK_STATE_ACTIVE",
}
_MATCH = {
    "track": _TRACK,
    "trackOffset": "61.440s",
    "clipOffset": "0.128s",
    "matchedDuration": "4.700s",
    "speedFactor": 1,
    "score": 0.997,
    "ambiguous": False,
}
_TRACE = "cb6fa119b47a122aeea6ce3790bad05b"
_ACCOUNT = {
    "name": "users/0b6ff5a1-3f0e-4c55-8b5a-3b1f5f0f2f10",
    "email": "ada@example.org",
    "displayName": "Ada",
    "role": "ROLE_FREE",
}
_LOGIN = {"email": "ada@example.org", "password": "correct horse battery"}

_BODIES: dict[str, Any] = {
    "Recognize": {
        "audio": {
            "content": "AAAAAA==",
            "format": {
                "encoding": "AUDIO_ENCODING_PCM_S16LE",
                "sampleRateHz": 44100,
                "channelCount": 2,
            },
        },
        "maxMatchCount": 3,
    },
    "Register": _LOGIN,
    "LogIn": _LOGIN,
    "Refresh": {"refreshToken": "rt_…"},
    "UpdateAccount": {
        "displayName": "Ada",
        "preferences": {"languages": ["hi", "bho"]},
    },
    "CreateApiKey": {
        "displayName": "radio",
        "scopes": ["SCOPE_RECOGNIZE", "SCOPE_ACCOUNT_READ"],
    },
    "ChangePassword": {
        "currentPassword": "correct horse battery",
        "newPassword": "a better battery",
    },
}
_RESPONSES: dict[str, Any] = {
    "Recognize": {
        "matches": [_MATCH],
        "rejected": [],
        "analysedDuration": "5s",
        "timing": {"decodeDuration": "0.004s", "totalDuration": "0.031s"},
        "traceId": _TRACE,
    },
    "RegisterTrack": {"track": _TRACK, "outcome": "REGISTRATION_OUTCOME_REGISTERED"},
    "GetTrack": {"track": _TRACK},
    "ListTracks": {"tracks": [_TRACK], "nextPageToken": "", "totalCount": "1"},
    "Register": {"account": _ACCOUNT},
    "GetAccount": {"account": _ACCOUNT},
}
_PARAMETERS: dict[str, Any] = {
    "trackId": "external:yaman-1",
    "user": "me",
    "track.title": "Raga Yaman",
    "track.artist": "Someone",
    "track.externalId": "yaman-1",
    "updateMask": "displayName,preferences.languages",
}


def body_example(method: str) -> Any:
    """Returns the example of an RPC's JSON body; None when there is none."""
    return _BODIES.get(method)


def response_example(method: str) -> Any:
    """Returns the example of an RPC's answer; None when there is none."""
    return _RESPONSES.get(method)


def parameter_example(name: str) -> Any:
    """Returns the example of a parameter; None when there is none."""
    return _PARAMETERS.get(name)
