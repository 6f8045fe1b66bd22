"""`http[].retries`: what is tried again, how often, and for how long."""

import re
from collections.abc import Iterator

from attrs import frozen

from store.diagnostic import Diagnostic, error
from store.resources.fields import Duration, Int32, documented
from store.resources.names import check_duration
from store.scalars import describe, did_you_mean


@frozen
class HTTPRetry:
    """`retries`."""

    attempts: Int32 = documented("How often a request is tried again; 0 is never.", default=Int32(0), example="3")
    per_try_timeout: Duration | None = documented(
        "How long each try may take.", unset="as long as the rule's timeout", example="2s"
    )
    retry_on: str = documented(
        "What is tried again: policies of Envoy and status codes, joined by commas without blanks.",
        default="",
        since="1.1",
        unset="connect-failure,refused-stream,unavailable,cancelled",
        example='"gateway-error,connect-failure"',
    )
    retry_remote_localities: bool | None = documented(
        "Whether a retry may go to endpoints in other localities.", since="1.6", unset="false"
    )
    retry_ignore_previous_hosts: bool | None = documented(
        "Whether a retry goes to endpoints that were not tried yet, as far as there are any.",
        since="1.26",
        unset="true",
    )
    backoff: Duration | None = documented(
        "How long to wait before the first retry; it doubles, with jitter.", since="1.26", unset="25ms", example="100ms"
    )


RETRY_POLICIES = frozenset(
    {
        "5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx", "refused-stream",
        "retriable-status-codes", "retriable-headers", "envoy-ratelimited", "http3-post-connect-failure",
        "cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable",
    }
)  # fmt: skip
"""Envoy's `x-envoy-retry-on` and `x-envoy-retry-grpc-on`."""

STATUSES = frozenset(
    {
        *range(100, 104), *range(200, 209), 226, *range(300, 306), 307, 308, *range(400, 419), *range(421, 427), 428,
        429, 431, 451, *range(500, 509), 510, 511,
    }
)  # fmt: skip
"""Status codes that are registered (IANA), as Go's standard library has them, which Istio asks."""

_STATUS = re.compile(r"[1-5][0-9][0-9]", re.ASCII)


def check_retry(retry: HTTPRetry, *at: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *retry*, which stands at *at*."""
    if retry.attempts < 0:
        hint = "write 0 to try nothing again"
        yield error("bad-value", f"{retry.attempts} is no number of attempts", *at, "attempts", expected="0 or more",
                    hint=hint)  # fmt: skip
    elif retry.attempts == 0:
        idle = {
            "perTryTimeout": retry.per_try_timeout is not None,
            "retryOn": bool(retry.retry_on),
            "retryRemoteLocalities": retry.retry_remote_localities is not None,
        }
        for name in (name for name, written in idle.items() if written):
            message = f"{name} says how to retry, and 0 attempts are none"
            yield error("conflict", message, *at, name, expected='"attempts" above 0')
    yield from check_duration(retry.per_try_timeout, *at, "perTryTimeout")
    yield from check_duration(retry.backoff, *at, "backoff")
    if retry.retry_on:
        yield from _check_retry_on(retry.retry_on, *at, "retryOn")


def _check_retry_on(text: str, *at: str | int) -> Iterator[Diagnostic]:
    """Yield the first part of *text* that is neither a policy nor a status: a field has one place."""
    for word in text.split(","):
        if word in RETRY_POLICIES or (_STATUS.fullmatch(word) and int(word) in STATUSES):
            continue
        bare = word.strip()
        hint: str | None
        if not bare:
            problem, hint = "a part of it is empty", "remove the comma that is too much"
        elif bare != word:
            problem, hint = f"there is a blank in {describe(word)}", f'write "{text.replace(" ", "")}"'
        else:
            problem, hint = f"{describe(word)} is no policy and no status code", did_you_mean(word, RETRY_POLICIES)
        expected = "policies such as 5xx or connect-failure and status codes, joined by commas"
        yield error("bad-value", f"retryOn: {problem}", *at, expected=expected, hint=hint and hint[:200])
        return
