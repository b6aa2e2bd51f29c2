"""Traces, metrics and logs of one process.

Spans leave over OTLP/gRPC when `OTEL_EXPORTER_OTLP_ENDPOINT` is set, else they are only trace ids
for logs and errors. Nothing here may delay a call or, by more than a second, the end of a process.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import grpc
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.metrics import Histogram, NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
)
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mesh.runtime.settings import ProcessSettings, split_host_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.trace import Link, TraceState
    from opentelemetry.util.types import Attributes

ATTRIBUTE_PREFIX = "sonica."
FLUSH_SECONDS = 1.0

_SCOPE = "mesh.runtime"
_W3C = TraceContextTextMapPropagator()
_W3C_HEADERS = ("traceparent", "tracestate")
# What a server reports as its own fault; the other codes are the caller's (OpenTelemetry, RPC).
SERVER_FAULTS = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
_DURATION_BUCKETS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip


class CallsAndWork(Sampler):
    """Records every trace but those that begin with a client's span.

    Outside of calls and of work with a span of its own that is a look at a store, every few seconds
    and mostly in vain: it would fill the files with traces of one span.
    """

    def should_sample(
        self,
        parent_context: otel_context.Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decides by the kind of a span without a parent."""
        recorded = kind is not SpanKind.CLIENT
        decision = Decision.RECORD_AND_SAMPLE if recorded else Decision.DROP
        return SamplingResult(decision, attributes, trace_state)

    def get_description(self) -> str:
        """Returns the name for people."""
        return type(self).__name__


class Pipeline:
    """The providers in use; one per process, another while a test records."""

    def __init__(
        self,
        service_name: str,
        processors: Iterable[SpanProcessor] = (),
        readers: Iterable[MetricReader] = (),
        sampler: Sampler | None = None,
    ) -> None:
        resource = Resource.create({"service.name": service_name})
        self.traces = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
        for processor in processors:
            self.traces.add_span_processor(processor)
        self.tracer = self.traces.get_tracer(_SCOPE)
        readers = tuple(readers)
        self.metrics = MeterProvider(readers, resource, shutdown_on_exit=False) if readers else None
        meter = (self.metrics or NoOpMeterProvider()).get_meter(_SCOPE)
        self.call_duration: Histogram = meter.create_histogram(
            "rpc.server.call.duration",
            unit="s",
            description="Time from the arrival of a call to its outcome.",
            explicit_bucket_boundaries_advisory=_DURATION_BUCKETS,
        )

    def close(self) -> None:
        """Flushes and ends all processors and readers; may wait for a dead collector."""
        self.traces.shutdown()
        if self.metrics is not None:
            self.metrics.shutdown()


_pipeline = Pipeline("unnamed", sampler=ParentBased(ALWAYS_OFF))


def setup(service_name: str, *, metrics_listen: str | None = None) -> None:
    """Starts telemetry of this process; once, before the first call.

    Args:
        service_name: `service.name` of all spans and metrics.
        metrics_listen: host:port of a Prometheus endpoint, None for none.

    Raises:
        OSError: `metrics_listen` is taken.
    """
    process = ProcessSettings()
    processors: list[SpanProcessor] = []
    sampler: Sampler | None = None
    if process.otlp_endpoint:
        processors.append(_otlp_processor(process.otlp_endpoint))
    if process.traces_sampler is None:
        # Spans that nobody exports need an id, not a record.
        sampler = ParentBased(CallsAndWork() if process.otlp_endpoint else ALWAYS_OFF)
    readers: list[MetricReader] = []
    if metrics_listen is not None:
        readers.append(_prometheus_reader(metrics_listen))
    install(Pipeline(service_name, processors, readers, sampler))


def install(pipeline: Pipeline) -> Pipeline:
    """Makes `pipeline` the one in use and returns the one before."""
    global _pipeline
    before, _pipeline = _pipeline, pipeline
    return before


def _otlp_processor(endpoint: str) -> SpanProcessor:
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    # A lost batch is one error; each retry before it is not news.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
    exporter = OTLPSpanExporter(endpoint=endpoint, insecure=not endpoint.startswith("https:"))
    return BatchSpanProcessor(exporter, schedule_delay_millis=1_000)


def _prometheus_reader(listen: str) -> MetricReader:
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from prometheus_client import start_http_server

    host, port = split_host_port(listen)
    start_http_server(port, addr=host.strip("[]"))
    return PrometheusMetricReader()


