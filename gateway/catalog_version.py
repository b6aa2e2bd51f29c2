"""Which extractor the catalogue is searched by: asked once, remembered, corrected by refusals.

The catalogue may move to another extractor at any time. Whoever comes with a fingerprint of the
former one is refused, and the refusal names the new one; so nothing has to be asked before a call.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
from sonica.catalog.v1.catalog_service_pb2 import GetCatalogStatisticsRequest

from gateway.errors import CatalogMovedError
from mesh.runtime.channels import remaining_seconds
from mesh.runtime.errors import from_rpc_error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

_MISMATCH = "ALGORITHM_MISMATCH"
_ASKING_SECONDS_MAX = 2.0


class CatalogVersion:
    """The version the catalogue had when it last said so."""

    def __init__(self, catalog: Any) -> None:
        self._catalog = catalog
        self._known = 0

    async def get(self) -> int:
        """Returns the version; 0, the extractor's current one, while the catalogue cannot say."""
        if not self._known:
            left = remaining_seconds()
            # What is wrong with the catalogue is told by the call that needs it.
            with suppress(grpc.aio.AioRpcError):
                statistics = await self._catalog.GetCatalogStatistics(
                    GetCatalogStatisticsRequest(),
                    timeout=_ASKING_SECONDS_MAX if left is None else min(left, _ASKING_SECONDS_MAX),
                )
                self._known = statistics.algorithm_version
        return self._known

    async def used_for(self, attempt: Callable[[int], Awaitable[T]]) -> T:
        """Returns what `attempt` makes of the version; tries anew when it is another by then.

        Raises:
            CatalogMovedError: it has changed twice meanwhile.
        """
        try:
            return await attempt(await self.get())
        except grpc.aio.AioRpcError as error:
            if self.moved(error) is None:
                raise
        try:
            return await attempt(self._known)
        except grpc.aio.AioRpcError as error:
            if moved := self.moved(error):
                raise moved from error
            raise

    def moved(self, error: grpc.aio.AioRpcError) -> CatalogMovedError | None:
        """Returns what the refusal of a fingerprint made by us means; None for other failures.

        The version it names is remembered.
        """
        typed = from_rpc_error(error)
        if typed is None or typed.reason != _MISMATCH:
            return None
        self._known = int(typed.metadata.get("catalog_algorithm_version", "0"))
        return CatalogMovedError(self._known)
