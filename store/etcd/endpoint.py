"""Where etcd is: URLs, and whose turn it is after a failure. No I/O here."""

import random
from collections.abc import Sequence
from urllib.parse import urlsplit

from attrs import frozen

from store.errors import MeshError

DEFAULT_PORT = 2379
# A watch has to be back soon after etcd is, and a fleet must not knock in step: double from the first to the
# second, each pause a random part of it, between half and all.
FIRST_PAUSE_SECONDS = 0.1
LAST_PAUSE_SECONDS = 1.0


@frozen
class Endpoint:
    """One etcd member.

    Attributes:
        url: as the user wrote it, for messages.
        target: "host:port" as gRPC wants it, IPv6 in brackets.
    """

    url: str
    target: str


def parse_endpoint(url: str) -> Endpoint:
    """Read "http://HOST[:PORT]".

    Raises:
        MeshError: not such a URL, or https, which is not supported yet; the user's mistake.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError as error:
        raise MeshError(f"{url!r} is no etcd endpoint: {error}") from error
    if parts.scheme == "https":
        raise MeshError(f"etcd endpoint {url!r}: https is not supported yet")
    if parts.scheme != "http" or not host or parts.path not in ("", "/") or parts.query or parts.username:
        raise MeshError(f"{url!r} is no etcd endpoint: expected http://HOST:PORT, such as http://127.0.0.1:{DEFAULT_PORT}")
    return Endpoint(url=url, target=f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def parse_endpoints(urls: Sequence[str]) -> tuple[Endpoint, ...]:
    """Read one or more endpoint URLs.

    Raises:
        MeshError: none given, or one of them is bad.
    """
    if not urls:
        raise MeshError("no etcd endpoint given: expected at least one, such as http://127.0.0.1:2379")
    return tuple(parse_endpoint(url) for url in urls)


class Turns:
    """Whose turn it is among the endpoints, and how long to pause first. For what reconnects for ever."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        """Begin at a random endpoint, so that a fleet spreads over the members."""
        self._endpoints = tuple(endpoints)
        self._at = random.randrange(len(self._endpoints))
        self._pause = FIRST_PAUSE_SECONDS

    def __repr__(self) -> str:
        return f"<Turns {self.endpoint.url}, next pause {self._pause}s>"

    @property
    def endpoint(self) -> Endpoint:
        """The one to try now."""
        return self._endpoints[self._at]

    def succeeded(self) -> None:
        """The endpoint works: stay with it, and begin with a short pause the next time."""
        self._pause = FIRST_PAUSE_SECONDS

    def failed(self) -> float:
        """The endpoint failed: on to the next.

        Returns:
            Seconds to wait before trying it.
        """
        self._at = (self._at + 1) % len(self._endpoints)
        pause, self._pause = self._pause, min(self._pause * 2, LAST_PAUSE_SECONDS)
        return pause * random.uniform(0.5, 1.0)
