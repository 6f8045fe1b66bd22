"""`outlierDetection`: when an endpoint counts as sick, and for how long it is left out.

What a rule of 2018 said of it, nested under `http`, is read here, too.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import ClassVar

from attrs import frozen

from store.diagnostic import Diagnostic, error
from store.resources.fields import NOT_OLD, Duration, Int32, Old, Uint32, documented
from store.resources.names import check_duration


def _errors_under_http(value: object) -> object:
    """Return an `outlierDetection` of 2018 as today's, with today's name for the errors that it counted: all 5xx."""
    http = value.get("http") if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(http, Mapping):
        return NOT_OLD
    names = {"consecutiveErrors": "consecutive5xxErrors", "consecutive_errors": "consecutive5xxErrors"}
    if not http.keys() & names.keys():
        return NOT_OLD
    beside = {key: item for key, item in value.items() if key != "http"}
    inside = {names.get(key, key): item for key, item in http.items()}
    both = {key: inside[key] for key in inside.keys() & beside.keys()}
    return {**inside, **beside, **({"http": both} if both else {})}


NESTED_ERRORS = Old(
    "outlierDetection",
    _errors_under_http,
    written="outlierDetection: {consecutive5xxErrors: …}",
    said='"outlierDetection" with "http" and "consecutiveErrors" in it is an old spelling',
)
"""For the field that holds an `OutlierDetection`: under `http`, `consecutiveErrors` meant something else than today."""


@frozen
class OutlierDetection:
    """`outlierDetection`. Written empty, it is on, with the defaults of its fields."""

    FLATTENED: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"http": 'write its fields directly under "outlierDetection"'}
    )

    split_external_local_origin_errors: bool = documented(
        "Whether failures to connect and the like are counted apart from answers with an error.",
        default=False,
        since="1.11",
        example="true",
    )
    consecutive_local_origin_failures: Uint32 | None = documented(
        "After so many failures to connect and the like in a row an endpoint is left out; 0 is never. "
        "Only with splitExternalLocalOriginErrors.",
        since="1.11",
        unset="5",
        example="3",
    )
    consecutive_gateway_errors: Uint32 | None = documented(
        "After so many answers 502, 503 or 504 in a row an endpoint is left out; 0 is never.",
        since="1.5",
        unset="never",
        example="3",
        old=(Old("consecutiveErrors", yields=True),),
    )
    consecutive_5xx_errors: Uint32 | None = documented(
        "After so many answers 5xx in a row, or failures of a TCP connection, an endpoint is left out; 0 is never.",
        since="1.5",
        unset="5",
        example="7",
    )
    interval: Duration | None = documented("How often endpoints are judged.", unset="10s", example="5m")
    base_ejection_time: Duration | None = documented(
        "How long an endpoint is left out the first time; the n-th time n times as long.", unset="30s", example="15m"
    )
    max_ejection_percent: Int32 = documented(
        "How much of the endpoints may be left out at a time, in percent.",
        default=Int32(0),
        unset="10, as is 0",
        example="50",
    )
    min_health_percent: Int32 = documented(
        "When less than so many percent of the endpoints are left, requests go to all, sick or not.",
        default=Int32(0),
        since="1.1",
        example="50",
    )
    outlier_detection_http_error_codes: tuple[Uint32, ...] = documented(
        "The status codes that count as errors.", default=(), since="1.31", unset="500 to 599", example="[429, 503]"
    )
    failure_percentage_threshold: Uint32 | None = documented(
        "An endpoint of whose answers in an interval so many percent are errors is left out, in a row or not.",
        since="1.32",
        unset="85",
        example="50",
    )


def check_outlier_detection(outlier: OutlierDetection, *path: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *outlier* at *path* (Istio's `validateOutlierDetection`)."""
    yield from check_duration(outlier.interval, *path, "interval")
    yield from check_duration(outlier.base_ejection_time, *path, "baseEjectionTime")
    for name, percent in (
        ("maxEjectionPercent", outlier.max_ejection_percent),
        ("minHealthPercent", outlier.min_health_percent),
    ):
        if not 0 <= percent <= 100:
            yield error("bad-value", f"{percent} is not a percentage", *path, name, expected="0 to 100")
    if outlier.consecutive_local_origin_failures and not outlier.split_external_local_origin_errors:
        message = "without splitExternalLocalOriginErrors local failures are not counted on their own"
        hint = "add splitExternalLocalOriginErrors: true, or leave this out"
        yield error("conflict", message, *path, "consecutiveLocalOriginFailures", hint=hint)
    failures = outlier.failure_percentage_threshold
    if failures is not None and failures > 100:
        message = f"{failures} is not a percentage"
        yield error("bad-value", message, *path, "failurePercentageThreshold", expected="0 to 100")
    for i, code in enumerate(outlier.outlier_detection_http_error_codes):
        if not 100 <= code <= 599:
            message = f"{code} is not a status code"
            yield error("bad-value", message, *path, "outlierDetectionHttpErrorCodes", i, expected="100 to 599")
