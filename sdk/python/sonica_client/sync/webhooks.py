"""Webhooks for programs without an event loop. Made by `make gen`; not to be edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sonica_client.accounts import ME
from sonica_client.portal import Portal
from sonica_client.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from sonica_client._messages.sonica.user.v1 import (
        ListWebhookDeliveriesResponse,
        Webhook,
        WebhookDelivery,
        WebhookEvent,
    )


class SyncWebhooks:
    """Part of a `SonicaSyncClient`: `client.webhooks`.

    All methods raise SonicaError. A name is that of a webhook, `users/me/webhooks/...`.
    """

    def __init__(self, portal: Portal, inner: Webhooks) -> None:
        self._portal = portal
        self._inner = inner

    def create(
        self,
        url: str,
        events: Sequence[WebhookEvent],
        *,
        display_name: str = "",
        disabled: bool = False,
        request_id: str = "",
    ) -> tuple[Webhook, str]:
        """Makes a webhook; returns it and the secret of its signatures, shown only here.

        Args:
            url: `https://` address of a public host.
            events: what to post besides tests.
            display_name: what to call it.
            disabled: post nothing for now.
            request_id: a UUID of the caller's; the same id never makes two webhooks.
        """
        return self._portal.call(
            self._inner.create(
                url, events, display_name=display_name, disabled=disabled, request_id=request_id
            )
        )

    def get(self, name: str) -> Webhook:
        """Returns a webhook, without its secret."""
        return self._portal.call(self._inner.get(name))

    def list(self, parent: str = ME) -> Sequence[Webhook]:
        """Returns all webhooks of an account, the newest first."""
        return self._portal.call(self._inner.list(parent))

    def update(self, webhook: Webhook, paths: Sequence[str] = ()) -> Webhook:
        """Changes a webhook.

        Args:
            webhook: with its name and the new values.
            paths: what to change: `display_name`, `url`, `events`, `disabled`; none means what is
                set.
        """
        return self._portal.call(self._inner.update(webhook, paths))

    def delete(self, name: str) -> None:
        """Deletes a webhook with all its deliveries."""
        return self._portal.call(self._inner.delete(name))

    def rotate_secret(self, name: str) -> str:
        """Gives a webhook a new secret and returns it; the one before is good for 24 hours more."""
        return self._portal.call(self._inner.rotate_secret(name))

    def test(self, name: str) -> WebhookDelivery:
        """Queues an event `webhook.test` and returns its delivery, which waits."""
        return self._portal.call(self._inner.test(name))

    def deliveries(
        self, name: str, *, page_size: int = 0, page_token: str = ""
    ) -> ListWebhookDeliveriesResponse:
        """Returns one page of what was posted and what waits, the newest first.

        Args:
            name: of the webhook.
            page_size: most of them, 100 at the utmost; 0 means 50.
            page_token: `next_page_token` of the page before.
        """
        return self._portal.call(
            self._inner.deliveries(name, page_size=page_size, page_token=page_token)
        )

    def all_deliveries(self, name: str) -> Generator[WebhookDelivery, None, None]:
        """Yields every delivery of a webhook, page by page, the newest first."""
        return self._portal.iterate(self._inner.all_deliveries(name))

    def redeliver(self, name: str) -> WebhookDelivery:
        """Posts an event again, by the name of its delivery; returns it, as it waits."""
        return self._portal.call(self._inner.redeliver(name))
