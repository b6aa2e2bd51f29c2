"""Envoy as a part: its configuration is written right before each start, and drained at the end.

There is no separate validation: at start Envoy checks the whole file, as `--mode validate` does,
and ends with the reason, which is in its log and in the error.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mesh.local.encryption import PROXY, Encryption
from mesh.local.guard import Guard
from mesh.local.layout import Layout
from mesh.local.part import Layer, Part
from mesh.local.readiness import admin_request, envoy_healthy
from mesh.local.services import FINGERPRINT, GATEWAY, KEY_SET, MATCH, MESH_LISTENER, USER

if TYPE_CHECKING:
    from mesh.envoy.plan import MeshPlan

NAME = "envoy"
_ADMIN = "admin"
_DRAIN_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Proxy:
    """Envoy of one mesh.

    Attributes:
        layout: of the data directory.
        program: Envoy.
        edge_address: host:port of the edge listener.
        otlp: collector of its spans, `unix:/...` or host:port; None sends none.
        environment: of the process.
        issuer: of access tokens, as user_svc writes it.
        audience: of access tokens.
        encryption: what is encrypted, by which files.
        open: nobody is asked for credentials, and nothing is limited.
    """

    layout: Layout
    program: Path
    edge_address: str
    otlp: str | None
    environment: Mapping[str, str]
    encryption: Encryption
    issuer: str = "sonica"
    audience: str = "sonica"
    open: bool = False

    @property
    def admin(self) -> Path:
        """Socket of the admin interface."""
        return self.layout.socket(_ADMIN)

    def part(self) -> Part:
        """Returns the part; it is ready when every service behind it is healthy."""
        return Part(
            name=NAME,
            command=(
                self.program, "--config-path", self._config,
                # One thread carries thousands of calls a second: more than the services can take.
                "--concurrency", "1",
                # Else a second mesh on this machine would clash with it over shared memory.
                "--disable-hot-restart",
                "--drain-time-s", "5",
                "--log-level", "warning",
            ),
            ready=envoy_healthy(self.admin),
            address=self.edge_address,
            environment=self.environment,
            layer=Layer.PROXY,
            prepare=self._prepare,
            stop_seconds=2.0,
        )  # fmt: skip

    async def drain(self, timeout_seconds: float) -> None:
        """Has Envoy refuse new connections and waits until no call is in flight, or the timeout."""
        with suppress(OSError, EOFError, ValueError):
            async with asyncio.timeout(timeout_seconds):
                for order in ("/healthcheck/fail", "/drain_listeners?graceful&skip_exit"):
                    # On a busy machine it obeys, but says so too late.
                    with suppress(TimeoutError):
                        await admin_request(self.admin, "POST", order)
                while await self._has_calls_in_flight():  # noqa: ASYNC110 - Envoy has no event
                    await asyncio.sleep(_DRAIN_POLL_SECONDS)

    @property
    def _config(self) -> Path:
        return self.layout.run_dir / "envoy.json"

    async def _prepare(self, _guard: Guard) -> None:
        for name in (_ADMIN, MESH_LISTENER):
            self.layout.socket(name).unlink(missing_ok=True)
        # Imported when all other parts are on their way: they need longer than this.
        from mesh.envoy.bootstrap import bootstrap
        from mesh.envoy.tls import write_secrets

        plan = self._plan()
        write_secrets(plan)
        self._config.write_text(json.dumps(bootstrap(plan), indent=1))

    def _plan(self) -> MeshPlan:
        from mesh.envoy.address import is_loopback
        from mesh.envoy.plan import MeshPlan

        layout, edge = self.layout, self.encryption.edge
        certificate, private_key = (
            self.encryption.edge_certificate,
            self.encryption.edge_private_key,
        )
        return MeshPlan(
            edge=self.edge_address,
            internal=layout.target(MESH_LISTENER),
            gateway=(layout.target(GATEWAY),),
            fingerprint=(layout.target(FINGERPRINT),),
            match=(layout.target(MATCH),),
            user=(layout.target(USER),),
            user_keys=(layout.target(KEY_SET),),
            issuer=self.issuer,
            audience=self.audience,
            open=self.open,
            tls_certificate=str(certificate) if certificate else None,
            tls_private_key=str(private_key) if private_key else None,
            insecure_edge=edge.insecure,
            mtls=edge.mtls,
            mtls_certificate=str(self.encryption.mesh_certificate(PROXY)) if edge.mtls else None,
            mtls_private_key=str(self.encryption.mesh_private_key(PROXY)) if edge.mtls else None,
            mtls_ca=str(self.encryption.mesh_ca) if edge.mtls else None,
            secrets_dir=str(layout.run_dir),
            anonymous_requests=edge.anonymous_requests,
            anonymous_window_seconds=edge.anonymous_window_seconds,
            credential_requests=edge.credential_requests,
            credential_window_seconds=edge.credential_window_seconds,
            authorization_requests=edge.authorization_requests,
            authorization_window_seconds=edge.authorization_window_seconds,
            trusted_hops=edge.trusted_hops,
            # Who can reach it is on this machine, and may be a developer.
            reflection=is_loopback(self.edge_address),
            admin=f"unix:{self.admin}",
            otlp=self.otlp,
            access_log=str(layout.log("access")),
        )

    async def _has_calls_in_flight(self) -> bool:
        """Tells whether any call is in flight; one that is slow to tell may have some."""
        path = "/stats?filter=^http\\..*downstream_rq_active$&format=json"
        try:
            reply = await admin_request(self.admin, "GET", path)
        except TimeoutError:
            return True
        return any(
            int(stat["value"])
            for stat in json.loads(reply).get("stats", [])
            if "admin" not in stat.get("name", "admin")
        )
