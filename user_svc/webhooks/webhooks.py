"""The webhooks of accounts: making, reading, changing, what became of their events."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from uuid import UUID, uuid4

from user_svc.accounts import not_found
from user_svc.errors import CredentialsRefusedError, RequestIdReusedError
from user_svc.model import AuditAction, Caller
from user_svc.secret_box import SecretBox
from user_svc.stores import accounts, audit, webhook_deliveries, webhooks
from user_svc.stores.postgres import Connection, Database
from user_svc.webhooks.body import body_of
from user_svc.webhooks.errors import (
    WebhookBacklogFullError,
    WebhookDeliveryNotFoundError,
    WebhookDisabledError,
    WebhookLimitReachedError,
    WebhookNotFoundError,
    WebhooksUnavailableError,
)
from user_svc.webhooks.model import Delivery, Event, Happening, Webhook
from user_svc.webhooks.receiver import Receivers
from user_svc.webhooks.signature import new_secret, secret_text

_ID_BYTES = 8
#: How long the secret before stays good after a rotation.
OVERLAP_SECONDS = 86_400.0
_BY_OWNER = "the webhook was disabled"


class Webhooks:
    """Use cases of `sonica.user.v1.WebhookService`.

    Args:
        database: where they are kept.
        box: keeps secrets; None refuses to make any.
        receivers: which addresses are accepted.
        max_webhooks: of one account.
        max_waiting: deliveries of one webhook that wait.
        wake: called when something is to be posted now.
    """

    def __init__(
        self,
        database: Database,
        box: SecretBox | None,
        receivers: Receivers,
        *,
        max_webhooks: int,
        max_waiting: int,
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._box = box
        self._receivers = receivers
        self._max_webhooks = max_webhooks
        self._max_waiting = max_waiting
        self._wake = wake

    async def create(
        self, user_id: UUID, values: Mapping[str, object], request_id: UUID | None
    ) -> tuple[Webhook, str]:
        """Makes a webhook; returns it and its secret, which is shown to nobody afterwards.

        Args:
            user_id: of the caller, who may have its events.
            values: by column, all of `stores.webhooks.CHANGEABLE`.
            request_id: with which the call may be repeated.

        Raises:
            WebhookUrlRefusedError, WebhookLimitReachedError, WebhooksUnavailableError,
            RequestIdReusedError, CredentialsRefusedError, StoreUnreachableError, StorageFullError.
        """
        self._receivers.read(str(values["url"]))
        secret = new_secret()
        sealed = self._sealing().seal(secret)
        async with self._database.transaction("create_webhook") as connection:
            # Calls of one account one after the other: the number of its webhooks stays bounded.
            if await accounts.lock(connection, user_id) is None:
                raise CredentialsRefusedError  # the account was erased meanwhile
            if request_id is not None:
                made = await webhooks.find_request(connection, user_id, request_id)
                if made is not None:
                    raise _request_reused(request_id, made)
            if await webhooks.count(connection, user_id) >= self._max_webhooks:
                raise WebhookLimitReachedError(
                    f"the account has {self._max_webhooks} webhooks; delete one to make room",
                    max_webhooks=str(self._max_webhooks),
                )
            webhook = await webhooks.insert(
                connection, user_id, secrets.token_hex(_ID_BYTES), values, sealed, request_id
            )
            await _record(connection, AuditAction.WEBHOOK_CREATED, webhook, user_id)
        return webhook, secret_text(secret)

    async def get(self, user_id: UUID, webhook_id: str) -> Webhook:
        """Returns a webhook.

        Raises:
            WebhookNotFoundError, StoreUnreachableError.
        """
        async with self._database.connection("get_webhook") as connection:
            return await _found(connection, user_id, webhook_id)

    async def page(self, user_id: UUID, before: int | None, limit: int) -> list[Webhook]:
        """Returns the next webhooks of an account, the newest first.

        Raises:
            AccountNotFoundError, StoreUnreachableError.
        """
        async with self._database.connection("list_webhooks") as connection:
            if await accounts.find(connection, user_id) is None:
                raise not_found(user_id)
            return await webhooks.page(connection, user_id, before, limit)

    async def update(
        self, user_id: UUID, webhook_id: str, changes: Mapping[str, object]
    ) -> Webhook:
        """Changes a webhook of the caller's.

        Raises:
            WebhookNotFoundError, WebhookUrlRefusedError, StoreUnreachableError, StorageFullError.
        """
        if "url" in changes:
            self._receivers.read(str(changes["url"]))
        async with self._database.transaction("update_webhook") as connection:
            before = await _found(connection, user_id, webhook_id, lock=True)
            if changes.get("disabled") and not before.disabled:
                number = before.webhook_number
                await webhooks.disable(connection, number, "")
                await webhook_deliveries.give_up_waiting(connection, number, _BY_OWNER)
            webhook = await webhooks.update(connection, before.webhook_number, changes)
            await _record(connection, AuditAction.WEBHOOK_UPDATED, webhook, user_id)
        return webhook

    async def delete(self, caller: Caller, user_id: UUID, webhook_id: str) -> None:
        """Deletes a webhook with all its deliveries.

        Raises:
            WebhookNotFoundError, StoreUnreachableError.
        """
        async with self._database.transaction("delete_webhook") as connection:
            webhook = await _found(connection, user_id, webhook_id, lock=True)
            await webhooks.delete(connection, user_id, webhook_id)
            await _record(connection, AuditAction.WEBHOOK_DELETED, webhook, caller.user_id)

    async def rotate(self, user_id: UUID, webhook_id: str) -> tuple[Webhook, str]:
        """Gives a webhook a new secret; the one before stays good for a day.

        Raises:
            WebhookNotFoundError, WebhooksUnavailableError, StoreUnreachableError,
            StorageFullError.
        """
        secret = new_secret()
        sealed = self._sealing().seal(secret)
        async with self._database.transaction("rotate_webhook_secret") as connection:
            before = await _found(connection, user_id, webhook_id, lock=True)
            webhook = await webhooks.rotate(
                connection, before.webhook_number, sealed, OVERLAP_SECONDS
            )
            await _record(connection, AuditAction.WEBHOOK_SECRET_ROTATED, webhook, user_id)
        return webhook, secret_text(secret)

    async def deliveries(
        self, user_id: UUID, webhook_id: str, before: int | None, limit: int
    ) -> tuple[Webhook, list[Delivery]]:
        """Returns a webhook and its next deliveries, the newest first.

        Raises:
            WebhookNotFoundError, StoreUnreachableError.
        """
        async with self._database.connection("list_webhook_deliveries") as connection:
            webhook = await _found(connection, user_id, webhook_id)
            number = webhook.webhook_number
            return webhook, await webhook_deliveries.page(connection, number, before, limit)

    async def redeliver(
        self, user_id: UUID, webhook_id: str, delivery_number: int
    ) -> tuple[Webhook, Delivery]:
        """Queues a delivery again.

        Raises:
            WebhookNotFoundError, WebhookDeliveryNotFoundError, WebhookDisabledError,
            WebhookBacklogFullError, StoreUnreachableError, StorageFullError.
        """
        async with self._database.transaction("redeliver") as connection:
            webhook = await self._with_room(connection, user_id, webhook_id)
            number = webhook.webhook_number
            delivery = await webhook_deliveries.queue_again(connection, number, delivery_number)
            if delivery is None:
                name = f"{webhook.name}/deliveries/{delivery_number}"
                raise WebhookDeliveryNotFoundError(
                    f"there is no delivery {name}; they are kept for some days", name=name
                )
            await webhooks.wake(connection, number)
        self._wake()
        return webhook, delivery

    async def test(self, user_id: UUID, webhook_id: str) -> tuple[Webhook, Delivery]:
        """Queues a test event.

        Raises:
            WebhookNotFoundError, WebhookDisabledError, WebhookBacklogFullError,
            StoreUnreachableError, StorageFullError.
        """
        async with self._database.transaction("test_webhook") as connection:
            webhook = await self._with_room(connection, user_id, webhook_id)
            event_id = f"evt_{uuid4().hex}"
            data: dict[str, object] = {"webhook": webhook.name}
            happening = Happening(event_id, Event.TEST, user_id, datetime.now(UTC), data)
            delivery = await webhook_deliveries.insert(
                connection, webhook.webhook_number, event_id, Event.TEST, body_of(happening)
            )
            assert delivery is not None  # noqa: S101 - its id was just made
            await webhooks.wake(connection, webhook.webhook_number)
        self._wake()
        return webhook, delivery

    async def _with_room(self, connection: Connection, user_id: UUID, webhook_id: str) -> Webhook:
        webhook = await _found(connection, user_id, webhook_id, lock=True)
        if webhook.disabled:
            raise WebhookDisabledError(
                f"{webhook.name} is disabled; set disabled to false first", name=webhook.name
            )
        number = webhook.webhook_number
        waiting = (await webhook_deliveries.counts_waiting(connection, [number])).get(number, 0)
        if waiting >= self._max_waiting:
            raise WebhookBacklogFullError(
                f"{waiting} events wait for {webhook.name}, the most that may; wait until the "
                "receiver has taken some, or disable it to give them up",
                retry_after_seconds=60.0,
                max_webhook_backlog=str(self._max_waiting),
            )
        return webhook

    def _sealing(self) -> SecretBox:
        if self._box is None:
            raise WebhooksUnavailableError
        return self._box


async def _found(
    connection: Connection, user_id: UUID, webhook_id: str, *, lock: bool = False
) -> Webhook:
    webhook = await webhooks.find(connection, user_id, webhook_id, lock=lock)
    if webhook is None:
        name = f"users/{user_id}/webhooks/{webhook_id}"
        raise WebhookNotFoundError(f"there is no webhook {name}", name=name)
    return webhook


async def _record(
    connection: Connection, action: AuditAction, webhook: Webhook, actor_id: UUID
) -> None:
    await audit.record(
        connection, action, user_id=webhook.user_id, actor_id=actor_id, resource=webhook.name
    )


def _request_reused(request_id: UUID, made: Webhook) -> RequestIdReusedError:
    return RequestIdReusedError(
        f"request {request_id} has made the webhook {made.name}, whose secret cannot be shown "
        "again; rotate it, or use another request_id",
        request_id=str(request_id),
        name=made.name,
    )
