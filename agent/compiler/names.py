"""The only place that spells xDS names. Clusters are named as Istio names them; statistics and logs depend on it."""

from collections.abc import Iterable

PROXY_SCOPES = "proxy"
"""The scoped route configuration of the explicit proxy's listeners."""
FALLBACK = "fallback"
"""The table for requests that mean no service port, and the virtual hosts' prefix in it."""
FALLBACK_SCOPE = "*"
DYNAMIC_FORWARD_PROXY = "dfp"
UNAVAILABLE = "unavailable"
"""A cluster without endpoints: what a missing destination is sent to, so that it answers 503."""
DNS_CACHE = "egress"
SCOPE_HEADER = "x-mesh-scope"
"""Internal: chooses the table of a request. Written over whatever a client sent, and never forwarded."""
MISS_FILTER = "miss"


def cluster(host: str, port: int, subset: str | None) -> str:
    return f"outbound|{port}|{subset or ''}|{host}"


def service_table(host: str, port: int) -> str:
    """Constant for the life of a service port; shared by every listener that reaches it."""
    return f"{port}|{host}"


def proxy_listener(address: str, port: int) -> str:
    """Sorts before every gateway's, and so is sent first: a Gateway on the same port is the one that is refused."""
    return f"explicit-proxy|{address}|{port}"


def gateway_listener(address: str, port: int) -> str:
    return f"gateway|{address}|{port}"


def gateway_table(address: str, port: int) -> str:
    return f"http.{port}|{address}"


def in_authority(host: str) -> str:
    """Return *host* as an authority has it: an IPv6 address stands in brackets."""
    return f"[{host}]" if ":" in host else host


def authority(host: str, port: int) -> str:
    """Return `host:port`, with brackets around an IPv6 address."""
    return f"{in_authority(host)}:{port}"


def authorities(hosts: Iterable[str], port: int) -> tuple[str, ...]:
    """Return what a client may write for *port* of *hosts*: with the port, and bare where it is HTTP's own."""
    bare = [in_authority(host) for host in hosts]
    return tuple(f"{host}:{port}" for host in bare) + (tuple(bare) if port == 80 else ())
