"""`http[].mirror` and `http[].mirrors`: copies of requests whose answers nobody waits for."""

from collections.abc import Iterator, Sequence

import attrs
from attrs import frozen

from store.diagnostic import Diagnostic
from store.resources.destination import Destination, check_destination
from store.resources.fields import documented
from store.resources.http_fault import Percent, check_percent


@frozen
class HTTPMirrorPolicy:
    """`mirrors[]`."""

    destination: Destination = documented(
        "Where the copies go.", default=attrs.NOTHING, since="1.19", example="{host: reviews, subset: v2}"
    )
    percentage: Percent | None = documented(
        "How many requests are copied.", since="1.19", unset="all", example="{value: 10}"
    )


def check_mirrors(mirrors: Sequence[HTTPMirrorPolicy], *at: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *mirrors*, which stand at *at*."""
    for i, mirror in enumerate(mirrors):
        yield from check_destination(mirror.destination, *at, i, "destination")
        if mirror.percentage:
            yield from check_percent(mirror.percentage, *at, i, "percentage")
