"""`http[].directResponse`: an answer of the proxy itself."""

from collections.abc import Iterator
from typing import ClassVar

import attrs
from attrs import frozen

from store.diagnostic import Diagnostic, error, warning
from store.resources.fields import Bytes, Uint32, documented


@frozen
class HTTPBody:
    """`directResponse.body`: text, or bytes."""

    ONEOF: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"string", "bytes"}),)

    string: str | None = documented("The body as text.", since="1.15", example="closed for today")
    bytes: Bytes | None = documented("The body in base64.", since="1.15", example="aGVsbG8=")


@frozen
class HTTPDirectResponse:
    """`directResponse`."""

    status: Uint32 = documented("The status, 200 to 599.", default=attrs.NOTHING, since="1.15", example="503")
    body: HTTPBody | None = documented(
        "The body; its type is set with `headers.response`.", since="1.15", example="{string: closed for today}"
    )


MAX_BODY_BYTES = 1024 * 1024
LARGE_BODY_BYTES = 100 * 1024


def check_direct_response(answer: HTTPDirectResponse, *at: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *answer*, which stands at *at*."""
    yield from check_status(answer.status, *at, "status")
    if answer.body:
        size = len(answer.body.bytes or (answer.body.string or "").encode(errors="replace"))
        if size > MAX_BODY_BYTES:
            yield error("limit", f"the body has {size} bytes", *at, "body", expected=f"at most {MAX_BODY_BYTES}")
        elif size > LARGE_BODY_BYTES:
            message = f"the body has {size} bytes, and every host that has this rule keeps them"
            yield warning("limit", message, *at, "body", hint="let a service send what is larger than 100 kB")


def check_status(status: int, *at: str | int) -> Iterator[Diagnostic]:
    """Yield that *status* at *at* cannot be the status of an answer. (Istio lets 600 pass, which Envoy refuses.)"""
    if not 200 <= status <= 599:
        yield error("bad-value", f"{status} cannot be the status of an answer", *at, expected="200 to 599")
