"""SonicaClient for programs without an event loop. Made by `make gen`; not to be edited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from sonica_client._messages.sonica.audio.v1 import AudioEncoding
from sonica_client.client import BUSY_WAIT_SECONDS, SILENCE_SECONDS, SonicaClient
from sonica_client.portal import Portal

from .accounts import SyncAccounts
from .administration import SyncAdministration
from .history import SyncHistory
from .imports import SyncImports
from .webhooks import SyncWebhooks

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    import grpc

    from sonica_client._messages.sonica.audio.v1 import AudioFormat
    from sonica_client._messages.sonica.catalog.v1 import (
        GetCatalogStatisticsResponse,
        ListTracksResponse,
        RebuildIndexResponse,
        RegistrationOutcome,
        SearchTracksResponse,
        Track,
    )
    from sonica_client._messages.sonica.fingerprint.v1 import Fingerprint
    from sonica_client._messages.sonica.recognition.v1 import (
        ImportProgress,
        RecognizeResponse,
        StreamingRecognizeResponse,
    )
    from sonica_client.errors import SonicaError
    from sonica_client.feed import Items
    from sonica_client.listening import Heard
    from sonica_client.sources import ImportSource
    from sonica_client.streamed_import import ImportOutcome


class SonicaSyncClient:
    """Talks to one mesh; use it as `with SonicaSyncClient() as client:`.

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
        self._portal = Portal()
        try:
            self._inner = self._portal.make(
                lambda: SonicaClient(
                    address,
                    api_key=api_key,
                    tls=tls,
                    ca_file=ca_file,
                    credentials=credentials,
                    insecure=insecure,
                    busy_wait_seconds=busy_wait_seconds,
                )
            )
        except BaseException:
            self._portal.close()
            raise
        self.address = self._inner.address
        self.accounts = SyncAccounts(self._portal, self._inner.accounts)
        self.history = SyncHistory(self._portal, self._inner.history)
        self.administration = SyncAdministration(self._portal, self._inner.administration)
        self.imports = SyncImports(self._portal, self._inner.imports)
        self.webhooks = SyncWebhooks(self._portal, self._inner.webhooks)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends all calls and the connection; a refresh under way first comes to its end."""
        if self._portal.open:
            self._portal.call(self._inner.close())
        self._portal.close()

    def recognize(
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
        return self._portal.call(
            self._inner.recognize(
                source,
                audio_format=audio_format,
                start_seconds=start_seconds,
                max_match_count=max_match_count,
                include_rejected=include_rejected,
                timeout_seconds=timeout_seconds,
            )
        )

    def recognize_stream(
        self,
        audio: Items[bytes],
        *,
        audio_format: AudioFormat | None = None,
        max_match_count: int = 0,
        timeout_seconds: float | None = None,
    ) -> Generator[StreamingRecognizeResponse, None, None]:
        """Recognises audio while it arrives; the response with `final` set is the last.

        Args:
            audio: chunks of at most 1 MiB, from an iterator that may be asynchronous; reading it
                stops when the answer is there.
            audio_format: how to read the chunks; None means a container, detected.
            max_match_count: most matches wanted; 0 means 5.
            timeout_seconds: deadline of the whole call; None means 600 s.
        """
        return self._portal.iterate(
            self._inner.recognize_stream(
                audio,
                audio_format=audio_format,
                max_match_count=max_match_count,
                timeout_seconds=timeout_seconds,
            )
        )

    def listen(
        self,
        sound: Items[bytes],
        *,
        sample_rate_hz: int = 16000,
        channel_count: int = 1,
        encoding: AudioEncoding = AudioEncoding.PCM_S16LE,
        max_match_count: int = 1,
        rest_seconds: float = 4.0,
        on_failure: Callable[[SonicaError], None] | None = None,
    ) -> Generator[Heard, None, None]:
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
        return self._portal.iterate(
            self._inner.listen(
                sound,
                sample_rate_hz=sample_rate_hz,
                channel_count=channel_count,
                encoding=encoding,
                max_match_count=max_match_count,
                rest_seconds=rest_seconds,
                on_failure=on_failure,
            )
        )

    def register(
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
        return self._portal.call(
            self._inner.register(
                source,
                track,
                audio_format=audio_format,
                request_id=request_id,
                algorithm_version=algorithm_version,
                timeout_seconds=timeout_seconds,
            )
        )

    def import_tracks(
        self, sources: Items[ImportSource], *, silence_seconds: float = SILENCE_SECONDS
    ) -> Generator[ImportOutcome | ImportProgress, None, None]:
        """Registers many recordings over one stream, at most two ahead of the results.

        Args:
            sources: the recordings, from an iterator that may be asynchronous; taken only as fast
                as they are registered.
            silence_seconds: longest wait for a sign of life while one item is being registered.

        Yields:
            Progress of the item being analysed, and exactly one ImportOutcome a source.
        """
        return self._portal.iterate(
            self._inner.import_tracks(sources, silence_seconds=silence_seconds)
        )

    def get_track(self, track_id: str, *, timeout_seconds: float | None = None) -> Track:
        """Returns one track by its id, or by `external:` and its external id."""
        return self._portal.call(self._inner.get_track(track_id, timeout_seconds=timeout_seconds))

    def list_tracks(
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
        return self._portal.call(
            self._inner.list_tracks(
                page_size=page_size,
                page_token=page_token,
                track_filter=track_filter,
                order_by=order_by,
                timeout_seconds=timeout_seconds,
            )
        )

    def search_tracks(
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
        return self._portal.call(
            self._inner.search_tracks(
                query, page_size=page_size, page_token=page_token, timeout_seconds=timeout_seconds
            )
        )

    def update_track(
        self, track: Track, *, paths: Sequence[str] = (), timeout_seconds: float | None = None
    ) -> Track:
        """Changes what is stored about a track and returns it as it is then.

        Args:
            track: `track_id` and the new values; with an `etag`, only if it still has that one.
            paths: fields to change; none means those that are not empty in `track`.
            timeout_seconds: deadline; None means 10 s.
        """
        return self._portal.call(
            self._inner.update_track(track, paths=paths, timeout_seconds=timeout_seconds)
        )

    def all_tracks(
        self, *, page_size: int = 500, track_filter: str = ""
    ) -> Generator[Track, None, None]:
        """Yields every track, or every one of a filter, page by page."""
        return self._portal.iterate(
            self._inner.all_tracks(page_size=page_size, track_filter=track_filter)
        )

    def lookup_tracks(
        self, content_sha256s: Sequence[bytes], *, timeout_seconds: float | None = None
    ) -> list[Track]:
        """Returns those of some recordings that are registered, by the SHA-256 of their bytes.

        Args:
            content_sha256s: 32 bytes each; any number, asked for 500 at a time.
            timeout_seconds: deadline of each request; None means 10 s.
        """
        return self._portal.call(
            self._inner.lookup_tracks(content_sha256s, timeout_seconds=timeout_seconds)
        )

    def delete_track(self, track_id: str, *, timeout_seconds: float | None = None) -> None:
        """Removes a track for good; when this returns no answer can name it any more."""
        return self._portal.call(
            self._inner.delete_track(track_id, timeout_seconds=timeout_seconds)
        )

    def track_fingerprint(
        self, track_id: str, *, timeout_seconds: float | None = None
    ) -> Fingerprint:
        """Returns the stored fingerprint of a track, whole."""
        return self._portal.call(
            self._inner.track_fingerprint(track_id, timeout_seconds=timeout_seconds)
        )

    def rebuild_index(
        self, algorithm_version: int = 0, *, drop_other_versions: bool = False
    ) -> Generator[RebuildIndexResponse, None, None]:
        """Makes the vector index anew and yields progress; the last has `done` set.

        Args:
            algorithm_version: extractor the catalogue is to have; 0 means the one it has. Each
                recording must have been registered with it: FINGERPRINTS_MISSING says which is not.
            drop_other_versions: also delete the stored fingerprints of all other extractors.
        """
        return self._portal.iterate(
            self._inner.rebuild_index(algorithm_version, drop_other_versions=drop_other_versions)
        )

    def statistics(self, *, timeout_seconds: float | None = None) -> GetCatalogStatisticsResponse:
        """Returns the size of the catalogue."""
        return self._portal.call(self._inner.statistics(timeout_seconds=timeout_seconds))
