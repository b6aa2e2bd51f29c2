"""The microphone of this machine, as sound for `SonicaClient.listen`; needs `sounddevice`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from .errors import CLIENT_DOMAIN, SonicaError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK_SECONDS = 0.25


def microphone(sample_rate_hz: int = 16_000, device: str | None = None) -> Iterator[bytes]:
    """Yields mono 16-bit PCM for as long as it is read.

    Args:
        sample_rate_hz: samples a second.
        device: a part of its name; None means the default one.

    Raises:
        SonicaError: MICROPHONE_UNAVAILABLE.
    """
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise _unavailable(
            f"the microphone needs sounddevice and PortAudio ({error}): pip install sounddevice"
        ) from None
    frames = int(sample_rate_hz * _CHUNK_SECONDS)
    try:
        with sounddevice.RawInputStream(
            device=device, samplerate=sample_rate_hz, channels=1, dtype="int16", blocksize=frames
        ) as stream:
            while True:
                samples, _overflowed = stream.read(frames)
                yield bytes(samples)
    except (sounddevice.PortAudioError, ValueError) as error:
        raise _unavailable(f"no usable microphone: {error}") from None


def _unavailable(message: str) -> SonicaError:
    code = grpc.StatusCode.FAILED_PRECONDITION
    return SonicaError(code, message, "MICROPHONE_UNAVAILABLE", CLIENT_DOMAIN)
