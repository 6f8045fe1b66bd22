"""Names that clients ask for in a TLS ClientHello (SNI), and which of them lie inside the hosts of a VirtualService."""

import re
from collections.abc import Sequence

from store.resources.names import host_problem

_OUTBOUND = re.compile(r"outbound_\.[0-9]{1,5}_\.([-a-zA-Z0-9]{1,63})?_\.(?P<host>.+)", re.ASCII)


def is_outbound_sni(name: str) -> bool:
    """Say whether *name* is what a mesh's proxies write for another network: `outbound_.9080_.v1_.reviews.shop`."""
    found = _OUTBOUND.fullmatch(name)
    return found is not None and len(name) <= 255 and host_problem(found["host"]) is None


class HostSet:
    """The hosts of a VirtualService, to ask what lies inside them."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self._names = frozenset(host.lower() for host in hosts)
        self._endings = frozenset(host[1:] for host in self._names if host.startswith("*"))

    def covers(self, name: str) -> bool:
        """Say whether every name that *name* stands for is one of the hosts, `*.a.com` of `*.com` too."""
        name = name.lower()
        text = name.removeprefix("*")
        return name in self._names or any(text[start:] in self._endings for start in range(len(text) + 1))
