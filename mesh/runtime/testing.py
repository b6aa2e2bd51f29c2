"""Real servers and recorded telemetry for tests."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mesh.runtime import serve, telemetry
from mesh.runtime.settings import ServiceSettings, settings_config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

ATTRIBUTE_REGISTRY = Path(__file__).parents[1] / "telemetry" / "attributes.yaml"


class _Settings(ServiceSettings):
    """Settings no environment variable reaches by accident."""

    model_config = settings_config("SONICA_TESTING_")


@asynccontextmanager
async def serving(
    registrations: Sequence[serve.Registration], **settings_overrides: Any
) -> AsyncIterator[str]:
    """Runs a real server with the whole boundary on a free loopback port; yields its target.

    Args:
        registrations: what it serves.
        settings_overrides: fields of ServiceSettings, e.g. `listen="unix:/path"`.
    """
    server = serve.Server(_Settings(**settings_overrides))
    try:
        await server.start(registrations)
        yield server.target
    finally:
        await server.stop()


class SpanRecorder:
    """Records every span and call metric of this process between enter and exit.

    On exit it fails if a span carried a `sonica.` attribute the registry does not declare.
    """

    def __enter__(self) -> SpanRecorder:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self._pipeline = telemetry.Pipeline(
            "testing", (SimpleSpanProcessor(self._exporter),), (self._reader,)
        )
        self._before = telemetry.install(self._pipeline)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        telemetry.install(self._before)
        undeclared = {
            f"{span.name}: {key}"
            for span in self.spans()
            for key in span.attributes or {}
            if key.startswith(telemetry.ATTRIBUTE_PREFIX) and key not in declared_attributes()
        }
        self._pipeline.close()
        if kind is None and undeclared:
            raise AssertionError(f"not in {ATTRIBUTE_REGISTRY.name}: {sorted(undeclared)}")

    def spans(self, name: str | None = None) -> list[ReadableSpan]:
        """Returns the ended spans in the order of their ends; with `name`, only those."""
        return [span for span in self._exporter.get_finished_spans() if name in (None, span.name)]

    def call_durations(self) -> list[HistogramDataPoint]:
        """Returns the points of `rpc.server.call.duration` so far."""
        data = self._reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
            if isinstance(point, HistogramDataPoint)
        ]


def declared_attributes() -> dict[str, str]:
    """Returns the registry of our span attributes: name to meaning."""
    registry: dict[str, str] = yaml.safe_load(ATTRIBUTE_REGISTRY.read_text(encoding="utf-8"))
    return registry
