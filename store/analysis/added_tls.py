"""Where DestinationRules have hosts add TLS to what goes to a port. Whether it should be added is not judged."""

from collections.abc import Iterator, Sequence

from attrs import frozen

from store.diagnostic import FieldPath
from store.resources.client_tls import ClientTLSMode
from store.resources.destination_rule import DestinationRule, TrafficPolicy
from store.resources.fields import Key

Rules = Sequence[tuple[Key, DestinationRule]]
Place = tuple[Key, FieldPath]


@frozen
class AddedTLS:
    """What some rules do to what goes to some port.

    Attributes:
        anywhere: whether TLS is added at all, the mutual TLS between hosts included.
        begun: where it is begun with the service itself, in the rules' order.
        rules: the rules in which it is, each once.
    """

    anywhere: bool
    begun: tuple[Place, ...]
    rules: tuple[Key, ...]


class AddedTLSReader:
    """Reads each list of rules once for all ports that no rule names, however many hosts have that list.

    Lists are told apart by what object they are, as `Mesh.rules` returns them: they have to outlive this.
    """

    def __init__(self) -> None:
        self._named: dict[int, frozenset[int]] = {}
        self._found: dict[tuple[int, int | None], AddedTLS] = {}

    def __repr__(self) -> str:
        return f"<AddedTLSReader {len(self._named)} lists, read {len(self._found)} times>"

    def alike(self, rules: Rules, number: int) -> int | None:
        """Return *number* when one of *rules* names that port, or None, which stands for all ports that none names."""
        if id(rules) not in self._named:
            known = (policy for _, rule in rules for policy, _ in policies(rule))
            ports = (each.port for policy in known for each in policy.port_level_settings)
            self._named[id(rules)] = frozenset(int(port.number) for port in ports)
        return number if number in self._named[id(rules)] else None

    def at(self, rules: Rules, number: int | None) -> AddedTLS:
        """Return what *rules* do to port *number*, or to what is alike."""
        slot = id(rules), None if number is None else self.alike(rules, number)
        if slot not in self._found:
            found = [(key, at, mode) for key, rule in rules for at, mode in _tls(rule, slot[1])]
            begun = tuple((key, at) for key, at, mode in found if mode is not ClientTLSMode.ISTIO_MUTUAL)
            self._found[slot] = AddedTLS(bool(found), begun, tuple(dict.fromkeys(key for key, _ in begun)))
        return self._found[slot]


def policies(rule: DestinationRule) -> Iterator[tuple[TrafficPolicy, FieldPath]]:
    """Yield the policies of *rule*, those of subsets too, each with its path."""
    if rule.traffic_policy is not None:
        yield rule.traffic_policy, ("spec", "trafficPolicy")
    for i, subset in enumerate(rule.subsets):
        if subset.traffic_policy is not None:
            yield subset.traffic_policy, ("spec", "subsets", i, "trafficPolicy")


def _tls(rule: DestinationRule, number: int | None) -> Iterator[tuple[FieldPath, ClientTLSMode]]:
    """An entry for the port replaces the policy, so that its `tls` counts, or none."""
    for policy, at in policies(rule):
        tls, path = policy.tls, (*at, "tls")
        for i, entry in enumerate(policy.port_level_settings):
            if entry.port.number == number:
                tls, path = entry.tls, (*at, "portLevelSettings", i, "tls")
                break
        if tls is not None and tls.mode is not ClientTLSMode.DISABLE:
            yield path, tls.mode
