"""DestinationRules: which of them speak for a service, its subsets, and the policy of each."""

from attrs import frozen

from store.host import HostRecord
from store.index import Found, View
from store.resources.destination_rule import DestinationRule, SimpleLB, Subset, TrafficPolicy
from store.resources.fields import Key

DEFAULT_LOAD_BALANCER = SimpleLB.LEAST_REQUEST


@frozen
class Policy:
    """What DestinationRules say about one service.

    Attributes:
        top: of the whole service, None when no rule has one.
        subsets: the first definition of each name wins.
        origins: the rules, oldest first.
    """

    top: TrafficPolicy | None = None
    subsets: tuple[Subset, ...] = ()
    origins: tuple[Key, ...] = ()

    def subset(self, name: str) -> Subset | None:
        return next((s for s in self.subsets if s.name == name), None)

    def load_balancer(self, subset: Subset | None) -> SimpleLB:
        """Return the load balancer of *subset*, None is the whole service. Blocks of a subset replace the top's."""
        own = subset.traffic_policy.load_balancer if subset and subset.traffic_policy else None
        settings = own or (self.top.load_balancer if self.top else None)
        simple = settings.simple if settings else None
        if simple in (None, SimpleLB.UNSPECIFIED):
            return DEFAULT_LOAD_BALANCER
        return SimpleLB.LEAST_REQUEST if simple is SimpleLB.LEAST_CONN else simple


def policy(view: View, host: str, service_namespace: str, record: HostRecord) -> Policy:
    """Return the policy for *host*: of the client's namespace, else of the service's; the first with any wins whole.

    Rules of one namespace and host add up: subsets unite, the oldest policy wins. Source: Istio, DestinationRule
    lookup.
    """
    for namespace in dict.fromkeys((record.namespace, service_namespace)):
        found = view.rules(host, namespace, lambda f: _means(view, f, host))
        if found:
            return _merge(found)
    return Policy()


def _means(view: View, found: Found, host: str) -> bool:
    """Whether the rule's host means *host*, and not a service that comes before it among the candidates."""
    names = view.candidates(_spec(found).host, found.key.namespace)
    if host not in names:
        return True  # by a wildcard
    return not any(view.exists(name) for name in names[: names.index(host)])


def _merge(found: tuple[Found, ...]) -> Policy:
    subsets: dict[str, Subset] = {}
    for each in found:
        for subset in _spec(each).subsets:
            subsets.setdefault(subset.name, subset)
    top = next((policy for each in found if (policy := _spec(each).traffic_policy)), None)
    return Policy(top, tuple(subsets.values()), tuple(each.key for each in found))


def _spec(found: Found) -> DestinationRule:
    spec = found.spec
    assert isinstance(spec, DestinationRule), "filed under its kind"
    return spec
