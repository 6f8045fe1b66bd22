"""Faults, retries and CORS of a RouteRule → those of a VirtualService. Values are judged later."""

from ctl.convert.model import UNCLEAR, Original, Part, written
from ctl.convert.old_rules import RouteRule
from store.diagnostic import Diagnostic, FieldPath, Level
from store.resources.fields import Double, Duration
from store.scalars import render_duration


def fault(rule: Original, said: list[Diagnostic]) -> object:
    """Return today's `fault`, None when there is none or nothing is left of it."""
    spec: RouteRule = rule.spec
    if spec.http_fault is None:
        return None
    at: FieldPath = ("spec", "httpFault")
    delay, abort = spec.http_fault.delay, spec.http_fault.abort
    made = written(
        delay=_delay(rule, said) if delay and delay.exponential_delay is None else None,
        abort=_abort(rule, said) if abort and abort.http2_error is None else None,
    )
    lost = (delay and delay.exponential_delay is not None) or (abort and abort.http2_error is not None)
    return Part(made, rule, at) if made or not lost else None


def _delay(rule: Original, said: list[Diagnostic]) -> object:
    delay = rule.spec.http_fault.delay
    at: FieldPath = ("spec", "httpFault", "delay")
    made = written(fixedDelay=_duration(rule, delay.fixed_delay, *at, "fixedDelay"))
    return Part({**made, **_percentage(rule, delay.percent, said, *at)}, rule, at)


def _abort(rule: Original, said: list[Diagnostic]) -> object:
    abort = rule.spec.http_fault.abort
    at: FieldPath = ("spec", "httpFault", "abort")
    status = Part(int(abort.http_status), rule, (*at, "httpStatus")) if abort.http_status is not None else None
    made = written(httpStatus=status, grpcStatus=abort.grpc_status)
    return Part({**made, **_percentage(rule, abort.percent, said, *at)}, rule, at)


def _percentage(
    rule: Original, percent: Double | None, said: list[Diagnostic], *at: str | int
) -> dict[str, object]:
    if percent is None:
        message = "no percent: the documentation took it for all requests, hosts for none"
        said.append(rule.note(Level.WARNING, UNCLEAR, message, *at, hint="taken as 0, as hosts did; write percent"))
    share = float(percent or 0)
    return {"percentage": {"value": Part(int(share) if share.is_integer() else share, rule, (*at, "percent"))}}


def retries(rule: Original, said: list[Diagnostic]) -> object:
    """Return today's `retries`, None when the rule has none. 0 attempts are written out: the default is not 0."""
    policy = rule.spec.http_req_retries
    simple = policy.simple_retry if policy else None
    if simple is None:
        return None
    at: FieldPath = ("spec", "httpReqRetries", "simpleRetry")
    attempts = Part(int(simple.attempts), rule, (*at, "attempts"))
    if simple.attempts == 0:
        if simple.per_try_timeout is not None:
            said.append(rule.lost("perTryTimeout is left out: there are no retries", *at, "perTryTimeout"))
        return {"attempts": attempts}
    each = _duration(rule, simple.per_try_timeout, *at, "perTryTimeout")
    return Part(written(attempts=attempts, perTryTimeout=each), rule, at)


def cors_policy(rule: Original) -> object:
    """Return today's `corsPolicy`, None when there is none."""
    policy = rule.spec.cors_policy
    if policy is None:
        return None
    at: FieldPath = ("spec", "corsPolicy")
    origins = [{"exact": Part(text, rule, (*at, "allowOrigin", i))} for i, text in enumerate(policy.allow_origin)]
    lists = {
        name: Part(list(texts), rule, (*at, name))
        for name, texts in (
            ("allowMethods", policy.allow_methods),
            ("allowHeaders", policy.allow_headers),
            ("exposeHeaders", policy.expose_headers),
        )
    }
    age = _duration(rule, policy.max_age, *at, "maxAge")
    made = written(allowOrigins=origins, **lists, maxAge=age, allowCredentials=policy.allow_credentials)
    return Part(made, rule, at)


def _duration(rule: Original, seconds: Duration | None, *at: str | int) -> object:
    return None if seconds is None else Part(render_duration(seconds), rule, at)
