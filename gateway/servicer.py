"""RecognitionService on the wire; each RPC is one module beside this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sonica.catalog.v1.track_pb2 import REGISTRATION_OUTCOME_REGISTERED
from sonica.recognition.v1 import recognition_service_pb2 as pb
from sonica.recognition.v1.recognition_service_pb2_grpc import RecognitionServiceServicer
from sonica.user.v1.activity_pb2 import ImportFinishedActivity

from gateway import streaming, upload
from gateway.importing import import_tracks
from gateway.recognition import recognize
from gateway.registration import register_track
from gateway.streaming import StreamingRecognition
from gateway.uploading import upload_item

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.activity import Activities
    from gateway.second_look import SecondLook
    from gateway.stream_places import StreamPlaces
    from gateway.upstream import Upstream


class RecognitionServicer(RecognitionServiceServicer):
    """Composes the services behind `upstream`.

    Args:
        upstream: the services to call.
        activities: told of what was answered.
        places: of streams of recognition.
        second_look: taken at clips that are not recognised; None for never.
    """

    def __init__(
        self,
        upstream: Upstream,
        activities: Activities,
        places: StreamPlaces,
        second_look: SecondLook | None = None,
    ) -> None:
        self._upstream = upstream
        self._activities = activities
        self._places = places
        self._second_look = second_look

    async def Recognize(self, request: pb.RecognizeRequest, context: Any) -> pb.RecognizeResponse:
        """Recognises one clip."""
        response = await recognize(self._upstream, request, self._second_look)
        self._activities.recognised(context, response.matches, response.analysed_duration)
        return response

    async def StreamingRecognize(
        self, requests: AsyncIterator[pb.StreamingRecognizeRequest], context: Any
    ) -> None:
        """Recognises audio while it arrives."""
        with self._places.taken(context):
            config = await streaming.first_config(requests)
            recognition = StreamingRecognition(
                self._upstream, pb.StreamingRecognizeResponse, context.write
            )
            layout = config.format if config.HasField("format") else None
            chunks = streaming.chunks_of(requests)
            last = await recognition.run(chunks, layout, config.max_match_count)
        self._activities.recognised(context, last.matches, last.analysed_duration)

    async def RecognizeUpload(
        self, requests: AsyncIterator[pb.RecognizeUploadRequest], context: Any
    ) -> None:
        """Recognises audio while it is uploaded."""
        with self._places.taken(context):
            async with upload.opened(requests) as body:
                recognition = StreamingRecognition(
                    self._upstream, pb.RecognizeUploadResponse, context.write
                )
                layout = body.first.format if body.first.HasField("format") else None
                last = await recognition.run(body.chunks(), layout, body.first.max_match_count)
                self._activities.recognised(context, last.matches, last.analysed_duration)
                await body.finish()

    async def RegisterTrack(
        self, request: pb.RegisterTrackRequest, context: Any
    ) -> pb.RegisterTrackResponse:
        """Registers one recording."""
        response = await register_track(self._upstream, request)
        if response.outcome == REGISTRATION_OUTCOME_REGISTERED:
            self._activities.track_ready(context, response.track)
        return response

    async def ImportTracks(
        self, requests: AsyncIterator[pb.ImportTracksRequest], context: Any
    ) -> None:
        """Registers many recordings."""
        counts = ImportFinishedActivity(interrupted=True)
        try:
            await import_tracks(self._upstream, requests, context.write, counts)
            counts.interrupted = False
        finally:
            self._activities.import_finished(context, counts)

    async def UploadImportItem(
        self, requests: AsyncIterator[pb.UploadImportItemRequest], context: Any
    ) -> pb.UploadImportItemResponse:
        """Registers one recording of an import."""
        uploaded = await upload_item(self._upstream, requests)
        if uploaded.track is not None:
            self._activities.track_ready(context, uploaded.track)
        if (summary := uploaded.summary) is not None:
            counts = ImportFinishedActivity(
                registered_count=summary.registered_count,
                already_registered_count=summary.already_registered_count,
                failed_count=summary.failed_count,
            )
            self._activities.import_finished(context, counts)
        return uploaded.response
