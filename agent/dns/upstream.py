"""Asking the resolvers above us: which there are, and one name's addresses from the first that answers.

No state about names and no schedule (`agent/dns/resolver.py`). Formats: RFC 1035, resolv.conf(5).
"""

import logging
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import trio
from attrs import frozen

logger = logging.getLogger(__name__)

TRY_SECONDS = 2.0
"""One try at one server, UDP and TCP together; Envoy's strict DNS waits as long for its c-ares."""

_BACKEND = dns.asyncbackend.get_backend("trio")


@frozen
class Server:
    """A recursive resolver."""

    address: str
    port: int = 53

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@frozen
class Found:
    """What a name resolves to.

    Attributes:
        addresses: sorted; IPv4, or IPv6 when there is no IPv4. Never empty.
        ttl_seconds: the lowest on the way, CNAMEs included.
    """

    addresses: tuple[str, ...]
    ttl_seconds: float


class LookupFailed(Exception):  # noqa: N818 - named as what it reports
    """No server said which addresses the name has; the message says why, server by server."""


def read_servers(upstream: Sequence[str]) -> tuple[Server, ...]:
    """Return the servers that *upstream* names, in order and each once.

    Args:
        upstream: paths of resolv.conf files, of which the `nameserver` lines count, and `ip[:port]`.

    A file that cannot be read and a line that is no address are passed over with a warning: what is in
    resolv.conf is the machine's affair, and one server is better than none.
    """
    servers: list[Server] = []
    for item in upstream:
        servers += _read_resolv_conf(Path(item)) if item.startswith("/") else [_server(item)]
    return tuple(dict.fromkeys(servers))


def sort_addresses(addresses: Sequence[str]) -> tuple[str, ...]:
    """Return each address once, in its shortest spelling: IPv4 by number, then IPv6 by number."""
    parsed = {ip_address(address) for address in addresses}
    return tuple(str(address) for address in sorted(parsed, key=lambda a: (a.version, int(a))))


class Upstream:
    """The resolvers above us. The one that answered last is asked first, so that a dead one costs once."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self.servers = tuple(servers)
        self._first = 0

    async def lookup(self, name: str) -> Found:
        """Return the addresses of *name*, always taken as absolute: no search domain is tried.

        AAAA is asked for only when the name has no A (Envoy's V4_PREFERRED).

        Raises:
            LookupFailed: no server answers, the name does not exist, or it has no address.
        """
        try:
            absolute = dns.name.from_text(name)
        except dns.exception.DNSException as e:
            raise LookupFailed(f"`{name}` is not a DNS name: {e}") from e
        for kind in (dns.rdatatype.A, dns.rdatatype.AAAA):
            found = await self._ask_each(absolute, kind)
            if found is not None:
                return found
        raise LookupFailed("the name has no address")

    async def _ask_each(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> Found | None:
        """Return the records of one *kind*, None when the name has none; each server gets one try.

        Raises:
            LookupFailed: the name does not exist, or no server gave a usable answer.
        """
        failures: list[str] = []
        first = self._first
        for position in range(len(self.servers)):
            chosen = (first + position) % len(self.servers)
            server = self.servers[chosen]
            try:
                response = await _exchange(name, kind, server)
                found = _found(response)
            except _Unusable as e:
                failures.append(f"{server}: {e}")
                continue
            self._first = chosen
            if response.rcode() == dns.rcode.NXDOMAIN:
                raise LookupFailed(f"{server}: the name does not exist")
            return found
        raise LookupFailed("; ".join(failures) or "there is no DNS server to ask")


class _Unusable(Exception):  # noqa: N818
    """This server gave no usable answer; another one may."""


async def _exchange(
    name: dns.name.Name, kind: dns.rdatatype.RdataType, server: Server
) -> dns.message.Message:
    """Return *server*'s answer, over TCP when it was truncated over UDP.

    Answers that are not to this question, or not from this server, are ignored: anybody can send them.

    Raises:
        _Unusable: no answer in time, or one that says neither yes nor no.
    """
    try:
        with trio.fail_after(TRY_SECONDS):
            response, _ = await dns.asyncquery.udp_with_fallback(
                dns.message.make_query(name, kind),
                server.address,
                port=server.port,
                backend=_BACKEND,
                ignore_unexpected=True,
                ignore_errors=True,
            )
    except trio.TooSlowError:
        raise _Unusable(f"no answer within {TRY_SECONDS:g} s") from None
    except (OSError, EOFError, trio.BrokenResourceError, dns.exception.DNSException) as e:
        raise _Unusable(str(e) or type(e).__name__) from e
    if response.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise _Unusable(dns.rcode.to_text(response.rcode()))
    return response


def _found(response: dns.message.Message) -> Found | None:
    """Return what *response* holds at the end of its CNAME chain, None when there is no such record.

    Raises:
        _Unusable: the chain has no end, or the response contradicts itself.
    """
    if not isinstance(response, dns.message.QueryMessage):
        raise _Unusable("the answer is not to a query")
    try:
        chain = response.resolve_chaining()
    except dns.exception.DNSException as e:
        raise _Unusable(str(e) or type(e).__name__) from e
    if chain.answer is None:
        return None
    return Found(sort_addresses([record.address for record in chain.answer]), float(chain.minimum_ttl))


def _read_resolv_conf(path: Path) -> list[Server]:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as e:
        logger.warning("%s: cannot be read: %s", path, e.strerror)
        return []
    servers = []
    for line in lines:
        match line.split():
            case ["nameserver", address, *_]:
                try:
                    servers.append(Server(str(ip_address(address))))
                except ValueError:
                    logger.warning("%s: `%s` is not an IP address", path, address)
    return servers


def _server(item: str) -> Server:
    """Return the server of `10.0.0.1`, `10.0.0.1:5353`, `::1` or `[::1]:5353`."""
    if item.startswith("["):
        address, _, port = item[1:].partition("]")
        return Server(address, int(port.removeprefix(":") or 53))
    if item.count(":") == 1:
        address, _, port = item.partition(":")
        return Server(address, int(port))
    return Server(item)
