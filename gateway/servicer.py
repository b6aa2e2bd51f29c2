"""RecognitionService on the wire; each RPC is one module beside this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sonica.recognition.v1 import recognition_service_pb2 as pb
from sonica.recognition.v1.recognition_service_pb2_grpc import RecognitionServiceServicer

from gateway import streaming, upload
from gateway.importing import import_tracks
from gateway.recognition import recognize
from gateway.registration import register_track
from gateway.streaming import StreamingRecognition

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.second_look import SecondLook
    from gateway.upstream import Upstream


class RecognitionServicer(RecognitionServiceServicer):
    """Composes the services behind `upstream`.

    Args:
        upstream: the services to call.
        second_look: taken at clips that are not recognised; None for never.
    """

    def __init__(self, upstream: Upstream, second_look: SecondLook | None = None) -> None:
        self._upstream = upstream
        self._second_look = second_look

    async def Recognize(self, request: pb.RecognizeRequest, context: Any) -> pb.RecognizeResponse:
        """Recognises one clip."""
        return await recognize(self._upstream, request, self._second_look)

    async def StreamingRecognize(
        self, requests: AsyncIterator[pb.StreamingRecognizeRequest], context: Any
    ) -> None:
        """Recognises audio while it arrives."""
        config = await streaming.first_config(requests)
        recognition = StreamingRecognition(
            self._upstream, pb.StreamingRecognizeResponse, context.write
        )
        layout = config.format if config.HasField("format") else None
        await recognition.run(streaming.chunks_of(requests), layout, config.max_match_count)

    async def RecognizeUpload(
        self, requests: AsyncIterator[pb.RecognizeUploadRequest], context: Any
    ) -> None:
        """Recognises audio while it is uploaded."""
        async with upload.opened(requests) as body:
            recognition = StreamingRecognition(
                self._upstream, pb.RecognizeUploadResponse, context.write
            )
            layout = body.first.format if body.first.HasField("format") else None
            await recognition.run(body.chunks(), layout, body.first.max_match_count)
            await body.finish()

    async def RegisterTrack(
        self, request: pb.RegisterTrackRequest, context: Any
    ) -> pb.RegisterTrackResponse:
        """Registers one recording."""
        return await register_track(self._upstream, request)

    async def ImportTracks(
        self, requests: AsyncIterator[pb.ImportTracksRequest], context: Any
    ) -> None:
        """Registers many recordings."""
        await import_tracks(self._upstream, requests, context.write)
