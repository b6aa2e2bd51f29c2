"""RecognitionService on the wire; each RPC is one module beside this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sonica.recognition.v1.recognition_service_pb2_grpc import RecognitionServiceServicer

from gateway.importing import import_tracks
from gateway.recognition import recognize
from gateway.registration import register_track
from gateway.streaming import StreamingRecognition
from gateway.uploading import upload_item

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sonica.recognition.v1 import recognition_service_pb2 as pb

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
        await StreamingRecognition(self._upstream, context.write).run(requests)

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

    async def UploadImportItem(
        self, requests: AsyncIterator[pb.UploadImportItemRequest], context: Any
    ) -> pb.UploadImportItemResponse:
        """Registers one recording of an import."""
        return await upload_item(self._upstream, requests)
