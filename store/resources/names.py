"""What a single value may look like: host names, labels, ports, header names, patterns, durations.

Each function says in words what is wrong with a value, or None. Rules are Istio's (`pkg/config/validation`) and, where
a value reaches Envoy as it is, Envoy's. No resource is known here, and nothing here knows where a value stands.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping

import re2

from store.diagnostic import Diagnostic, error
from store.resources.fields import StringMatch
from store.scalars import describe, render_duration

MAX_REGEX_CHARACTERS = 1024
MAX_LABELS = 256
UNIX = "unix://"
"""How the address of a unix socket begins."""

_LABEL = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?", re.ASCII)
_LOWER_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_WILDCARD_LABEL = re.compile(r"(?=.{1,63}\Z)\*(-?[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)?", re.ASCII)
_LABEL_KEY_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?", re.ASCII)
_TOKEN = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_ANY_BYTE = re.compile(r"(?:[^\\]|\\[^CQ]|\\Q.*?(?:\\E|\Z))*+\\C", re.DOTALL)
"""A pattern with `\\C` outside `\\Q…\\E`: Envoy's RE2 knows it, Go's, with which Istio judges, does not."""
_PSEUDO_HEADERS = frozenset({":authority", ":method", ":path", ":scheme", ":protocol"})


def is_dns_label(text: str) -> bool:
    """Say whether *text* is one DNS label, in any case (RFC 1123)."""
    return _LABEL.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Say whether *text* is a lower-case DNS-1123 label, as Kubernetes wants namespaces to be."""
    return _LOWER_LABEL.fullmatch(text) is not None


def is_subdomain(text: str) -> bool:
    """Say whether *text* is a lower-case DNS-1123 subdomain of up to 253 characters, as names of resources are."""
    return len(text) <= 253 and all(is_name(label) for label in text.split("."))


def is_ip(text: str) -> bool:
    """Say whether *text* is an IPv4 or IPv6 address without zone."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def is_cidr(text: str) -> bool:
    """Say whether *text* is an address with a prefix length, `10.0.0.0/8`."""
    address, slash, prefix = text.partition("/")
    if not slash or not is_ip(address) or not prefix.isdecimal():  # Python would take a netmask there, too
        return False
    if len(prefix) > 1 and prefix.startswith("0"):
        return False
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def fqdn_problem(host: str) -> str | None:
    """Say what keeps *host* from being a DNS name without wildcard, or None. Short names and a final dot are fine."""
    if not host:
        return "it is empty"
    if len(host) > 255:
        return "it is longer than 255 characters"
    labels = host.removesuffix(".").split(".")
    for label in labels:
        if not label:
            return "it has an empty label"
        if not is_dns_label(label):
            return f"{describe(label)} is not a DNS label"
    if labels[-1].isdigit():
        return "its last label is a number"
    return None


def host_problem(host: str, *, partial: bool = True) -> str | None:
    """Say what keeps *host* from being a DNS name or one with a wildcard in front, or None.

    Args:
        host: `reviews`, `foo.com`, `*.foo.com`, `*`.
        partial: whether the wildcard may touch other characters, `*foo.com`, `*-bar.foo.com`.
    """
    first, dot, rest = host.partition(".")
    if host == "*" or (not rest and is_dns_label(first)):  # a short name may be a number
        return None
    if not host.startswith("*"):
        return fqdn_problem(host)
    if len(host) > 255:
        return "it is longer than 255 characters"
    if first != "*" and not partial:
        return 'a "*" has to be the whole first label'
    if not _WILDCARD_LABEL.fullmatch(first):
        return f"{describe(first)} is not a DNS label"
    return fqdn_problem(rest) if dot else None


def dotted_host_problem(host: str) -> str | None:
    """Say what keeps *host* from being a name that Gateways and Sidecars list, or None: one with a dot, `*.name`, `*`.

    Short names mean nothing there: nobody says in which namespace.
    """
    problem = host_problem(host, partial=False)
    if problem is None and host != "*" and "." not in host:
        return "it is a short name; write the whole one, with its dots"
    return problem


def unix_socket_problem(address: str) -> str | None:
    """Say what keeps *address* from being a unix socket, `unix:///path/to/file` or `unix://@abstract`, or None."""
    if not address.startswith(UNIX):
        return f"it does not begin with {UNIX}"
    name = address.removeprefix(UNIX)
    if not name.startswith(("/", "@")):
        return "its path does not begin with /"
    return "a socket is no directory, and the / at the end makes it one" if name.endswith("/") else None


def hosts_overlap(one: str, other: str) -> bool:
    """Say whether a request could be for both: names are equal, or one's wildcard covers the other."""
    one, other = one.lower(), other.lower()
    if one.startswith("*") and other.startswith("*"):
        return one[1:].endswith(other[1:]) or other[1:].endswith(one[1:])
    if one.startswith("*"):
        return other.endswith(one[1:])
    return one.endswith(other[1:]) if other.startswith("*") else one == other


