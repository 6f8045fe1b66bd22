"""What the rules of a VirtualService name, each with its path: destinations, gateways of single matches.

Only where such names stand is known here; what they mean is the Mesh's to say.
"""

from collections.abc import Iterator

from store.diagnostic import FieldPath
from store.resources.virtual_service import Destination, VirtualService

Placed = tuple[FieldPath, Destination]
"""A destination and its path from the document's root."""


def destinations(service: VirtualService) -> Iterator[Placed]:
    """Yield every destination of *service*: routes of all protocols, and mirrors."""
    for i, rule in enumerate(service.http):
        at: FieldPath = ("spec", "http", i)
        for j, share in enumerate(rule.route):
            yield (*at, "route", j, "destination"), share.destination
