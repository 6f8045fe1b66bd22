"""`http[].match[]`: which requests a rule is for."""

import re
from collections.abc import Iterator, Mapping

from attrs import frozen

from store.diagnostic import Diagnostic, error, not_supported, warning
from store.resources.fields import Old, StringMatch, Uint32, documented
from store.resources.legacy import number_of_port
from store.resources.names import check_labels, check_match, check_port, header_name_problem, is_dns_label
from store.resources.never_matching import check_authority, check_uri
from store.scalars import describe


@frozen
class HTTPMatchRequest:
    """One block of conditions; all of them have to hold. Of several blocks, one is enough."""

    name: str | None = documented("Shown in access logs, after the rule's name.", since="1.3", example="mobile")
    uri: StringMatch | None = documented(
        "The path, without the query. A prefix is a prefix of the text: `/foo` is one of `/foobar` too.",
        unset="any path",
        example="{prefix: /v1/}",
    )
    scheme: StringMatch | None = documented(
        "The scheme of the request, `http` or `https`.", example="{exact: https}", runs=False
    )
    method: StringMatch | None = documented("The method, in capitals.", example="{exact: GET}", runs=False)
    authority: StringMatch | None = documented(
        "The Host header or `:authority`, with the port if the client wrote one.",
        example="{exact: shop.example.com}",
        runs=False,
    )
    headers: Mapping[str, StringMatch] = documented(
        "Header names, in any case, and what their values have to be; `{}` asks whether the header is there. "
        "At gateways, `@request.auth.claims.NAME` is a claim of a validated token.",
        default={},
        example="{end-user: {exact: jason}}",
    )
    port: Uint32 = documented(
        "The port that the client addressed, or the port of the gateway's server.",
        default=Uint32(0),
        unset="any port",
        example="8080",
        old=(Old("port", number_of_port, "port: NUMBER"),),
        runs=False,
    )
    source_labels: Mapping[str, str] = documented(
        "The block is only for clients (or gateways) whose workload has all these labels.",
        default={},
        example="{app: cart}",
        runs=False,
    )
    gateways: tuple[str, ...] = documented(
        "Takes the place of the VirtualService's `gateways` for this block.",
        default=(),
        unset="those of the VirtualService",
        example="[mesh]",
        runs=False,
    )
    query_params: Mapping[str, StringMatch] = documented(
        "Parameters of the query and what their values have to be; `{}` asks whether the parameter is there. "
        "Of a repeated parameter the first value counts.",
        default={},
        since="1.2",
        example='{debug: {exact: "1"}}',
        runs=False,
    )
    ignore_uri_case: bool = documented(
        "Whether `uri.exact` and `uri.prefix` take capitals and small letters as equal.",
        default=False,
        since="1.3",
        runs=False,
    )
    without_headers: Mapping[str, StringMatch] = documented(
        "As `headers`, negated: the condition holds when the header does not match, also when it is absent. "
        "`{}` asks that the header is absent.",
        default={},
        since="1.6",
        example="{x-internal: {}}",
        runs=False,
    )
    source_namespace: str = documented(
        "The block is only for clients of this namespace.",
        default="",
        since="1.6",
        unset="any namespace",
        example="shop",
        runs=False,
    )
    stat_prefix: str = documented(
        "Requests of this block are counted by Envoy under `route.PREFIX`.",
        default="",
        since="1.15",
        unset="they are not counted by themselves",
        example="checkout",
        runs=False,
    )


_CLAIM = re.compile(r"@request\.auth\.claims(\..+|\[.+\])", re.ASCII | re.IGNORECASE)
"""A claim of a validated token: `@request.auth.claims.group`, `@request.auth.claims[group][name]`."""

_PSEUDO_HEADERS = frozenset({":authority", ":method", ":path", ":scheme"})
"""Those of a request that Istio knows (RFC 7540); `:status` it lets pass too, which no request has."""

PRESENCE = "*"
"""The `regex` of `withoutHeaders` that is no expression: it asks for presence."""


def check_http_match(block: HTTPMatchRequest, *at: str | int, for_gateways: bool) -> Iterator[Diagnostic]:
    """Yield what is wrong with *block*, which stands at *at*; its `gateways` are judged by who knows their names.

    Args:
        block: what is judged.
        at: where it stands.
        for_gateways: whether the VirtualService is for gateways alone.
    """
    if block.uri:
        yield from check_match(block.uri, *at, "uri", empty_prefix=True)
        yield from check_uri(block.uri, *at, "uri")
        if block.ignore_uri_case and block.uri.regex is not None:
            yield warning("no-effect", "ignoreUriCase does nothing for a regex", *at, "ignoreUriCase",
                          hint="begin the regex with (?i)")  # fmt: skip
    for name, text in (("scheme", block.scheme), ("method", block.method), ("authority", block.authority)):
        if text:
            yield from check_match(text, *at, name)
    if block.authority:
        yield from check_authority(block.authority, *at, "authority")
    for name, value in block.headers.items():
        yield from _check_header(name, *at, "headers", name, for_gateways=for_gateways)
        yield from check_match(value, *at, "headers", name)
    for name, value in block.without_headers.items():
        yield from _check_header(name, *at, "withoutHeaders", name, for_gateways=for_gateways)
        if value.regex != PRESENCE:
            yield from check_match(value, *at, "withoutHeaders", name)
    for name, value in block.query_params.items():
        if not name:
            yield error("bad-value", "the name of a parameter is empty", *at, "queryParams", name)
        yield from check_match(value, *at, "queryParams", name)
    yield from check_client(block.port, block.source_labels, block.source_namespace, *at)


def check_client(port: int, labels: Mapping[str, str], namespace: str, *at: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with the conditions of any block at *at* on who the client is and which port it dialled."""
    if port:
        yield from check_port(port, *at, "port")
    yield from check_labels(labels, *at, "sourceLabels")
    if namespace and not is_dns_label(namespace):
        expected = "letters, digits and -, up to 63 characters"
        message = f"{describe(namespace)} is not a namespace"
        yield error("bad-value", message, *at, "sourceNamespace", expected=expected)


def _check_header(name: str, *at: str | int, for_gateways: bool) -> Iterator[Diagnostic]:
    if _CLAIM.fullmatch(name):
        if for_gateways:
            yield not_supported("matching claims of a token is not supported yet", *at)
        else:
            message = f"{describe(name)} is a claim of a token, which gateways alone can match"
            yield error("bad-value", message, *at, expected='"gateways" with Gateways and without "mesh"')
    elif name == ":status":
        yield warning("no-effect", 'a request has no ":status": this never matches', *at)
    elif name.startswith(":") and name not in _PSEUDO_HEADERS:
        expected = f"a header name, or one of {', '.join(sorted(_PSEUDO_HEADERS))}"
        yield error("bad-value", f"{describe(name)} cannot be a header: no request has it", *at, expected=expected)
    elif problem := header_name_problem(name):
        hint = "write @request.auth.claims.NAME" if name.lower().startswith("@request") else None
        yield error("bad-value", f"{describe(name)} cannot be a header: {problem}", *at, hint=hint)
