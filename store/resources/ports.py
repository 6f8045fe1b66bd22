"""Protocols of ports: which ones the API knows, which ones hosts serve, which of them are HTTP or TLS."""

from collections.abc import Iterator

from store.diagnostic import Diagnostic, error, not_supported
from store.scalars import describe, did_you_mean

SUPPORTED_PROTOCOLS = frozenset({"HTTP", "HTTP2", "GRPC"})
TLS_PROTOCOLS = frozenset({"HTTPS", "TLS"})
HTTP_PROTOCOLS = SUPPORTED_PROTOCOLS | {"GRPC-WEB", "HTTP_PROXY"}
KNOWN_PROTOCOLS = HTTP_PROTOCOLS | TLS_PROTOCOLS | {"TCP", "MONGO", "REDIS", "MYSQL", "UDP"}
"""Istio's protocols (`pkg/config/protocol`); it takes them in any case."""

_OFFERED = sorted(KNOWN_PROTOCOLS - {"HTTP_PROXY", "UDP"})
"""What to offer somebody who wrote something else: UDP is known and served by nobody, HTTP_PROXY is for Sidecars."""


def is_http(protocol: str) -> bool:
    """Say whether *protocol*, in any case, is HTTP as it is seen on the wire; HTTPS is not."""
    return protocol.upper() in HTTP_PROTOCOLS


def is_tls(protocol: str) -> bool:
    """Say whether *protocol*, in any case, begins with a TLS handshake."""
    return protocol.upper() in TLS_PROTOCOLS


def is_protocol(protocol: str) -> bool:
    """Say whether the API knows *protocol*, in any case. An empty one (detection) is none."""
    return protocol.upper() in KNOWN_PROTOCOLS


def check_known_protocol(protocol: str, *path: str | int) -> Iterator[Diagnostic]:
    """Yield that *protocol*, at *path*, is none of the API."""
    if not is_protocol(protocol):
        hint = did_you_mean(protocol, _OFFERED)
        expected = f"one of {', '.join(_OFFERED)}"
        yield error("bad-value", f"{describe(protocol)} is not a protocol", *path, expected=expected, hint=hint)


def check_protocol(protocol: str, *path: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with the *protocol* of a port at *path*: unknown to the API, or not served by hosts."""
    yield from check_known_protocol(protocol, *path)
    if is_protocol(protocol) and protocol.upper() not in SUPPORTED_PROTOCOLS:
        expected = f"one of {', '.join(sorted(SUPPORTED_PROTOCOLS))}"
        yield not_supported(f"protocol {describe(protocol)} is not supported yet", *path, expected=expected)
