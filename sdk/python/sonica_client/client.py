"""The client: one channel to the edge of a Sonica mesh, and a method for everything it offers.

Every call has a deadline, failures are `SonicaError`, and only calls that are the same done twice
are tried again, only when the server is not available. Messages are plain dataclasses.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import grpc

from . import methods
from ._messages.google.protobuf import FieldMask
from ._messages.sonica.audio.v1 import Audio, AudioFormat
from ._messages.sonica.catalog.v1 import (
    DeleteTrackRequest,
    GetCatalogStatisticsRequest,
    GetCatalogStatisticsResponse,
    GetTrackFingerprintRequest,
    GetTrackRequest,
    ListTracksRequest,
    ListTracksResponse,
    LookupTracksRequest,
    RebuildIndexRequest,
    RebuildIndexResponse,
    RegistrationOutcome,
    SearchTracksRequest,
    SearchTracksResponse,
    Track,
    UpdateTrackRequest,
)
from ._messages.sonica.fingerprint.v1 import Fingerprint
from ._messages.sonica.recognition.v1 import (
    ImportProgress,
    RecognizeRequest,
    RecognizeResponse,
    RegisterTrackRequest,
    StreamingRecognizeConfig,
    StreamingRecognizeRequest,
    StreamingRecognizeResponse,
)
from .accounts import Accounts
from .errors import CLIENT_DOMAIN, SonicaError, from_rpc_error
from .exchange import exchange
from .imports import ImportOutcome, TrackImport
from .sources import UNARY_BYTES_MAX, ImportSource, byte_count_of, read_whole

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    import betterproto2

DEFAULT_ADDRESS = "127.0.0.1:8080"
LOOKUP_COUNT_MAX = 500
_MESSAGE_BYTES_MAX = 32 * 1024 * 1024
_SILENCE_SECONDS = 300.0
_THIS_MACHINE = ("unix:", "localhost:", "127.", "0.0.0.0:", "[::1]:", "[::]:")

RequestT = TypeVar("RequestT", bound="betterproto2.Message")
ResponseT = TypeVar("ResponseT", bound="betterproto2.Message")


class SonicaClient:
    """Talks to one mesh; use it as `async with SonicaClient() as client:`.

    Args:
        address: `host:port` or `unix:/path.sock` of the edge; None means SONICA_ADDRESS, else
            127.0.0.1:8080.
        api_key: to make calls with while nobody is logged in; None means SONICA_API_KEY, "" none.
        credentials: for TLS; None means plain text.

    Attributes:
        accounts: registering, logging in, API keys.

    All methods raise SonicaError. A `timeout_seconds` of None means the method's own deadline.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        api_key: str | None = None,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        key = os.environ.get("SONICA_API_KEY", "") if api_key is None else api_key
        self._metadata: Sequence[tuple[str, str]] = (("x-api-key", key),) if key else ()
        self.address = address or os.environ.get("SONICA_ADDRESS") or DEFAULT_ADDRESS
        options: list[tuple[str, Any]] = [
            ("grpc.max_send_message_length", _MESSAGE_BYTES_MAX),
            ("grpc.max_receive_message_length", _MESSAGE_BYTES_MAX),
            ("grpc.service_config", methods.service_config()),
            ("grpc.enable_retries", 1),
        ]
        if self.address.startswith(_THIS_MACHINE):
            # gRPC would send calls to this very machine to the `http_proxy` of the shell.
            options.append(("grpc.enable_http_proxy", 0))
        self._channel: Any = (
            grpc.aio.insecure_channel(self.address, options)
            if credentials is None
            else grpc.aio.secure_channel(self.address, credentials, options)
        )
        self.accounts = Accounts(self._unary)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends all calls and the connection; a refresh under way first comes to its end."""
        await self.accounts.settle()
        await self._channel.close()

    async def recognize(
        self,
        source: bytes | Path | Fingerprint,
        *,
        audio_format: AudioFormat | None = None,
        start_seconds: float = 0.0,
        max_match_count: int = 0,
        include_rejected: bool = False,
        timeout_seconds: float | None = None,
    ) -> RecognizeResponse:
        """Recognises one clip; no match is an empty list, not an error.

        Args:
            source: a clip of any supported container (or PCM, with `audio_format`) of at most
                16 MiB, its path, or its fingerprint of purpose QUERY.
            audio_format: how to read the bytes; None means a container, detected.
            start_seconds: where in the audio the clip begins; at most 15 s from there count.
            max_match_count: most matches wanted; 0 means 5.
            include_rejected: also return the best candidates below the acceptance gate.
            timeout_seconds: deadline; None means 30 s.
        """
        request = RecognizeRequest(
            max_match_count=max_match_count, include_rejected=include_rejected
        )
        if isinstance(source, Fingerprint):
            request.fingerprint = source
        else:
            request.audio = Audio(format=audio_format, content=await read_whole(source))
        if start_seconds:
            request.start_offset = dt.timedelta(seconds=start_seconds)
        return await self._unary(methods.RECOGNIZE, request, timeout_seconds)

    async def recognize_stream(
        self,
        audio: AsyncIterator[bytes],
        *,
        audio_format: AudioFormat | None = None,
        max_match_count: int = 0,
        timeout_seconds: float | None = None,
    ) -> AsyncGenerator[StreamingRecognizeResponse, None]:
        """Recognises audio while it arrives; the response with `final` set is the last.

        Args:
            audio: chunks of at most 1 MiB; reading it stops when the answer is there.
            audio_format: how to read the chunks; None means a container, detected.
            max_match_count: most matches wanted; 0 means 5.
            timeout_seconds: deadline of the whole call; None means 600 s.
        """
        config = StreamingRecognizeConfig(format=audio_format, max_match_count=max_match_count)

        async def requests() -> AsyncGenerator[StreamingRecognizeRequest, None]:
            yield StreamingRecognizeRequest(config=config)
            async for chunk in audio:
                yield StreamingRecognizeRequest(chunk=chunk)

        responses = self._converse(methods.STREAMING_RECOGNIZE, requests(), timeout_seconds)
        try:
            async for response in responses:
                yield response
                if response.final:
                    return
        finally:
            await responses.aclose()

    async def register(
        self,
        source: bytes | Path,
        track: Track | None = None,
        *,
        audio_format: AudioFormat | None = None,
        request_id: str = "",
        algorithm_version: int = 0,
        timeout_seconds: float | None = None,
    ) -> tuple[Track, RegistrationOutcome]:
        """Registers one recording of any size; it can be recognised when this returns.

        Args:
            source: the recording or its path.
            track: what to store about it.
            audio_format: how to read the bytes; None means a container, detected.
            request_id: a UUID of the caller's; the same id never registers twice.
            algorithm_version: of the extractor; 0 means that of the catalogue. Another one is for
                a recording that is registered, before the catalogue is moved to it.
            timeout_seconds: deadline; None means 300 s.

        Returns:
            The track as stored, and whether it is new.
        """
        track = track or Track()
        if await byte_count_of(source) > UNARY_BYTES_MAX:
            return await self._register_large(
                ImportSource(
                    "recording", source, track, audio_format, request_id, algorithm_version
                )
            )
        audio = Audio(format=audio_format, content=await read_whole(source))
        request = RegisterTrackRequest(
            audio=audio, track=track, request_id=request_id, algorithm_version=algorithm_version
        )
        response = await self._unary(methods.REGISTER_TRACK, request, timeout_seconds)
        return response.track or Track(), response.outcome

    async def _register_large(self, source: ImportSource) -> tuple[Track, RegistrationOutcome]:
        async def only() -> AsyncIterator[ImportSource]:
            yield source

        async for event in self.import_tracks(only()):
            if isinstance(event, ImportOutcome):
                if event.error is not None:
                    raise event.error
                if event.track is not None and event.outcome is not None:
                    return event.track, event.outcome
        raise SonicaError(
            grpc.StatusCode.INTERNAL,
            "the import ended without a result for its only item",
            "RESULT_MISSING",
            CLIENT_DOMAIN,
        )

    async def import_tracks(
        self, sources: AsyncIterator[ImportSource], *, silence_seconds: float = _SILENCE_SECONDS
    ) -> AsyncGenerator[ImportOutcome | ImportProgress, None]:
        """Registers many recordings over one stream, at most two ahead of the results.

        Args:
            sources: the recordings; taken only as fast as they are registered.
            silence_seconds: longest wait for a sign of life while one item is being registered.

        Yields:
            Progress of the item being analysed, and exactly one ImportOutcome a source.
        """
        run = TrackImport(sources).run(
            lambda requests: self._converse(
                methods.IMPORT_TRACKS, requests, None, silence_seconds=silence_seconds
            )
        )
        try:
            async for event in run:
                yield event
        finally:
            await run.aclose()

    async def get_track(self, track_id: str, *, timeout_seconds: float | None = None) -> Track:
        """Returns one track by its id, or by `external:` and its external id."""
        request = GetTrackRequest(track_id=track_id)
        response = await self._unary(methods.GET_TRACK, request, timeout_seconds)
        return response.track or Track()

    async def list_tracks(
        self,
        *,
        page_size: int = 0,
        page_token: str = "",
        track_filter: str = "",
        order_by: str = "",
        timeout_seconds: float | None = None,
    ) -> ListTracksResponse:
        """Returns one page of tracks in the order of registration.

        Args:
            page_size: most tracks; 0 means 50.
            page_token: `next_page_token` of the page before, of the same filter and order.
            track_filter: which tracks, e.g. `genre = raga AND year >= 1970`; empty means all.
            order_by: `create_time desc` for the newest first.
            timeout_seconds: deadline; None means 10 s.
        """
        request = ListTracksRequest(
            page_size=page_size, page_token=page_token, filter=track_filter, order_by=order_by
        )
        return await self._unary(methods.LIST_TRACKS, request, timeout_seconds)

    async def search_tracks(
        self,
        query: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        timeout_seconds: float | None = None,
    ) -> SearchTracksResponse:
        """Returns one page of the tracks whose title, artists or album fit, best first.

        Args:
            query: words, or the beginnings of words; small misspellings are forgiven.
            page_size: most results; 0 means 20.
            page_token: `next_page_token` of the page before, of the same query.
            timeout_seconds: deadline; None means 10 s.
        """
        request = SearchTracksRequest(query=query, page_size=page_size, page_token=page_token)
        return await self._unary(methods.SEARCH_TRACKS, request, timeout_seconds)

    async def update_track(
        self, track: Track, *, paths: Sequence[str] = (), timeout_seconds: float | None = None
    ) -> Track:
        """Changes what is stored about a track and returns it as it is then.

        Args:
            track: `track_id` and the new values; with an `etag`, only if it still has that one.
            paths: fields to change; none means those that are not empty in `track`.
            timeout_seconds: deadline; None means 10 s.
        """
        mask = FieldMask(paths=[*paths]) if paths else None
        request = UpdateTrackRequest(track=track, update_mask=mask)
        response = await self._unary(methods.UPDATE_TRACK, request, timeout_seconds)
        return response.track or Track()

    async def all_tracks(
        self, *, page_size: int = 500, track_filter: str = ""
    ) -> AsyncGenerator[Track, None]:
        """Yields every track, or every one of a filter, page by page."""
        token = ""
        while True:
            page = await self.list_tracks(
                page_size=page_size, page_token=token, track_filter=track_filter
            )
            for track in page.tracks:
                yield track
            token = page.next_page_token
            if not token:
                return

    async def lookup_tracks(
        self, content_sha256s: Sequence[bytes], *, timeout_seconds: float | None = None
    ) -> list[Track]:
        """Returns those of some recordings that are registered, by the SHA-256 of their bytes.

        Args:
            content_sha256s: 32 bytes each; any number, asked for 500 at a time.
            timeout_seconds: deadline of each request; None means 10 s.
        """
        found: list[Track] = []
        for start in range(0, len(content_sha256s), LOOKUP_COUNT_MAX):
            some = list(content_sha256s[start : start + LOOKUP_COUNT_MAX])
            request = LookupTracksRequest(content_sha256s=some)
            response = await self._unary(methods.LOOKUP_TRACKS, request, timeout_seconds)
            found += response.tracks
        return found

    async def delete_track(self, track_id: str, *, timeout_seconds: float | None = None) -> None:
        """Removes a track for good; when this returns no answer can name it any more."""
        request = DeleteTrackRequest(track_id=track_id)
        await self._unary(methods.DELETE_TRACK, request, timeout_seconds)

    async def track_fingerprint(
        self, track_id: str, *, timeout_seconds: float | None = None
    ) -> Fingerprint:
        """Returns the stored fingerprint of a track, whole."""
        request = GetTrackFingerprintRequest(track_id=track_id)
        response = await self._unary(methods.GET_TRACK_FINGERPRINT, request, timeout_seconds)
        return response.fingerprint or Fingerprint()

    async def rebuild_index(
        self, algorithm_version: int = 0, *, drop_other_versions: bool = False
    ) -> AsyncGenerator[RebuildIndexResponse, None]:
        """Makes the vector index anew and yields progress; the last has `done` set.

        Args:
            algorithm_version: extractor the catalogue is to have; 0 means the one it has. Each
                recording must have been registered with it: FINGERPRINTS_MISSING says which is not.
            drop_other_versions: also delete the stored fingerprints of all other extractors.
        """
        request = RebuildIndexRequest(
            algorithm_version=algorithm_version, drop_other_versions=drop_other_versions
        )
        method = methods.REBUILD_INDEX
        stub = self._channel.unary_stream(
            method.path,
            request_serializer=bytes,
            response_deserializer=method.response.FromString,
        )
        call = stub(request, timeout=method.timeout_seconds, metadata=self._metadata)
        try:
            async for response in call:
                yield response
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, self.address) from None
        finally:
            call.cancel()

    async def statistics(
        self, *, timeout_seconds: float | None = None
    ) -> GetCatalogStatisticsResponse:
        """Returns the size of the catalogue."""
        request = GetCatalogStatisticsRequest()
        return await self._unary(methods.GET_CATALOG_STATISTICS, request, timeout_seconds)

    async def _unary(
        self,
        method: methods.Method[RequestT, ResponseT],
        request: RequestT,
        timeout_seconds: float | None,
        metadata: Sequence[tuple[str, str]] = (),
    ) -> ResponseT:
        stub = self._channel.unary_unary(
            method.path,
            request_serializer=bytes,
            response_deserializer=method.response.FromString,
        )
        deadline = method.timeout_seconds if timeout_seconds is None else timeout_seconds
        try:
            response: ResponseT = await stub(
                request, timeout=deadline, metadata=metadata or self._metadata
            )
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, self.address) from None
        return response

    def _converse(
        self,
        method: methods.Method[RequestT, ResponseT],
        requests: AsyncGenerator[RequestT, None],
        timeout_seconds: float | None,
        *,
        silence_seconds: float = _SILENCE_SECONDS,
    ) -> AsyncGenerator[ResponseT, None]:
        stub = self._channel.stream_stream(
            method.path,
            request_serializer=bytes,
            response_deserializer=method.response.FromString,
        )
        deadline = method.timeout_seconds if timeout_seconds is None else timeout_seconds
        call = stub(timeout=deadline, metadata=self._metadata)
        return exchange(call, requests, address=self.address, silence_seconds=silence_seconds)
