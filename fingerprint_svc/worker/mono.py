"""Frames of any rate, layout and sample format in; one channel at the core's rate out.

Both steps are part of what a fingerprint is, so they are fixed here and are no settings:
the downmix is the plain mean of all channels in float32, whatever the layout says they are; the
resampler is libswresample with the options below (its defaults, written down).
"""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
import numpy.typing as npt
from av.error import BlockingIOError as NothingYetError
from av.error import EOFError as AllTakenError
from av.filter import Graph

SAMPLE_RATE_HZ = 8_000
_RESAMPLER = (
    f"{SAMPLE_RATE_HZ}:resampler=swr:filter_size=32:phase_shift=10:linear_interp=0:"
    "exact_rational=1:cutoff=0.97:filter_type=kaiser:kaiser_beta=9"
)
# Samples of one chunk that comes out, 0.256 s; also how seldom the graph is asked for some.
_CHUNK_SAMPLES = 2_048

F32Array = npt.NDArray[np.float32]


class Mono:
    """Turns frames into mono audio; a change of rate or layout within the stream is followed."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._shape: tuple[int, str, str] | None = None
        self._pushed_seconds = 0.0

    def push(self, frame: av.AudioFrame) -> Iterator[F32Array]:
        """Takes a frame and yields the chunks that are ready, float32, shape (n,)."""
        shape = (frame.sample_rate, frame.format.name, frame.layout.name)
        if shape != self._shape:
            yield from self.finish()
            self._graph, self._shape = _graph(frame), shape
        assert self._graph is not None  # noqa: S101 - set with the shape, above
        # The graph counts samples itself; timestamps of a hostile file would only mislead it.
        frame.pts = None
        self._graph.push(frame)
        self._pushed_seconds += frame.samples / frame.sample_rate
        if self._pushed_seconds >= _CHUNK_SAMPLES / SAMPLE_RATE_HZ:
            self._pushed_seconds = 0.0
            yield from self._pull(self._graph)

    def finish(self) -> Iterator[F32Array]:
        """Yields what is left; the next frame begins anew."""
        graph, self._graph, self._shape = self._graph, None, None
        if graph is not None:
            graph.push(None)
            yield from self._pull(graph)

    @staticmethod
    def _pull(graph: Graph) -> Iterator[F32Array]:
        while True:
            try:
                frame = graph.pull()
            except (NothingYetError, AllTakenError):
                return
            yield frame.to_ndarray()[0]


def _graph(frame: av.AudioFrame) -> Graph:
    """Builds the chain for frames like this one."""
    channel_count = frame.layout.nb_channels
    mean = "+".join(f"{1 / channel_count:.9f}*c{channel}" for channel in range(channel_count))
    graph = Graph()
    graph.threads = 1
    graph.link_nodes(
        graph.add(
            "abuffer",
            sample_rate=str(frame.sample_rate),
            sample_fmt=frame.format.name,
            channel_layout=frame.layout.name,
            time_base=f"1/{frame.sample_rate}",
        ),
        graph.add("aformat", "sample_fmts=fltp"),
        graph.add("pan", f"mono|c0={mean}"),
        graph.add("aresample", _RESAMPLER),
        graph.add("aformat", f"sample_fmts=flt:sample_rates={SAMPLE_RATE_HZ}"),
        graph.add("asetnsamples", f"n={_CHUNK_SAMPLES}:p=0"),
        graph.add("abuffersink"),
    )
    graph.configure()
    return graph
