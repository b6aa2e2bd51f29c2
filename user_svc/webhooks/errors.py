"""Why a call about webhooks is refused.

ServiceError
├── WebhookUrlRefusedError       WEBHOOK_URL_REFUSED
├── WebhookNotFoundError         WEBHOOK_NOT_FOUND
├── WebhookDeliveryNotFoundError WEBHOOK_DELIVERY_NOT_FOUND
├── WebhookLimitReachedError     WEBHOOK_LIMIT_REACHED
├── WebhookBacklogFullError      WEBHOOK_BACKLOG_FULL     too many events wait for one
├── WebhookDisabledError         WEBHOOK_DISABLED
└── WebhooksUnavailableError     WEBHOOKS_UNAVAILABLE     no key to keep secrets with is set
"""

from __future__ import annotations

import grpc

from mesh.runtime.errors import ServiceError
from user_svc.errors import DOMAIN


class WebhookUrlRefusedError(ServiceError):
    """The address of a webhook is none that events are posted to."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "WEBHOOK_URL_REFUSED"
    domain = DOMAIN
    metadata_keys = ("why",)


class WebhookNotFoundError(ServiceError):
    """The account has no webhook of this name."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "WEBHOOK_NOT_FOUND"
    domain = DOMAIN
    metadata_keys = ("name",)


class WebhookDeliveryNotFoundError(ServiceError):
    """The webhook has no delivery of this name, or not any more."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "WEBHOOK_DELIVERY_NOT_FOUND"
    domain = DOMAIN
    metadata_keys = ("name",)


class WebhookLimitReachedError(ServiceError):
    """The account has as many webhooks as it may have; deleting one makes room, waiting not."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "WEBHOOK_LIMIT_REACHED"
    domain = DOMAIN
    metadata_keys = ("max_webhooks",)

    def details(self) -> tuple[()]:
        """Returns nothing: no time to wait would help."""
        return ()


class WebhookBacklogFullError(ServiceError):
    """As many events wait for the webhook as may."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "WEBHOOK_BACKLOG_FULL"
    domain = DOMAIN
    metadata_keys = ("max_webhook_backlog",)


class WebhookDisabledError(ServiceError):
    """Nothing is posted to the webhook until it is enabled again."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "WEBHOOK_DISABLED"
    domain = DOMAIN
    metadata_keys = ("name",)


class WebhooksUnavailableError(ServiceError):
    """The operator has set no key with which secrets of webhooks could be kept."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "WEBHOOKS_UNAVAILABLE"
    domain = DOMAIN

    def __init__(self) -> None:
        """Takes nothing."""
        super().__init__(
            "this service keeps no webhooks: its operator has to set SONICA_USER_SECRETS_KEY_FILE"
        )
