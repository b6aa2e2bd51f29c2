"""The client: one channel to the edge of a Sonica mesh, and a method for everything it offers.

Every call has a deadline, failures are `SonicaError`, and only calls that are the same done twice
are tried again: when the server is not available, or as it says when it is busy. Messages are
plain dataclasses.
"""

from __future__ import annotations

import datetime as dt
import os
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Self

import grpc

from . import methods
from ._messages.google.protobuf import FieldMask
from ._messages.sonica.audio.v1 import Audio, AudioEncoding, AudioFormat
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
from .administration import Administration
from .caller import Caller
from .calls import Calls
from .connection import DEFAULT_ADDRESS, connection
from .errors import CLIENT_DOMAIN, SonicaError
from .feed import Items, each, feed
from .history import History
from .imports import Imports
from .listening import Heard, Listening
from .sources import UNARY_BYTES_MAX, ImportSource, byte_count_of, read_whole
from .streamed_import import ImportOutcome, TrackImport
from .webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

LOOKUP_COUNT_MAX = 500
SILENCE_SECONDS = 300.0
BUSY_WAIT_SECONDS = 10.0


class SonicaClient:
    """Talks to one mesh; use it as `async with SonicaClient() as client:`.

    Args:
        address: `host:port` or `unix:/path.sock` of the edge, or its URL, where `https://` means
            TLS; None means SONICA_ADDRESS, else 127.0.0.1:8080.
        api_key: to make the calls with while nobody is logged in; None means SONICA_API_KEY, ""
            means none.
        tls: encrypt, and check the server's certificate.
        ca_file: PEM file of the only CAs to trust, and means TLS; None means SONICA_CA_FILE where
            TLS is asked for, else those that gRPC brings.
        credentials: TLS credentials of the caller's own, e.g. with a client's certificate.
        insecure: send passwords and keys in plain text to another machine too, for networks that
            are private; SONICA_INSECURE=true says the same.
        busy_wait_seconds: longest time a busy server may ask to wait before a call that is the
            same done twice is tried again; 0 means that it never is.

    Attributes:
        accounts: registering, logging in, API keys, personal data.
        history: what the account has recognised.
        administration: accounts and audit log, for admins.
        imports: imports that outlive a connection, for admins.
        webhooks: where events are posted to.

    All methods raise SonicaError; making the client does when `api_key` would go in plain text to
    another machine (CONNECTION_NOT_PRIVATE) or the CA file cannot be read (FILE_*). A
    `timeout_seconds` of None means the method's own deadline.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        api_key: str | None = None,
        tls: bool = False,
        ca_file: Path | str | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        insecure: bool = False,
        busy_wait_seconds: float = BUSY_WAIT_SECONDS,
    ) -> None:
        self.address = address or os.environ.get("SONICA_ADDRESS") or DEFAULT_ADDRESS
        if api_key is None:
            api_key = os.environ.get("SONICA_API_KEY", "")
        way = connection(
            self.address, tls=tls, ca_file=ca_file, credentials=credentials, insecure=insecure
        )
        self._busy_wait_seconds = busy_wait_seconds
        self._calls = Calls(way, busy_wait_seconds)
        self._caller = Caller(self._calls, api_key)
        self.accounts = Accounts(self._caller)
        self.history = History(self._caller)
        self.administration = Administration(self._caller)
        self.imports = Imports(self._caller)
        self.webhooks = Webhooks(self._caller)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends all calls and the connection; a refresh under way first comes to its end."""
        await self._caller.settle()
        await self._calls.close()

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
        return await self._caller.unary(methods.RECOGNIZE, request, timeout_seconds)

    async def recognize_stream(
        self,
        audio: Items[bytes],
        *,
        audio_format: AudioFormat | None = None,
        max_match_count: int = 0,
        timeout_seconds: float | None = None,
    ) -> AsyncGenerator[StreamingRecognizeResponse, None]:
        """Recognises audio while it arrives; the response with `final` set is the last.

        Args:
            audio: chunks of at most 1 MiB, from an iterator that may be asynchronous; reading it
                stops when the answer is there.
            audio_format: how to read the chunks; None means a container, detected.
            max_match_count: most matches wanted; 0 means 5.
            timeout_seconds: deadline of the whole call; None means 600 s.
        """
        config = StreamingRecognizeConfig(format=audio_format, max_match_count=max_match_count)

        async def requests() -> AsyncGenerator[StreamingRecognizeRequest, None]:
            yield StreamingRecognizeRequest(config=config)
            async with aclosing(each(audio)) as chunks:
                async for chunk in chunks:
                    yield StreamingRecognizeRequest(chunk=chunk)

        responses = self._caller.converse(
            methods.STREAMING_RECOGNIZE,
            requests(),
            timeout_seconds,
            silence_seconds=SILENCE_SECONDS,
        )
        async with aclosing(responses):
            async for response in responses:
                yield response
                if response.final:
                    return

    async def listen(
        self,
        sound: Items[bytes],
        *,
        sample_rate_hz: int = 16_000,
        channel_count: int = 1,
        encoding: AudioEncoding = AudioEncoding.PCM_S16LE,
        max_match_count: int = 1,
        rest_seconds: float = 4.0,
        on_failure: Callable[[SonicaError], None] | None = None,
    ) -> AsyncGenerator[Heard, None]:
        """Says what is playing for as long as the sound lasts, at least every 15.5 s of it.

        A server that is away or busy is waited for, a few times.

        Args:
            sound: samples without a header in chunks of any length, from an iterator that may be
                asynchronous: `microphone()`, a pipe, a decoder.
            sample_rate_hz: samples a second and channel, 4,000 to 192,000.
            channel_count: interleaved channels, 1 to 8.
            encoding: PCM_S16LE or PCM_F32LE.
            max_match_count: most matches wanted; 0 means 5.
            rest_seconds: sound left out after an answer: the same song is still playing.
            on_failure: told of each failure that is waited out.
        """
        layout = AudioFormat(
            encoding=encoding, sample_rate_hz=sample_rate_hz, channel_count=channel_count
        )

        def recognize(
            stretch: AsyncGenerator[bytes, None], layout: AudioFormat
        ) -> AsyncGenerator[StreamingRecognizeResponse, None]:
            return self.recognize_stream(
                stretch, audio_format=layout, max_match_count=max_match_count
            )

        async with feed(sound) as feeding:
            listening = Listening(feeding, layout, self._busy_wait_seconds, on_failure)
            async with aclosing(listening.run(recognize, rest_seconds)) as heard:
                async for stretch_heard in heard:
                    yield stretch_heard

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
        response = await self._caller.unary(methods.REGISTER_TRACK, request, timeout_seconds)
        return response.track or Track(), response.outcome

    async def _register_large(self, source: ImportSource) -> tuple[Track, RegistrationOutcome]:
        async for event in self.import_tracks([source]):
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
        self, sources: Items[ImportSource], *, silence_seconds: float = SILENCE_SECONDS
    ) -> AsyncGenerator[ImportOutcome | ImportProgress, None]:
        """Registers many recordings over one stream, at most two ahead of the results.

        Args:
            sources: the recordings, from an iterator that may be asynchronous; taken only as fast
                as they are registered.
            silence_seconds: longest wait for a sign of life while one item is being registered.

        Yields:
            Progress of the item being analysed, and exactly one ImportOutcome a source.
        """
        async with aclosing(each(sources)) as wanted:
            run = TrackImport(wanted).run(
                lambda requests: self._caller.converse(
                    methods.IMPORT_TRACKS, requests, silence_seconds=silence_seconds
                )
            )
            async with aclosing(run):
                async for event in run:
                    yield event

    async def get_track(self, track_id: str, *, timeout_seconds: float | None = None) -> Track:
        """Returns one track by its id, or by `external:` and its external id."""
        request = GetTrackRequest(track_id=track_id)
        response = await self._caller.unary(methods.GET_TRACK, request, timeout_seconds)
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
        return await self._caller.unary(methods.LIST_TRACKS, request, timeout_seconds)

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
        return await self._caller.unary(methods.SEARCH_TRACKS, request, timeout_seconds)

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
        response = await self._caller.unary(methods.UPDATE_TRACK, request, timeout_seconds)
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
            response = await self._caller.unary(methods.LOOKUP_TRACKS, request, timeout_seconds)
            found += response.tracks
        return found

    async def delete_track(self, track_id: str, *, timeout_seconds: float | None = None) -> None:
        """Removes a track for good; when this returns no answer can name it any more."""
        request = DeleteTrackRequest(track_id=track_id)
        await self._caller.unary(methods.DELETE_TRACK, request, timeout_seconds)

    async def track_fingerprint(
        self, track_id: str, *, timeout_seconds: float | None = None
    ) -> Fingerprint:
        """Returns the stored fingerprint of a track, whole."""
        request = GetTrackFingerprintRequest(track_id=track_id)
        response = await self._caller.unary(methods.GET_TRACK_FINGERPRINT, request, timeout_seconds)
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
        responses = self._caller.stream(methods.REBUILD_INDEX, request)
        async with aclosing(responses):
            async for response in responses:
                yield response

    async def statistics(
        self, *, timeout_seconds: float | None = None
    ) -> GetCatalogStatisticsResponse:
        """Returns the size of the catalogue."""
        request = GetCatalogStatisticsRequest()
        return await self._caller.unary(methods.GET_CATALOG_STATISTICS, request, timeout_seconds)
