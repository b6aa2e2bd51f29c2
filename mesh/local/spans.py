"""The span sink: takes OTLP over gRPC from every part and keeps the spans in bounded files.

One line is one export request in OTLP's JSON encoding (trace and span ids in hexadecimal), as a
collector's file exporter writes it. Metrics and logs are accepted and dropped: the parts have
endpoints and files for them. Nothing here may cost a caller anything: a full disk loses spans.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
from pathlib import Path
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace

from mesh.local.otlp_json import encode_request
from mesh.local.span_files import SpanFiles

_MESSAGE_BYTES_MAX = 16 * 1024 * 1024
_CALLS_MAX = 64
_STOP_SECONDS = 1.0
_log = logging.getLogger(__name__)


class TraceSink:
    """Writes export requests to files; counts what it cannot write."""

    def __init__(self, files: SpanFiles) -> None:
        self._files = files
        self._failing = False

    async def export(
        self, request: trace.ExportTraceServiceRequest, _context: Any
    ) -> trace.ExportTraceServiceResponse:
        """Keeps the spans of one request; answers with success in any case."""
        line = json.dumps(encode_request(request), separators=(",", ":"), ensure_ascii=False)
        try:
            self._files.append(line)
            self._failing = False
        except OSError as error:
            if not self._failing:
                _log.warning("spans are lost: %s", error)
            self._failing = True
        return trace.ExportTraceServiceResponse()


async def start_sink(listen: str, files: SpanFiles) -> grpc.aio.Server:
    """Starts the sink.

    Args:
        listen: `unix:/path` or host:port.
        files: where spans go.
    """
    server = grpc.aio.server(
        options=[
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", _MESSAGE_BYTES_MAX),
        ],
        maximum_concurrent_rpcs=_CALLS_MAX,
    )
    sink = TraceSink(files)

    async def drop_metrics(_request: Any, _context: Any) -> metrics.ExportMetricsServiceResponse:
        return metrics.ExportMetricsServiceResponse()

    async def drop_logs(_request: Any, _context: Any) -> logs.ExportLogsServiceResponse:
        return logs.ExportLogsServiceResponse()

    for package, handler, request, response in (
        ("trace", sink.export, trace.ExportTraceServiceRequest, trace.ExportTraceServiceResponse),
        (
            "metrics",
            drop_metrics,
            metrics.ExportMetricsServiceRequest,
            metrics.ExportMetricsServiceResponse,
        ),
        ("logs", drop_logs, logs.ExportLogsServiceRequest, logs.ExportLogsServiceResponse),
    ):
        service = f"opentelemetry.proto.collector.{package}.v1.{package.capitalize()}Service"
        export = grpc.unary_unary_rpc_method_handler(
            handler,
            request_deserializer=request.FromString,
            response_serializer=response.SerializeToString,
        )
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {"Export": export}),)
        )
    server.add_insecure_port(listen)
    await server.start()
    return server


async def _serve(listen: str, folder: Path) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    server = await start_sink(listen, SpanFiles(folder))
    await stopping.wait()
    await server.stop(_STOP_SECONDS)


def main() -> None:
    """Runs the sink until it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m mesh.local.spans", description=__doc__)
    parser.add_argument("--listen", required=True, help="unix:/path or host:port")
    parser.add_argument("--folder", type=Path, required=True, help="where the files go")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    asyncio.run(_serve(arguments.listen, arguments.folder))


if __name__ == "__main__":
    main()
