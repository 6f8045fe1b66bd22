"""VirtualService: what happens to a request for a host, rule by rule, the first match wins."""

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

from attrs import field, frozen

from store.resources.fields import Duration, Int32, PortSelector, StringMatch, Uint32


@frozen
class HTTPMatchRequest:
    """One block of conditions; all of them have to hold."""

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset(
        {
            "scheme", "method", "authority", "withoutHeaders", "queryParams", "ignoreUriCase", "port",
            "sourceLabels", "sourceNamespace", "gateways", "statPrefix",
        }
    )  # fmt: skip

    uri: StringMatch | None = None
    headers: Mapping[str, StringMatch] = field(factory=dict, hash=False)
    name: str | None = None


@frozen
class Destination:
    """Where a request goes: a service of the registry, one of its ports, one of its subsets."""

    host: str
    subset: str | None = None
    port: PortSelector | None = None


@frozen
class HTTPRouteDestination:
    """A destination and its share: weight divided by the sum of the weights of its route."""

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset({"headers"})

    destination: Destination
    weight: Int32 = field(default=0, converter=Int32)


@frozen
class RegexRewrite:
    """`rewrite.uriRegexRewrite`: RE2 pattern and its substitution (`\\1` is the first group)."""

    match: str
    rewrite: str


@frozen
class HTTPRewrite:
    """`rewrite`: the path (or the matched prefix of it) and the authority, before the request is sent on."""

    uri: str | None = None
    authority: str | None = None
    uri_regex_rewrite: RegexRewrite | None = None


class RedirectPortSelection(StrEnum):
    """`redirect.derivePort`."""

    FROM_PROTOCOL_DEFAULT = "FROM_PROTOCOL_DEFAULT"
    FROM_REQUEST_PORT = "FROM_REQUEST_PORT"


@frozen
class HTTPRedirect:
    """`redirect`: answer with a 3xx instead of sending the request on."""

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset({"prefixRewrite"})

    uri: str | None = None
    authority: str | None = None
    port: Uint32 | None = None
    derive_port: RedirectPortSelection | None = None
    scheme: str | None = None
    redirect_code: Uint32 | None = None


@frozen
class HTTPRoute:
    """One rule: any of *match* (none: every request), then exactly one of *route* and *redirect*."""

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset(
        {
            "directResponse", "delegate", "retries", "fault", "mirror", "mirrors", "mirrorPercentage",
            "mirrorPercent", "corsPolicy", "headers", "appendHeaders", "removeResponseHeaders",
            "appendResponseHeaders", "removeRequestHeaders", "appendRequestHeaders", "websocketUpgrade",
        }
    )  # fmt: skip

    name: str | None = None
    match: tuple[HTTPMatchRequest, ...] = ()
    route: tuple[HTTPRouteDestination, ...] = ()
    redirect: HTTPRedirect | None = None
    rewrite: HTTPRewrite | None = None
    timeout: Duration | None = None


@frozen
class VirtualService:
    """`spec` of a VirtualService.

    Attributes:
        hosts: names that clients use; `*.` prefix for all below a domain.
        gateways: `name`, `namespace/name` or `mesh`; None is `mesh` alone.
        http: rules in order.
    """

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset({"tls", "tcp", "exportTo"})

    hosts: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    http: tuple[HTTPRoute, ...] = ()