def control_problem(text: str) -> str | None:
    """Say that *text* has a character that Envoy refuses in header values, or None. A tab is allowed."""
    found = _CONTROL.search(text)
    return f"it has the control character {found.group()!a}" if found else None


def header_name_problem(name: str) -> str | None:
    """Say what keeps *name* from being matched as a header name, or None: a token, or a request's pseudo-header."""
    if not name:
        return "it is empty"
    if name in _PSEUDO_HEADERS or _TOKEN.fullmatch(name):
        return None
    return "it is not a header name (letters, digits and -!#$%&'*+.^_`|~)"


def compile_regex(pattern: str) -> "re2._Regexp | str":  # type: ignore[name-defined, unused-ignore]
    """Return *pattern* compiled by RE2, which is what Envoy uses, or a text that says why it cannot be."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as refused:
        reason = refused.args[0] if refused.args else refused
        return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


def regex_problem(pattern: str) -> str | None:
    """Say what is wrong with a user's *pattern*, or None. RE2 syntax: no look-around, no back-references."""
    if not pattern:
        return "it is empty"
    if len(pattern) > MAX_REGEX_CHARACTERS:
        return f"it has {len(pattern)} characters, {MAX_REGEX_CHARACTERS} are allowed"
    if _ANY_BYTE.match(pattern):
        return "\\C, which takes half a character, is refused by Istio"
    compiled = compile_regex(pattern)
    return compiled if isinstance(compiled, str) else None


def check_port(number: int, *path: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with a port *number* at *path*: it has to be 1–65535."""
    if not 1 <= number <= 65535:
        yield error("bad-value", f"{number} is not a port", *path, expected="1 to 65535")


def check_limit(count: int, limit: int, what: str, *path: str | int) -> Iterator[Diagnostic]:
    """Yield that there are more than *limit* of *what* at *path*."""
    if count > limit:
        yield error("limit", f"{count} {what}, {limit} are allowed", *path, expected=f"at most {limit}")


def check_labels(labels: Mapping[str, str], *path: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *labels* at *path*, each at its own key (Kubernetes label syntax)."""
    yield from check_limit(len(labels), MAX_LABELS, "labels", *path)
    for key, value in labels.items():
        prefix, slash, name = key.rpartition("/")
        if not _LABEL_KEY_NAME.fullmatch(name) or (slash and not is_subdomain(prefix)):
            yield error("bad-value", f"{describe(key)} is not a label key", *path, key)
        if not _LABEL_VALUE.fullmatch(value):
            yield error(
                "bad-value",
                f"{describe(value)} is not a label value",
                *path,
                key,
                expected="letters and digits, with - _ . between them",
            )


def check_match(match: StringMatch, *path: str | int, empty_prefix: bool = False) -> Iterator[Diagnostic]:
    """Yield what is wrong with the text of *match* at *path*.

    Args:
        match: what is judged.
        path: where it stands.
        empty_prefix: whether `prefix: ""` is allowed, as it is in `uri`.
    """
    if match.prefix == "" and not empty_prefix:
        yield error("bad-value", "an empty prefix matches everything", *path, "prefix")
    for field_name, text in (("exact", match.exact), ("prefix", match.prefix)):
        problem = control_problem(text) if text else None
        if problem:
            yield error("bad-value", f"{field_name} cannot match: {problem}", *path, field_name)
    problem = None if match.regex is None else regex_problem(match.regex)
    if problem:
        hint = "to ask whether it is present, write {}" if match.regex == "*" else None
        expected = "a regular expression of RE2 (no look-around, no back-references)"
        yield error(
            "bad-regex",
            f"regex {describe(match.regex)}: {problem}"[:400],
            *path,
            "regex",
            expected=expected,
            hint=hint,
        )


def duration_problem(seconds: float) -> str | None:
    """Say why *seconds* cannot be a timeout, or None: at least 1 ms, and whole milliseconds (Istio's rule)."""
    if seconds < 0.001:
        return "it is shorter than 1ms"
    milliseconds = seconds * 1000
    if abs(milliseconds - round(milliseconds)) > max(1e-7, milliseconds * 1e-12):
        return "it is finer than a millisecond"
    return None


def check_duration(seconds: float | None, *path: str | int, zero: bool = False) -> Iterator[Diagnostic]:
    """Yield what is wrong with a time at *path*; None, which is unset, is fine.

    Args:
        seconds: the time.
        path: where it stands.
        zero: whether 0 may be written, as where it means "no limit".
    """
    problem = None if seconds is None or (zero and seconds == 0) else duration_problem(seconds)
    if problem:
        least = "0s, or 1ms or more" if zero else "1ms or more"
        yield error("bad-value", f"{render_duration(seconds or 0)} cannot be this time: {problem}", *path,
                    expected=f"{least}, in whole milliseconds")  # fmt: skip
