"""What the rules of a VirtualService name, each with its path: destinations, gateways of single matches, delegates.

Only where such names stand is known here; what they mean is the Mesh's to say.
"""

from collections.abc import Iterator, Sequence

from attrs import frozen

from store.diagnostic import FieldPath
from store.resources.destination import Destination
from store.resources.http_match import HTTPMatchRequest
from store.resources.http_route import Delegate, HTTPRoute
from store.resources.l4_route import L4MatchAttributes, TCPRoute, TLSMatchAttributes, TLSRoute
from store.resources.virtual_service import VirtualService

Block = HTTPMatchRequest | TLSMatchAttributes | L4MatchAttributes


@frozen
class Use:
    """One destination in a rule.

    Attributes:
        path: of the destination, from the document's root.
        destination: as written.
        blocks: the conditions of its rule; none is every request.
        is_mirror: whether it gets copies only.
    """

    path: FieldPath
    destination: Destination
    blocks: Sequence[Block] = ()
    is_mirror: bool = False

    @property
    def ports(self) -> frozenset[int] | None:
        """The ports by which its rule takes requests; None is any port."""
        numbers = frozenset(int(block.port) for block in self.blocks)
        return numbers if numbers and 0 not in numbers else None


def destinations(service: VirtualService) -> Iterator[Use]:
    """Yield every destination of *service*: routes of all protocols, and mirrors."""
    for i, rule in enumerate(service.http):
        for j, share in enumerate(rule.route):
            yield Use(("spec", "http", i, "route", j, "destination"), share.destination, rule.match)
        yield from _mirrors(rule, i)
    passing: tuple[tuple[str, Sequence[TLSRoute | TCPRoute]], ...] = (("tls", service.tls), ("tcp", service.tcp))
    for protocol, rules in passing:
        for i, passed in enumerate(rules):
            for j, part in enumerate(passed.route):
                yield Use(("spec", protocol, i, "route", j, "destination"), part.destination, passed.match)


def _mirrors(rule: HTTPRoute, i: int) -> Iterator[Use]:
    if rule.mirror is not None:
        yield Use(("spec", "http", i, "mirror"), rule.mirror, rule.match, is_mirror=True)
    for j, mirror in enumerate(rule.mirrors):
        yield Use(("spec", "http", i, "mirrors", j, "destination"), mirror.destination, rule.match, is_mirror=True)


def match_gateways(service: VirtualService) -> Iterator[tuple[FieldPath, str]]:
    """Yield path and name of each gateway that a single block of conditions names."""
    every: tuple[tuple[str, Sequence[HTTPRoute | TLSRoute | TCPRoute]], ...] = (
        ("http", service.http),
        ("tls", service.tls),
        ("tcp", service.tcp),
    )
    for protocol, rules in every:
        for i, rule in enumerate(rules):
            blocks: Sequence[Block] = rule.match
            for j, block in enumerate(blocks):
                for k, name in enumerate(block.gateways):
                    yield ("spec", protocol, i, "match", j, "gateways", k), name


def delegates(service: VirtualService) -> Iterator[tuple[FieldPath, Delegate]]:
    """Yield path and value of each `delegate`."""
    for i, rule in enumerate(service.http):
        if rule.delegate is not None:
            yield ("spec", "http", i, "delegate"), rule.delegate
