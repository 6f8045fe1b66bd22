"""`http[].redirect`: answer with a 3xx instead of sending the request on."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import ClassVar

from attrs import frozen

from store.diagnostic import Diagnostic, error, warning
from store.resources.fields import Uint32, documented
from store.resources.http_match import HTTPMatchRequest
from store.resources.names import check_port, control_problem
from store.scalars import describe


class RedirectPortSelection(StrEnum):
    """`redirect.derivePort`. FROM_PROTOCOL_DEFAULT is the port of the scheme, FROM_REQUEST_PORT the client's."""

    FROM_PROTOCOL_DEFAULT = "FROM_PROTOCOL_DEFAULT"
    FROM_REQUEST_PORT = "FROM_REQUEST_PORT"


@frozen
class HTTPRedirect:
    """`redirect`. What it does not name stays as the client asked for it."""

    SHORT: ClassVar[str] = "uri"

    ONEOF: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"port", "derivePort"}),)

    uri: str | None = documented("The new path, whole.", example="/v2/login")
    authority: str | None = documented("The new host.", example="www.example.com")
    port: Uint32 | None = documented(
        "The new port; 80 with http and 443 with https are left out.", since="1.12", example="8443"
    )
    derive_port: RedirectPortSelection | None = documented(
        "Where the new port comes from.", since="1.12", example="FROM_REQUEST_PORT"
    )
    scheme: str | None = documented("`http` or `https`.", since="1.12", example="https")
    redirect_code: Uint32 | None = documented("301, 302, 303, 307 or 308.", since="1.3", unset="301", example="308")
    prefix_rewrite: str = documented(
        "What takes the place of the prefix that the rule matched; the rest of the path stays.",
        default="",
        since="1.31",
        example="/v2/",
        runs=False,
    )


REDIRECT_CODES = (301, 302, 303, 307, 308)
"""What Envoy's `RedirectAction` can say. Istio lets other 3xx pass and then has a route without action."""


def check_redirect(redirect: HTTPRedirect, *at: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *redirect*, which stands at *at*."""
    changes = (redirect.uri, redirect.authority, redirect.port, redirect.derive_port, redirect.scheme)
    if not any((*changes, redirect.prefix_rewrite)):
        expected = "one of uri, authority, port, derivePort, scheme, prefixRewrite"
        yield error("missing-field", "a redirect changes something", *at, expected=expected)
    code = redirect.redirect_code
    if code and code not in REDIRECT_CODES:
        expected = f"one of {', '.join(map(str, REDIRECT_CODES))}"
        yield error("bad-value", f"{code} is not a redirect", *at, "redirectCode", expected=expected)
    if redirect.port:
        yield from check_port(redirect.port, *at, "port")
    elif redirect.port is not None:
        yield warning("no-effect", "port 0 is no port, and the port stays as it is", *at, "port", hint="leave it out")
    if redirect.scheme and redirect.scheme not in ("http", "https"):
        hint = f'write "{redirect.scheme.lower()}"' if redirect.scheme.lower() in ("http", "https") else None
        message = f"{describe(redirect.scheme)} is not a scheme"
        yield error("bad-value", message, *at, "scheme", expected="http or https", hint=hint)
    if redirect.uri and redirect.prefix_rewrite:
        message = "uri and prefixRewrite exclude each other"
        yield error("conflict", message, *at, "prefixRewrite", expected="one of them")
    texts = {"uri": redirect.uri, "authority": redirect.authority, "prefixRewrite": redirect.prefix_rewrite}
    yield from check_texts(texts, *at)


def check_prefixes(redirect: HTTPRedirect, blocks: Sequence[HTTPMatchRequest], *at: str | int) -> Iterator[Diagnostic]:
    """Yield that `prefixRewrite` of the *redirect* of the rule at *at* has no prefix to take the place of."""
    for i, block in enumerate(blocks if redirect.prefix_rewrite else ()):
        if block.uri is None or block.uri.prefix is None:
            message = f"match[{i}] of the rule has no uri.prefix that prefixRewrite could replace"
            yield error("conflict", message, *at, "redirect", "prefixRewrite",
                        hint='write "uri" for a whole new path, or match by prefix')  # fmt: skip
            return


def check_texts(texts: Mapping[str, str | None], *at: str | int) -> Iterator[Diagnostic]:
    """Yield which of *texts* at *at* Envoy would refuse as header values, each under its name."""
    for name, text in texts.items():
        problem = control_problem(text) if text else None
        if problem:
            yield error("bad-value", f"{name} cannot be sent: {problem}", *at, name)
