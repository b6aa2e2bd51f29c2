"""The audio of a request, however it came: a message, or the body of a REST call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sonica.audio.v1.audio_pb2 import Audio

from gateway.errors import AudioTooLargeError, SourceMissingError

if TYPE_CHECKING:
    from sonica.recognition.v1.recognition_service_pb2 import (
        RecognizeRequest,
        RegisterTrackRequest,
    )

AUDIO_BYTES_MAX = 16 * 1024 * 1024


def audio_of(request: RecognizeRequest | RegisterTrackRequest) -> Audio:
    """Returns the audio of a request whose source is `audio` or `upload`.

    Raises:
        SourceMissingError: neither is set, or the body is empty.
        AudioTooLargeError: the body is larger than a message of audio may be.
    """
    if request.HasField("audio"):
        return request.audio
    content = request.upload.data
    if not content:
        raise SourceMissingError("the request brings no audio; send a clip of 1 to 15 s")
    if len(content) > AUDIO_BYTES_MAX:
        raise AudioTooLargeError(
            f"the audio has {len(content)} bytes; one request carries at most {AUDIO_BYTES_MAX}",
            byte_count=str(len(content)),
            byte_count_max=str(AUDIO_BYTES_MAX),
        )
    return Audio(content=content)
