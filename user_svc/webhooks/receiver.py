"""The form of a receiver's address: what is accepted at all, before anybody connects.

The parts read here are the parts used later, so no two readers of one address can disagree. Whether
the host is a public one is judged when it is connected to (`network`); what can be told from its
form alone is told here, to whoever makes the webhook.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from user_svc.webhooks.errors import WebhookUrlRefusedError
from user_svc.webhooks.network import Network, is_public

LENGTH_MAX = 2000
_HTTPS, _HTTP = "https", "http"
_PORTS = {_HTTPS: 443, _HTTP: 80}
# Visible ASCII without what readers of addresses treat differently.
_PLAIN = re.compile(r"[!-~]+", re.ASCII)
_AMBIGUOUS = re.compile(r'[\\"<>^`{|}]')
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*", re.ASCII)
# A last label that is a number makes the whole name a number to some readers, in many notations.
_NUMERIC_END = re.compile(r"(^|\.)(\d+|0x[0-9a-f]*)$")


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where to post.

    Attributes:
        scheme: `https`, or `http` where it is allowed.
        host: name or IP address, of IPv6 without brackets.
        port: number.
        target: path and query.
    """

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)

    @property
    def host_header(self) -> str:
        """Value of `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


class Receivers:
    """Which addresses are accepted.

    Args:
        allow_http: whether `http://` is, for development.
        more_ports: besides 443, and 80 where `http://` is allowed.
        networks: that are accepted although they are not public.
    """

    def __init__(
        self, *, allow_http: bool, more_ports: Collection[int], networks: Collection[Network]
    ) -> None:
        self._schemes = (_HTTPS, _HTTP) if allow_http else (_HTTPS,)
        self.ports = frozenset({*(_PORTS[scheme] for scheme in self._schemes), *more_ports})
        self.networks = tuple(networks)

    def read(self, url: str) -> Receiver:
        """Returns the parts of an address.

        Raises:
            WebhookUrlRefusedError: it is none that events are posted to; says why.
        """
        if not _PLAIN.fullmatch(url) or _AMBIGUOUS.search(url) or len(url) > LENGTH_MAX:
            raise _refused(
                f'must be 1 to {LENGTH_MAX} visible ASCII characters without \\ " < > ^ ` {{ | }}; '
                "write a name in another script as xn--..."
            )
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise _refused("is no URL") from None
        scheme, host = parts.scheme, parts.hostname or ""
        if scheme not in self._schemes:
            raise _refused(f"must begin with {' or '.join(s + '://' for s in self._schemes)}")
        if parts.username is not None or parts.password is not None:
            raise _refused("must hold no user information: what is before an @ is sent to nobody")
        if "#" in url:
            raise _refused("must have no fragment: it is sent to nobody")
        port = _PORTS[scheme] if port is None else port
        if port not in self.ports:
            known = ", ".join(map(str, sorted(self.ports)))
            raise _refused(f"has port {port}; events are posted to {known} only")
        if "[" in parts.netloc and ":" not in host:
            raise _refused("has something else than an IPv6 address in brackets")
        self._check_host(host)
        query = f"?{parts.query}" if parts.query else ""
        return Receiver(scheme, host, port, (parts.path or "/") + query)

    def _check_host(self, host: str) -> None:
        try:
            address = ip_address(host)
        except ValueError:
            if not _NAME.fullmatch(host) or _NUMERIC_END.search(host):
                raise _refused("has a host that is neither a name nor an IP address") from None
            if "." not in host and not self.networks:
                raise _refused("has a host without a domain, which nobody outside knows") from None
            return
        plain = getattr(address, "ipv4_mapped", None) or address
        if not is_public(plain) and not any(plain in network for network in self.networks):
            raise _refused("has an IP address that is not public")


def _refused(why: str) -> WebhookUrlRefusedError:
    return WebhookUrlRefusedError(f"webhook.url {why}", why=why)
