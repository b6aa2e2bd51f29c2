"""What a registrant says of a recording: between Track messages and the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

from sonica.catalog.v1 import catalog_service_pb2, track_pb2

from match_svc.errors import UpdateMaskInvalidError
from match_svc.model import Description
from mesh.runtime.errors import InvalidRequestError

_NAMES = tuple(field.name for field in fields(Description))
_PATHS_MAX = 50
_EXTERNAL_IDS_MAX = 20
_OF_EXTERNAL_ID = "external_ids."


def description_from(track: track_pb2.Track) -> Description:
    """Reads what is said of a recording.

    Raises:
        InvalidRequestError: a text holds a NUL character, which PostgreSQL cannot store.
    """
    for name, text in _texts(track):
        if "\0" in text:
            raise InvalidRequestError(
                "sonica.catalog", [(f"track.{name}", "NUL", "must not contain NUL characters")]
            )
    return Description(
        **{name: _plain(getattr(track, name)) for name in _NAMES},
    )


def describe(track: track_pb2.Track, about: Description) -> None:
    """Fills in what is said of a recording; of artists, one form stands for the other."""
    for name in _NAMES:
        value = getattr(about, name)
        if isinstance(value, str | int):
            setattr(track, name, value)
    track.artist = about.artist or ", ".join(about.artists)
    track.artists.extend(about.artists or ([about.artist] if about.artist else []))
    track.external_ids.update(about.external_ids)


def changed(about: Description, request: catalog_service_pb2.UpdateTrackRequest) -> Description:
    """Returns a description with the changes of a request.

    Raises:
        UpdateMaskInvalidError: the mask is too long or names another field, or nothing changes.
        InvalidRequestError: as `description_from`, and for too many external ids.
    """
    wanted = description_from(request.track)
    paths = list(request.update_mask.paths) or [name for name in _NAMES if getattr(wanted, name)]
    if not paths or len(paths) > _PATHS_MAX:
        raise _mask_invalid(paths[_PATHS_MAX] if paths else "")
    for path in paths:
        name = path.removeprefix(_OF_EXTERNAL_ID)
        if path in _NAMES:
            about = replace(about, **{path: getattr(wanted, path)})
        elif name and name != path:
            about = replace(about, external_ids=_with_id(about, wanted, name))
        else:
            raise _mask_invalid(path)
    if len(about.external_ids) > _EXTERNAL_IDS_MAX:
        count = str(len(about.external_ids))
        limit = f"at most {_EXTERNAL_IDS_MAX} of them, those stored included"
        raise InvalidRequestError("sonica.catalog", [("track.external_ids", count, limit)])
    return about


def _with_id(about: Description, wanted: Description, name: str) -> dict[str, str]:
    others = {key: value for key, value in about.external_ids.items() if key != name}
    value = wanted.external_ids.get(name)
    return others | ({name: value} if value else {})


def _plain(value: Any) -> Any:
    """Returns a value of a message as the model has it."""
    if isinstance(value, str | int):
        return value
    return dict(value) if hasattr(value, "items") else tuple(value)


def _texts(track: track_pb2.Track) -> Iterator[tuple[str, str]]:
    for name in _NAMES:
        value = _plain(getattr(track, name))
        texts: Sequence[Any] = [value]
        if not isinstance(value, str | int):
            texts = [*value.values()] if isinstance(value, dict) else value
        yield from ((name, text) for text in texts if isinstance(text, str))


def _mask_invalid(path: str) -> UpdateMaskInvalidError:
    known = ", ".join(_NAMES)
    return UpdateMaskInvalidError(
        f"update_mask has {path!r}; it may name {known} and external_ids.NAME, at most "
        f"{_PATHS_MAX} of them, and without it something must be set",
        path=path,
        known_paths=known,
    )
