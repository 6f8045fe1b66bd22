"""What rules and policies say of a service → its DestinationRule: subsets and traffic policies.

A DestinationRule stands in the namespace of its service, where every client finds it. One that is in the input already
is completed, not doubled.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import define, field, frozen

from ctl.convert.egress import Originated
from ctl.convert.hosts import Host, Names, free_name, reference, resource_name
from ctl.convert.model import DIFFERENT, Draft, Made, Original, Part, plain, where
from ctl.convert.old_rules import IstioService
from ctl.convert.policies import Policy
from ctl.convert.subsets import Labels, Use, labels_of, subset_names
from store.diagnostic import Diagnostic, FieldPath, Level
from store.reader import Document
from store.resources.destination_rule import DestinationRule
from store.resources.fields import Key
from store.resources.kinds import Resource


@frozen
class Existing:
    """A DestinationRule of the input.

    Attributes:
        key: its identity.
        document: as it was written.
        place: file and line, for a comment.
        subsets: labels → name.
        policies: names of the subsets that have a policy of their own, and "" when the rule has one.
    """

    key: Key
    document: Mapping[str, object]
    place: str
    subsets: Mapping[Labels, str]
    policies: frozenset[str]


def existing_rules(current: Iterable[tuple[Resource, Document]], names: Names) -> dict[tuple[str, str], Existing]:
    """Return (full name of the service, namespace) → the DestinationRule that there is already."""
    found: dict[tuple[str, str], Existing] = {}
    for resource, document in sorted(current, key=lambda each: each[0].key):
        spec = resource.spec
        if not isinstance(spec, DestinationRule):
            continue
        namespace = resource.metadata.namespace
        host = names.host(IstioService(service=spec.host), namespace)
        subsets = {labels_of(subset.labels): subset.name for subset in reversed(spec.subsets)}
        own = {subset.name for subset in spec.subsets if subset.traffic_policy}
        own |= {""} if spec.traffic_policy else set()
        assert isinstance(document.value, Mapping), "it was decoded"
        rule = Existing(resource.key, document.value, where(document), subsets, frozenset(own))
        found.setdefault((host.full, namespace), rule)
    return found


@define
class _About:
    """Everything that is said of one service."""

    host: Host
    namespace: str
    uses: dict[Labels, list[Use]] = field(factory=dict)
    top: Policy | None = None
    of_subsets: dict[Labels, Policy] = field(factory=dict)
    tls: list[Originated] = field(factory=list)

    @property
    def originals(self) -> tuple[Original, ...]:
        found: dict[Key, Original] = {}
        if self.top:
            found[self.top.original.key] = self.top.original
        for uses in self.uses.values():
            found |= {use.original.key: use.original for use in uses}
        found |= {originated.original.key: originated.original for originated in self.tls}
        return tuple(found[key] for key in sorted(found))


class Services:
    """Collects what is said of services, then names their subsets and writes their DestinationRules."""

    def __init__(self, existing: Mapping[tuple[str, str], Existing]) -> None:
        self._existing = existing
        self._about: dict[str, _About] = {}
        self.names: Mapping[tuple[str, Labels], str] = {}

    def collect(self, uses: Iterable[Use], policies: Sequence[Policy], tls: Sequence[Originated]) -> None:
        """Take in everything: first TLS, since an EgressRule tells where its service is; then name the subsets."""
        for originated in tls:
            self._of(originated.host, originated.original).tls.append(originated)
        every = [*uses, *(policy.use for policy in policies if policy.labels)]
        for use in every:
            self._of(use.host, use.original).uses.setdefault(use.labels, []).append(use)
        for policy in policies:
            about = self._of(policy.host, policy.original)
            if policy.labels:
                about.of_subsets[policy.labels] = policy
            else:
                about.top = policy
        defined = {
            about.host.full: rule.subsets
            for about in self._about.values()
            if (rule := self._existing.get((about.host.full, about.namespace)))
        }
        self.names = subset_names(every, defined)

    def _of(self, host: Host, original: Original) -> _About:
        """Return what is known of *host*; who speaks of it first says where it is, when its name does not."""
        return self._about.setdefault(host.full, _About(host, host.namespace or original.namespace))

    def drafts(self, taken: set[Key]) -> Iterator[tuple[Draft, list[Diagnostic]]]:
        """Yield the DestinationRules that there have to be, and what is to be said of each."""
        for about in self._in_order():
            if (about.host.full, about.namespace) in self._existing:
                continue
            said: list[Diagnostic] = []
            spec = self._spec(about, said)
            if len(spec) > 1:  # more than the host
                host = about.host.written(about.namespace)
                name = free_name("DestinationRule", about.namespace, resource_name(host), taken)
                yield Draft("DestinationRule", about.namespace, name, spec, about.originals), said

    def completed(self) -> Iterator[tuple[Key, Made, list[Diagnostic]]]:
        """Yield the DestinationRules of the input to which subsets or a policy are added."""
        for about in self._in_order():
            existing = self._existing.get((about.host.full, about.namespace))
            if existing is not None:
                said = list(_conflicts(about, existing))
                made = self._complete(about, existing)
                if made is not None or said:
                    yield existing.key, made or Made(existing.document), said

    def _in_order(self) -> Iterator[_About]:
        return (self._about[name] for name in sorted(self._about))

    # --- one service --------------------------------------------------------------------------------------

    def _spec(self, about: _About, said: list[Diagnostic]) -> dict[str, object]:
        first = about.originals[0]
        at: FieldPath = ("spec", "destination", reference(first.spec.destination))
        spec: dict[str, object] = {"host": Part(about.host.written(about.namespace), first, at)}
        top = _top(about)
        subsets = [self._subset(about, labels) for labels in self._labels(about)]
        if top is not None:
            spec["trafficPolicy"] = top
        if subsets:
            spec["subsets"] = subsets
        if about.top and about.top.blocks and subsets:
            message = "a policy of the whole service holds for its subsets, too, unless they have their own"
            said.append(about.top.original.note(Level.INFO, DIFFERENT, message, "spec", "destination"))
        return spec

    def _labels(self, about: _About) -> list[Labels]:
        return sorted(about.uses, key=lambda labels: self.names[about.host.full, labels])

    def _subset(self, about: _About, labels: Labels) -> Part:
        uses = about.uses[labels]
        policy = about.of_subsets.get(labels)
        fields: dict[str, object] = {
            "name": self.names[about.host.full, labels],
            "labels": Part(dict(labels), uses[0].original, uses[0].path),
        }
        if policy and policy.blocks:
            fields["trafficPolicy"] = Part(policy.blocks, policy.original)
        return Part(fields, uses[0].original, uses[0].path, _from(use.original for use in uses))

    def _complete(self, about: _About, existing: Existing) -> Made | None:
        spec = existing.document.get("spec")
        assert isinstance(spec, Mapping), "it was decoded"
        there = list(spec.get("subsets") or [])
        missing = [labels for labels in self._labels(about) if labels not in existing.subsets]
        added = [self._subset(about, labels) for labels in missing]
        top = _top(about) if "" not in existing.policies else None
        if not added and top is None:
            return None
        fields = {**spec, **({"trafficPolicy": top} if top else {}), **({"subsets": [*there, *added]} if added else {})}
        document, parts = plain({**existing.document, "spec": fields})
        comments = {path: part.comment for path, part in parts.items() if part.comment}
        return Made(document, {(): f"{existing.place}, completed", **comments}, parts)


def _from(originals: Iterable[Original]) -> str:
    return "\n".join(dict.fromkeys(f"from {original.origin}" for original in originals))


def _top(about: _About) -> Part | None:
    """Return the policy of the whole service, None when it has none."""
    blocks = _top_blocks(about)
    originals = [*([about.top.original] if about.top else []), *(each.original for each in about.tls)]
    return Part(blocks, originals[0], ("spec",), _from(originals)) if blocks else None


def _top_blocks(about: _About) -> dict[str, object]:
    """Return the policy's own blocks, and TLS for all ports or some of them."""
    blocks = dict(about.top.blocks) if about.top else {}
    ports: dict[int, Part] = {}
    for originated in about.tls:
        path, original = originated.path, originated.original
        tls = Part({"mode": "SIMPLE"}, original, path)
        if originated.whole and len(about.tls) == 1:
            return {**blocks, "tls": tls}
        # A port's settings take the place of the service's, whole: what the service has is written there again.
        for number in originated.ports:
            ports.setdefault(number, Part({"port": {"number": number}, **blocks, "tls": tls}, original, path))
    return {**blocks, "portLevelSettings": [ports[number] for number in sorted(ports)]} if ports else blocks


def _conflicts(about: _About, existing: Existing) -> Iterator[Diagnostic]:
    """Yield what cannot be added to a DestinationRule that says something else there already."""
    hint = f"{existing.key} has a policy of its own there: see that it says the same"
    at: FieldPath = ("spec", "destination")
    if "" in existing.policies and about.top and about.top.blocks:
        yield about.top.original.lost("the policy is left out", *at, hint=hint)
    if "" in existing.policies:
        for originated in about.tls:
            yield originated.original.lost("TLS towards this port is left out", *originated.path, hint=hint)
    for labels, policy in sorted(about.of_subsets.items()):
        if labels in existing.subsets and policy.blocks:
            name = existing.subsets[labels]
            where = f"{existing.key} defines these labels as subset {name} already: add the policy there by hand"
            yield policy.original.lost("the policy is left out", *at, hint=where)