def shutdown() -> None:
    """Flushes what is left, for at most a second."""
    # The exporter may sit in a retry against a dead collector; a daemon thread cannot hold us.
    flush = threading.Thread(target=_pipeline.close, name="telemetry-flush", daemon=True)
    flush.start()
    flush.join(FLUSH_SECONDS)


@contextmanager
def span(name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: Any) -> Iterator[Span]:
    """Opens a span inside the current call.

    Args:
        name: low-cardinality, `store.operation` or a plain verb and noun.
        kind: CLIENT for a call to a store, else INTERNAL.
        attributes: a plain name becomes `sonica.<name>` and must be declared in
            `mesh/telemetry/attributes.yaml`; a dotted one (passed with `**`) is kept.
    """
    current = _pipeline.tracer.start_span(name, kind=kind, attributes=_named(attributes))
    token = otel_context.attach(trace.set_span_in_context(current))
    try:
        yield current
    except asyncio.CancelledError:
        current.set_attribute("error.type", "CancelledError")
        raise
    except Exception as error:
        current.set_attribute("error.type", type(error).__name__)
        current.set_status(Status(StatusCode.ERROR, str(error)))
        raise
    finally:
        otel_context.detach(token)
        current.end()


def record_span(
    name: str, seconds: float, *, ended_seconds_ago: float = 0.0, **attributes: Any
) -> None:
    """Records work of the current call that another process did and timed.

    Args:
        name: as in `span`.
        seconds: how long it took.
        ended_seconds_ago: how long before now it ended.
        attributes: as in `span`.
    """
    end_ns = time.time_ns() - round(ended_seconds_ago * 1e9)
    done = _pipeline.tracer.start_span(
        name, attributes=_named(attributes), start_time=end_ns - round(seconds * 1e9)
    )
    done.end(end_ns)


def _named(attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        key if "." in key else ATTRIBUTE_PREFIX + key: value for key, value in attributes.items()
    }


def current_trace_id() -> str:
    """Returns the current trace id, 32 hexadecimal digits; all zero outside a trace."""
    return format(trace.get_current_span().get_span_context().trace_id, "032x")


def start_rpc_span(
    method: str, kind: SpanKind, headers: Iterable[tuple[str, Any]] | None = None
) -> Span:
    """Starts the span of one call of `/package.Service/Method`.

    Args:
        method: full method path as on the wire.
        kind: SERVER or CLIENT.
        headers: incoming metadata that may carry a trace; None continues the current one.
    """
    path = method.lstrip("/")
    parent = None
    if headers is not None:
        carrier = {key: value for key, value in headers if key in _W3C_HEADERS}
        parent = _W3C.extract(carrier, context=otel_context.Context())
    service, _, name = path.rpartition("/")
    attributes = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name}
    return _pipeline.tracer.start_span(path, context=parent, kind=kind, attributes=attributes)


def trace_headers(span: Span) -> list[tuple[str, str]]:
    """Returns the metadata that carries `span` to the service called."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, context=trace.set_span_in_context(span))
    return list(carrier.items())


def end_rpc_span(span: Span, code: grpc.StatusCode, *, server: bool = False) -> None:
    """Ends the span of a call with its outcome."""
    span.set_attribute("rpc.grpc.status_code", code.value[0])
    span.set_attribute("rpc.response.status_code", code.name)
    if code in SERVER_FAULTS or (not server and code is not grpc.StatusCode.OK):
        span.set_attribute("error.type", code.name)
        span.set_status(Status(StatusCode.ERROR, code.name))
    span.end()


def record_call(method: str, code: grpc.StatusCode, seconds: float) -> None:
    """Counts one answered call of `/package.Service/Method` in the duration histogram."""
    _pipeline.call_duration.record(
        seconds,
        {
            "rpc.system.name": "grpc",
            "rpc.method": method.lstrip("/"),
            "rpc.response.status_code": code.name,
        },
    )


def setup_logs(service_name: str, level: str) -> None:
    """Sends all log records to standard error: text on a terminal, else one JSON object a line."""
    handler = logging.StreamHandler(sys.stderr)
    if sys.stderr.isatty():
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    else:
        handler.setFormatter(_JsonFormatter(service_name))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


class _JsonFormatter(logging.Formatter):
    """One JSON object a record, with the trace it belongs to."""

    def __init__(self, service_name: str) -> None:
        super().__init__()
        self._service_name = service_name

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service_name,
            "logger": record.name,
            "msg": record.getMessage(),
        }
        where = trace.get_current_span().get_span_context()
        if where.is_valid:
            line["trace_id"] = format(where.trace_id, "032x")
            line["span_id"] = format(where.span_id, "016x")
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["stack"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
