"""Do single rules for requests do what they look like: retries within their time, retries of what may be repeated, no
fault left in?

Each is right by the API, and judged without looking at others: it is information, not a mistake.
"""

from collections.abc import Collection, Iterator

from store.analysis.code import Code
from store.analysis.mesh import Mesh
from store.diagnostic import Diagnostic, FieldPath, Level
from store.resources.fields import Key
from store.resources.http_match import HTTPMatchRequest
from store.resources.http_route import HTTPRoute
from store.resources.reachability import takes_everything
from store.resources.virtual_service import VirtualService

TIMEOUT_FIRST = Code(
    "timeout-before-retries",
    "a timeout that leaves no time for the retries",
    Level.INFO,
    "`timeout` is for the whole answer, with all tries. When each try takes as long as perTryTimeout lets it, the"
    " timeout ends the request before the retries are used up: a slow service gets fewer of them than `attempts` says.",
    """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - route: [{destination: {host: reviews}}]
    timeout: 3s
    retries: {attempts: 3, perTryTimeout: 2s}
""",
    "Make the timeout at least (attempts + 1) times perTryTimeout, or perTryTimeout shorter. Suppress the finding where"
    " retries are for quick failures alone.",
)
REPEATED = Code(
    "unsafe-retry",
    "retries of requests that may not be repeated",
    Level.INFO,
    "`retryOn` names failures after which nobody knows whether the server has done what it was asked (5xx, reset,"
    " gateway-error …), and the rule is for POST or PATCH too: such a request may be done twice. The mesh's own retries"
    " are only of requests that no server has seen.",
    """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: payments}
spec:
  hosts: [payments]
  http:
  - route: [{destination: {host: payments}}]
    retries: {attempts: 3, retryOn: 5xx}
""",
    "Limit the rule to methods that may be repeated (`method: {regex: GET|HEAD|PUT|DELETE}`), retry on"
    " connect-failure,refused-stream only, or suppress the finding where the service knows repeated requests.",
)
FAULT_FOR_ALL = Code(
    "fault-for-all",
    "every request is answered with an error on purpose",
    Level.WARNING,
    "A rule without conditions has a fault that aborts 100 % of the requests. None of them gets to a destination. It is"
    " what a test leaves behind.",
    """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ratings}
spec:
  hosts: [ratings]
  http:
  - route: [{destination: {host: ratings}}]
    fault: {abort: {httpStatus: 500, percentage: {value: 100}}}
""",
    "Remove the fault. To test with some requests, give the rule a match (a header, say) and leave one without the"
    " fault behind it.",
)
CODES = (TIMEOUT_FIRST, REPEATED, FAULT_FOR_ALL)

AFTER_THE_FACT = frozenset({"5xx", "gateway-error", "reset", "500", "502", "503", "504"})
"""Failures after which a server may have done what it was asked (Envoy, `x-envoy-retry-on`)."""

NOT_REPEATABLE = frozenset({"POST", "PATCH"})
"""RFC 9110, section 9.2.2: the methods of requests with a meaning that are not idempotent."""


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield what rules of VirtualServices among *keys* do that they do not look like."""
    for key, service in mesh.of(VirtualService, keys):
        for i, rule in enumerate(service.http):
            at = ("spec", "http", i)
            yield from _time(key, rule, at)
            yield from _repeated(key, rule, at)
            yield from _fault(key, rule, at)


def _time(key: Key, rule: HTTPRoute, at: FieldPath) -> Iterator[Diagnostic]:
    retries = rule.retries
    if not rule.timeout or retries is None or not retries.per_try_timeout or retries.attempts < 1:
        return
    if rule.timeout < retries.per_try_timeout * retries.attempts:
        fit = int(rule.timeout / retries.per_try_timeout)
        tries = f"{fit} of its {retries.attempts + 1} tries" if fit else "not even one try"
        message = f"the timeout of {rule.timeout:g}s has room for {tries} of {retries.per_try_timeout:g}s"
        yield TIMEOUT_FIRST.at(key, message, *at, "timeout")


def _repeated(key: Key, rule: HTTPRoute, at: FieldPath) -> Iterator[Diagnostic]:
    retries = rule.retries
    if retries is None or retries.attempts < 1:
        return
    risky = [word for word in retries.retry_on.split(",") if word in AFTER_THE_FACT]
    if risky and any(map(_may_be_unsafe, rule.match or (HTTPMatchRequest(),))):
        message = f"after {', '.join(risky)}, POST requests are sent again too: the server may have done them already"
        yield REPEATED.at(key, message, *at, "retries", "retryOn")


def _may_be_unsafe(block: HTTPMatchRequest) -> bool:
    method = block.method
    if method is None:
        return True
    if method.regex is not None:
        return any(name in method.regex for name in (*NOT_REPEATABLE, ".", "["))
    return any(name == method.exact or name.startswith(method.prefix or " ") for name in NOT_REPEATABLE)


def _fault(key: Key, rule: HTTPRoute, at: FieldPath) -> Iterator[Diagnostic]:
    abort = rule.fault.abort if rule.fault else None
    if abort is None or abort.percentage is None or abort.percentage.value < 100 or not takes_everything(rule):
        return
    status = abort.grpc_status if abort.http_status is None else abort.http_status
    yield FAULT_FOR_ALL.at(key, f"every request is answered with {status}, on purpose", *at, "fault", "abort")
