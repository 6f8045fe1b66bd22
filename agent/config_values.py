"""What one value of the agent's configuration may be, and what it is when nobody says.

Parsers take what YAML or a flag gave and return the value or raise `Wrong`; defaults are asked of the
machine. Which keys there are, and where their values come from, is in `agent/config.py`.
"""

import os
import re
import socket
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Any

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_DNS_LABEL = re.compile(_LABEL)
_DNS_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_LABEL_KEY = re.compile(rf"({_LABEL}(\.{_LABEL})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_AUTHORITY = re.compile(r"([-A-Za-z0-9_.]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]*))?")
_SEGMENT = re.compile(r"[-A-Za-z0-9_.]+")

OUTBOUND_POLICIES = ("ALLOW_ANY", "REGISTRY_ONLY")
MAX_CONCURRENCY = 1024


class Wrong(Exception):  # noqa: N818 - a verdict on a value, always caught in agent/config.py
    """A value that is refused: what is wrong, what was expected, what to do."""

    code = "invalid-value"
    about_key = False
    """Whether it is the key that is refused, whatever its value."""

    def __init__(self, message: str, expected: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.hint = hint


class WrongType(Wrong):
    """A value of another kind than was expected, such as a list for a name."""

    code = "wrong-type"


class WrongKey(Wrong):
    """A key that is refused, whatever its value."""

    about_key = True


class NotYet(Wrong):
    """A value of the design that this version does not do."""

    code = "not-supported"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not supported yet", hint="leave it out")


def text(raw: object) -> str:
    """Return *raw*, a string with something in it.

    Raises:
        WrongType: it is another kind of value, as YAML makes of `yes`, `12` or `[`.
        Wrong: it is empty.
    """
    if not isinstance(raw, str):
        quote = "write it in quotes" if isinstance(raw, bool | int | float) else None
        raise WrongType(f"{_shown(raw)} is not a string", "a string", quote)
    if not raw.strip():
        raise Wrong("is empty", "a string with something in it")
    return raw


def host_name(raw: object) -> str:
    """Return a host's name; it becomes a segment of etcd keys and part of names, so DNS characters only."""
    name = text(raw)
    if len(name) > 253 or not _DNS_NAME.fullmatch(name):
        lower = name.lower()
        hint = f"did you mean `{lower}`?" if _DNS_NAME.fullmatch(lower) else None
        expected = "lower-case letters, digits, `-` and `.`, as in DNS"
        raise Wrong(f"`{name}` is not a host name", expected, hint)
    return name


def namespace(raw: object) -> str:
    """Return a namespace: one DNS label."""
    name = text(raw)
    if not _DNS_LABEL.fullmatch(name):
        raise Wrong(f"`{name}` is not a namespace", "at most 63 lower-case letters, digits and `-`")
    return name


def ip(raw: object) -> str:
    """Return an IP address to bind to, in its shortest spelling; `0.0.0.0` and `::` mean all."""
    written = text(raw)
    try:
        return str(ip_address(written))
    except ValueError:
        raise Wrong(f"`{written}` is not an IP address", "an address such as 10.0.0.11") from None


def reachable_ip(raw: object) -> str:
    """Return an IP address that others can send to."""
    address = ip(raw)
    if ip_address(address).is_unspecified or ip_address(address).is_multicast:
        raise Wrong(f"`{address}` is no address that peers could reach", "the address of this host")
    return address


def ip_port(raw: object) -> tuple[str, int]:
    """Return (address, port) of `127.0.0.1:15080` or `[::1]:15080`."""
    written = text(raw)
    address, _, port = written.rpartition(":")
    bare = _unbracketed(address)
    try:
        host = ip_address(bare)
        if (host.version == 6) != (bare != address):
            raise ValueError("brackets are for IPv6")
    except ValueError:
        expected = "ip:port, such as 127.0.0.1:15080 or [::1]:15080"
        raise Wrong(f"`{written}` is not an address and a port", expected) from None
    return str(host), _port(port, written)


def resolver(raw: object) -> str:
    """Return one item of `dns.upstream` as it was written: path of a resolv.conf, `ip` or `ip:port`."""
    written = text(raw)
    if written.startswith("/"):
        return written
    try:
        ip_address(_unbracketed(written))
    except ValueError:
        try:
            ip_port(written)
        except Wrong:
            expected = "an absolute path of a resolv.conf, or ip[:port]"
            raise Wrong(f"`{written}` is not a resolver", expected) from None
    return written


def etcd_endpoint(raw: object) -> str:
    """Return an etcd URL, `http://10.0.0.1:2379`, without a slash at the end."""
    written = text(raw)
    expected = "http://host:port, such as http://127.0.0.1:2379"
    if "://" not in written:
        raise Wrong(f"`{written}` is not a URL", expected, f"did you mean `http://{written}`?")
    scheme, _, rest = written.rstrip("/").partition("://")
    if scheme == "https":
        raise NotYet("TLS to etcd (`https://`)")
    found = _AUTHORITY.fullmatch(rest)
    if scheme != "http" or not found:
        raise Wrong(f"`{written}` is not the URL of an etcd server", expected)
    _port(found["port"] or "", written)
    return f"http://{rest}"


def etcd_prefix(raw: object) -> str:
    """Return the prefix of all our keys: `/mesh/v1`, from the root and without a slash at the end."""
    written = text(raw)
    segments = written.split("/")
    if segments[0] or len(segments) < 2 or not all(map(_SEGMENT.fullmatch, segments[1:])):
        raise Wrong(f"`{written}` is not a prefix", "a path such as /mesh/v1, without a `/` at the end")
    return written


def directory(raw: object) -> Path:
    """Return an absolute path."""
    path = Path(text(raw))
    if not path.is_absolute():
        raise Wrong(f"`{path}` is a relative path", "an absolute path", f"did you mean `{Path.cwd() / path}`?")
    return path


def label_value(raw: object) -> str:
    """Return the value of a label; it may be empty."""
    if raw == "":
        return ""
    value = text(raw)
    if not _LABEL_VALUE.fullmatch(value):
        raise Wrong(f"`{value}` is not a label's value", "at most 63 letters, digits, `-`, `_` and `.`")
    return value


def label_key(raw: object) -> str:
    """Return the key of a label: a name, perhaps with a DNS prefix and a slash before it."""
    key = text(raw)
    if not _LABEL_KEY.fullmatch(key):
        raise WrongKey(f"`{key}` is not a label's name", "letters and digits, as in `app` or `a.org/app`")
    return key


def outbound_policy(raw: object) -> str:
    """Return ALLOW_ANY or REGISTRY_ONLY."""
    written = text(raw)
    if written not in OUTBOUND_POLICIES:
        near = get_close_matches(written.upper(), OUTBOUND_POLICIES, n=1, cutoff=0.6)
        hint = f"did you mean `{near[0]}`?" if near else None
        raise Wrong(f"`{written}` is not a policy", " or ".join(OUTBOUND_POLICIES), hint)
    return written


def concurrency(raw: object) -> int:
    """Return Envoy's number of worker threads; `auto` is two, or one where there is but one core."""
    if raw == "auto":
        return default_concurrency({})
    number = int(raw) if isinstance(raw, str) and raw.isascii() and raw.isdigit() else raw
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= MAX_CONCURRENCY:
        raise Wrong(f"{_shown(raw)} is not a number of threads", f"auto, or 1 to {MAX_CONCURRENCY}")
    return number


def duration(raw: object) -> float:
    """Return seconds of `15s`, `500ms`, `1m30s`; `0s` is a duration, a bare number is not."""
    parts = _DURATION.findall(raw) if isinstance(raw, str) else []
    if not parts or "".join(number + unit for number, unit in parts) != raw:
        hint = f"did you mean `{raw}s`?" if str(raw).isdigit() else None
        raise Wrong(f"{_shown(raw)} is not a duration", "a duration such as 15s or 500ms", hint)
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def switch(raw: object) -> bool:
    """Return true or false; flags and variables spell it out."""
    if isinstance(raw, bool):
        return raw
    if raw in ("true", "false"):
        return raw == "true"
    raise WrongType(f"{_shown(raw)} is neither true nor false", "true or false")


def default_host(_: Mapping[str, Any]) -> str:
    """Return the machine's name.

    Raises:
        Wrong: it cannot be a host's name; the operator has to choose one.
    """
    name = socket.gethostname().lower()
    try:
        return host_name(name)
    except Wrong as wrong:
        message = f"the machine's name `{name}` cannot be this host's"
        raise Wrong(message, wrong.expected, "set `host`") from None


def default_address(_: Mapping[str, Any]) -> str:
    """Return the address that this machine uses on its default route, 127.0.0.1 when it has no such route.

    A UDP socket is connected, which makes the kernel choose a source address and sends nothing. The peers are
    documentation addresses (RFC 5737, RFC 3849), so that only a default route leads to them.
    """
    for family, peer in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((peer, 9))
                return str(probe.getsockname()[0])
        except OSError:
            continue
    return "127.0.0.1"


def default_bind(chosen: Mapping[str, Any]) -> str:
    """Return the host's address where it is this machine's own, else all (NAT, a floating address)."""
    address = ip_address(chosen["address"])
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return "0.0.0.0" if address.version == 4 else "::"
    return str(address)


def default_concurrency(_: Mapping[str, Any]) -> int:
    """Return two threads, or one where this process may use one core only."""
    return min(2, len(os.sched_getaffinity(0)))


def _unbracketed(address: str) -> str:
    return address[1:-1] if address.startswith("[") and address.endswith("]") else address


def _port(port: str, written: str) -> int:
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise Wrong(f"`{written}` has no port", "a port from 1 to 65535 after the last `:`")
    return int(port)


def _shown(raw: object) -> str:
    """Return *raw* as the user would recognise it in a message."""
    if raw is None:
        return "nothing"
    if isinstance(raw, bool):
        return f"`{str(raw).lower()}`"
    if isinstance(raw, list):
        return "a list"
    return "a mapping" if isinstance(raw, Mapping) else f"`{raw}`"
