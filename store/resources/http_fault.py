"""`http[].fault`: delays and errors made on purpose, to see whether clients can bear them."""

import re
from collections.abc import Iterator
from typing import ClassVar

from attrs import frozen

from store.diagnostic import Diagnostic, error, warning
from store.resources.direct_response import check_status
from store.resources.fields import Double, Duration, Int32, Old, documented
from store.resources.legacy import inside
from store.resources.names import check_duration
from store.scalars import describe, did_you_mean


@frozen
class Percent:
    """A share of the requests."""

    value: Double = documented("0 to 100, in steps of 0.0001.", default=Double(0), since="1.1", example="0.1")


OLD_PERCENT = (Old("percent", inside("value"), "percentage.value", yields=True),)
"""How `percentage` was written until Istio 1.0: a whole number."""


@frozen
class Delay:
    """`fault.delay`: hold requests back."""

    ONEOF: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"fixedDelay", "exponentialDelay"}),)

    fixed_delay: Duration | None = documented("How long.", unset="no delay", example="5s")
    exponential_delay: Duration | None = documented("Declared once, and always refused, by Istio too.")
    percentage: Percent | None = documented(
        "How many requests.", since="1.1", unset="none (0 %)", example="{value: 0.1}", old=OLD_PERCENT
    )


@frozen
class Abort:
    """`fault.abort`: answer with an error at once."""

    ONEOF: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"httpStatus", "grpcStatus", "http2Error"}),)

    http_status: Int32 | None = documented("The HTTP status, 200 to 599.", example="503")
    grpc_status: str | None = documented("The gRPC status by its name.", example="UNAVAILABLE")
    http2_error: str | None = documented("Declared once, and always refused, by Istio too.")
    percentage: Percent | None = documented(
        "How many requests.", since="1.1", unset="none (0 %)", example="{value: 10}", old=OLD_PERCENT
    )


@frozen
class HTTPFaultInjection:
    """`fault`: a delay, an error, or both independently of each other."""

    delay: Delay | None = documented(
        "Requests that are held back.", example="{fixedDelay: 5s, percentage: {value: 10}}"
    )
    abort: Abort | None = documented("Requests that get an error.", example="{httpStatus: 503, percentage: {value: 1}}")


GRPC_STATUSES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip
"""By their numbers, 0 to 16 (grpc.io, "Status codes and their use in gRPC")."""

_GRPC_NUMBER = re.compile(r"[0-9]{1,2}", re.ASCII)

FINEST_PERCENT = 0.0001
"""Envoy counts in millionths."""


def check_fault(fault: HTTPFaultInjection, *at: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *fault*, which stands at *at*."""
    if fault.delay is None and fault.abort is None:
        yield error("missing-field", "a fault is a delay or an abort", *at, expected="delay, abort or both")
    if fault.delay:
        yield from _check_delay(fault.delay, *at, "delay")
    if fault.abort:
        yield from _check_abort(fault.abort, *at, "abort")


def check_percent(percent: Percent, *at: str | int, finest: float = 0) -> Iterator[Diagnostic]:
    """Yield what is wrong with *percent*, which stands at *at*; above 0 it is at least *finest*."""
    value = percent.value
    if not 0 <= value <= 100 or 0 < value < finest:
        expected = f"0, or {finest:.4f} to 100" if finest else "0 to 100"
        shown = f"{value:.10f}".rstrip("0").rstrip(".") if abs(value) < 1e6 else describe(float(value))
        yield error("bad-value", f"{shown} is not a percentage", *at, "value", expected=expected)


def _check_delay(delay: Delay, *at: str | int) -> Iterator[Diagnostic]:
    yield from check_duration(delay.fixed_delay, *at, "fixedDelay")
    if delay.exponential_delay is not None:
        message = "an exponential delay was never built, and Istio refuses it too"
        yield error("bad-value", message, *at, "exponentialDelay", hint='write "fixedDelay"')
    elif delay.fixed_delay is None:
        yield warning("no-effect", "the delay has no length", *at, hint='write "fixedDelay"')
    elif delay.percentage is None:
        yield _nobody("is delayed", *at)
    yield from _check_share(delay.percentage, *at)


def _check_abort(abort: Abort, *at: str | int) -> Iterator[Diagnostic]:
    if abort.http_status is not None:
        yield from check_status(abort.http_status, *at, "httpStatus")
    if abort.grpc_status is not None and abort.grpc_status not in GRPC_STATUSES:
        message = f"{describe(abort.grpc_status)} is not a status of gRPC"
        number = _GRPC_NUMBER.fullmatch(abort.grpc_status) and int(abort.grpc_status)
        named = f'write "{GRPC_STATUSES[number]}"' if number is not None and number < len(GRPC_STATUSES) else None
        hint = named or did_you_mean(abort.grpc_status, GRPC_STATUSES)
        yield error("bad-value", message, *at, "grpcStatus", expected="a name such as UNAVAILABLE", hint=hint)
    if abort.http2_error is not None:
        message = "an HTTP/2 error as fault was never built, and Istio refuses it too"
        yield error("bad-value", message, *at, "http2Error", hint='write "httpStatus" or "grpcStatus"')
    elif abort.http_status is None and abort.grpc_status is None:
        yield warning("no-effect", "the abort has no status", *at, hint='write "httpStatus" or "grpcStatus"')
    elif abort.percentage is None:
        yield _nobody("gets the error", *at)
    yield from _check_share(abort.percentage, *at)


def _check_share(percentage: Percent | None, *at: str | int) -> Iterator[Diagnostic]:
    if percentage:
        yield from check_percent(percentage, *at, "percentage", finest=FINEST_PERCENT)


def _nobody(what: str, *at: str | int) -> Diagnostic:
    message = f"no request {what}: without percentage it is 0 %"
    return warning("no-effect", message, *at, hint="write percentage: {value: 100} for all requests")
