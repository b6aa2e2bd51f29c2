"""Which parts a mesh consists of: the local ones, less those that a setting says are elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from mesh.local import programs, services
from mesh.local.interpreter import plain_environment
from mesh.local.layout import Layout
from mesh.local.part import Part
from mesh.local.postgres import Postgres
from mesh.local.proxy import Proxy
from mesh.local.redis_cache import redis_part, redis_url
from mesh.local.settings import LocalSettings


@dataclass(frozen=True)
class Plan:
    """What the supervisor runs.

    Attributes:
        parts: in the order of their start; the reverse is the order of the end.
        proxy: the one among them that is drained first.
    """

    parts: tuple[Part, ...]
    proxy: Proxy


def make_plan(settings: LocalSettings, layout: Layout, edge_address: str) -> Plan:
    """Returns the parts of a mesh.

    Slow starters come first; all start at once, and wait for each other where they connect.

    Raises:
        ProgramMissingError, DataDirUnusableError: see `programs` and `account`.
    """
    passed_on = settings.child_environment
    plain = plain_environment(passed_on)
    otlp = settings.otlp_endpoint or layout.target(services.SPANS)
    proxy = Proxy(
        layout,
        programs.envoy(settings),
        edge_address,
        _envoy_target(otlp),
        plain,
        # What user_svc is told is what its tokens say.
        issuer=passed_on.get("SONICA_USER_ISSUER", "sonica"),
        audience=passed_on.get("SONICA_USER_AUDIENCE", "sonica"),
        open=settings.open,
    )
    stores: list[Part] = []

    database_url, users_url = settings.database_url, settings.user_database_url
    if database_url is None or users_url is None:
        postgres = Postgres.of(layout, programs.postgres_bin_dir(settings), plain)
        database_url = database_url or postgres.dsn
        users_url = users_url or postgres.users_dsn
        stores.append(postgres.part())
    cache_url, counts_url = settings.redis_url, settings.user_redis_url
    wanted = cache_url is None or counts_url is None
    program = programs.redis_server(settings) if wanted else None
    if program is not None:
        cache_url = cache_url or redis_url(layout)
        counts_url = counts_url or redis_url(layout)
        stores.append(redis_part(layout, program, plain))
    if settings.otlp_endpoint is None:
        stores.insert(0, services.spans_part(layout, passed_on))
    qdrant_address = settings.qdrant_address
    if qdrant_address is None:
        qdrant_address = layout.target(services.ENGINE)
        stores.append(services.engine_part(layout, passed_on, otlp))

    match = services.match_part(
        layout,
        passed_on,
        otlp,
        database_url=database_url,
        qdrant_address=qdrant_address,
        redis_url=cache_url,
    )
    user = services.user_part(layout, passed_on, otlp, database_url=users_url, redis_url=counts_url)
    fingerprint = services.fingerprint_part(layout, passed_on, otlp)
    gateway = services.gateway_part(layout, passed_on, otlp)
    return Plan((*stores, match, user, fingerprint, gateway, proxy.part()), proxy)


def _envoy_target(otlp: str) -> str:
    """Returns a collector's address in Envoy's form: the scheme of a URL is not part of it."""
    return urlsplit(otlp).netloc if "://" in otlp else otlp
