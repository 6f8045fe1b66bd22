"""What Envoy was offered, accepted, refused, and what waits: all history of delivery, as a pure state machine.

*Desired* comes in by `offer`; what Envoy says comes in by `connected`, `subscribe`, `unsubscribe`, `ack`, `nack`; what
to send next comes out of `responses`. No I/O and no clock: time is an argument.

The order, and its reasons (Envoy, "xDS protocol", eventual consistency):

    clusters → endpoints → listeners → scopes → tables           additions, in the order of `Type`
    scopes, listeners → (Envoy drains, unsubscribes tables) → clusters           removals

1. A table that names a cluster which is not warm yet stays at its last delivered bytes, for `WARM_SECONDS` at most.
2. A cluster is warm once Envoy has acknowledged its endpoints; an update does not make it cold, Envoy serves the old one
   until the new one is ready. After an update its endpoints are sent again, else Envoy waits 15 s for them.
3. A cluster goes when no table that Envoy still holds names it. Envoy holds a table until it unsubscribes it, which for a
   removed listener is at the end of its drain.
4. After a NACK of several resources nothing is known about any of them: halves are sent, down to the guilty one, which
   is then not sent again until it changes.
"""

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from attrs import define, field, frozen

from agent.compiler.envoy_config import EnvoyConfig, Id, Type, XdsResource

WARM_SECONDS = 15.0
"""Envoy's own patience for endpoints (`initial_fetch_timeout`)."""
MAX_MESSAGE = 600
"""Envoy's words may carry the text of whole messages."""

ADDITIONS = tuple(Type)
WILDCARD_REMOVALS = (Type.SCOPE, Type.LISTENER)


@frozen
class Response:
    """One delta response to send.

    Attributes:
        type: of all resources in it.
        resources: to add or replace.
        removed: names to drop.
        nonce: by which Envoy will answer.
    """

    type: Type
    resources: tuple[XdsResource, ...]
    removed: tuple[str, ...]
    nonce: str


@frozen
class Refusal:
    """A version that Envoy refused, and its words."""

    version: str
    message: str


@define
class _Channel:
    """One xDS type of the stream.

    Attributes:
        open: whether Envoy has asked for this type.
        subscribed: names that Envoy asked for, of a type that goes by name.
        sent: name → version that was sent last.
        accepted: name → version that Envoy acknowledged last.
        refused: name → what it refused.
        dirty: names whose desired version may differ from the one sent.
        again: names to send even if their version was sent before.
        gone: names that are no longer desired and not removed yet.
        in_flight: nonce → what it carries.
        suspects: groups of names to send by themselves, one group after another.
    """

    open: bool = False
    subscribed: set[str] = field(factory=set)
    sent: dict[str, str] = field(factory=dict)
    accepted: dict[str, str] = field(factory=dict)
    refused: dict[str, Refusal] = field(factory=dict)
    dirty: set[str] = field(factory=set)
    again: set[str] = field(factory=set)
    gone: set[str] = field(factory=set)
    in_flight: dict[str, Response] = field(factory=dict)
    suspects: deque[tuple[str, ...]] = field(factory=deque)

    def restart(self) -> None:
        """A new stream: what was on the way is lost, what Envoy has it will say itself."""
        self.open = False
        self.subscribed.clear()
        self.in_flight.clear()
        self.suspects.clear()
        self.sent.clear()
        self.accepted.clear()
        self.again.clear()
        self.gone.clear()


class Rollout:
    """The state of delivery to one Envoy.

    Attributes:
        is_connected: whether there is a stream.
        streams: how many there have been.

    Args:
        refused_table: name → the table that stands in for a first one that Envoy refused.
    """

    def __init__(self, refused_table: Callable[[str], XdsResource]) -> None:
        self._refused_table = refused_table
        self._config = EnvoyConfig()
        self._channels = {kind: _Channel() for kind in Type}
        self._stand_ins: dict[str, XdsResource] = {}
        self._held: dict[str, frozenset[str] | None] = {}
        self._uses: Counter[str] = Counter()
        self._unknown: set[str] = set()
        self._waiting: dict[str, float] = {}
        self._overdue: dict[str, frozenset[str]] = {}
        self._nonce = 0
        self.is_connected = False
        self.streams = 0

    def __repr__(self) -> str:
        counts = ", ".join(
            f"{k.word} {len(c.accepted)}/{len(self._config.names(k))}" for k, c in self._channels.items()
        )
        return f"<Rollout {'connected' if self.is_connected else 'waiting for Envoy'}: {counts}>"

    # What comes in

    def offer(self, config: EnvoyConfig, changed: Iterable[Id]) -> None:
        """Take *config* as the desired state; *changed* are all ids in which it differs from the one before."""
        self._config = config
        for kind, name in changed:
            self._consider(kind, name)

    def _consider(self, kind: Type, name: str) -> None:
        channel = self._channels[kind]
        if (kind, name) in self._config.resources:
            channel.gone.discard(name)
            channel.dirty.add(name)
            return
        channel.dirty.discard(name)
        channel.refused.pop(name, None)
        if kind is Type.ROUTES:
            self._stand_ins.pop(name, None)
            self._waiting.pop(name, None)
            self._overdue.pop(name, None)
        if not kind.by_name and (name in channel.sent or name in channel.accepted):
            channel.gone.add(name)

    def connected(self) -> None:
        """A new stream from Envoy. It will say what it has; nothing that was sent before counts."""
        self.is_connected = True
        self.streams += 1
        for channel in self._channels.values():
            channel.restart()
        for kind, name in self._config.resources:
            self._channels[kind].dirty.add(name)
        for table in tuple(self._held):
            self._release(table)
        self._waiting.clear()

    def disconnected(self) -> None:
        """The stream is gone. Envoy keeps what it has."""
        self.is_connected = False

    def subscribe(self, kind: Type, names: Collection[str], has: Mapping[str, str]) -> None:
        """Envoy asks for *kind*: of a type that goes by name for *names*, else for all of it.

        Args:
            has: name → version that Envoy holds from an earlier stream (`initial_resource_versions`).
        """
        channel = self._channels[kind]
        channel.open = True
        for name, version in has.items():
            self._remember(kind, name, version)
        if kind.by_name:
            wanted = {name for name in names if name != "*"}
            channel.subscribed |= wanted
            for name in wanted - has.keys():
                channel.again.add(name)
            channel.dirty |= wanted

    def _remember(self, kind: Type, name: str, version: str) -> None:
        """Note that Envoy holds *version* from before this stream."""
        channel = self._channels[kind]
        channel.sent[name] = channel.accepted[name] = version
        desired = self._config.resources.get((kind, name))
        if desired is None and not kind.by_name:
            channel.gone.add(name)
        if kind is Type.ROUTES:
            known = desired is not None and desired.version == version
            self._hold(name, desired.needs if known and desired else None)

    def unsubscribe(self, kind: Type, names: Collection[str]) -> None:
        """Envoy does not want *names* any more, and has dropped them."""
        channel = self._channels[kind]
        for name in names:
            channel.subscribed.discard(name)
            channel.sent.pop(name, None)
            channel.accepted.pop(name, None)
            channel.again.discard(name)
            if kind is Type.ROUTES:
                self._release(name)
                self._waiting.pop(name, None)

    def ack(self, kind: Type, nonce: str) -> None:
        """Envoy has accepted the response *nonce*."""
        channel = self._channels[kind]
        response = channel.in_flight.pop(nonce, None)
        if response is None:
            return
        for resource in response.resources:
            if kind.by_name and resource.name not in channel.subscribed:
                continue
            channel.accepted[resource.name] = resource.version
            refusal = channel.refused.get(resource.name)
            if refusal and not self._is_stand_in(resource):
                del channel.refused[resource.name]
            if kind is Type.ROUTES and channel.sent.get(resource.name) == resource.version:
                self._hold(resource.name, resource.needs)
        for name in response.removed:
            channel.accepted.pop(name, None)

    def nack(self, kind: Type, nonce: str, message: str) -> None:
        """Envoy has refused the response *nonce*, or some of it: of a response with several, none counts as accepted."""
        channel = self._channels[kind]
        response = channel.in_flight.pop(nonce, None)
        if response is None:
            return
        channel.gone.update(response.removed)
        names = tuple(resource.name for resource in response.resources)
        channel.dirty.update(names)
        for resource in response.resources:
            if channel.sent.get(resource.name) == resource.version:
                del channel.sent[resource.name]
        if len(names) == 1:
            self._refuse(kind, response.resources[0], message)
        elif names:
            middle = len(names) // 2
            channel.suspects.extend((names[:middle], names[middle:]))

    def _refuse(self, kind: Type, resource: XdsResource, message: str) -> None:
        channel = self._channels[kind]
        channel.refused[resource.name] = Refusal(resource.version, shortened(message))
        if kind is Type.ROUTES and resource.name not in channel.accepted:
            self._stand_ins[resource.name] = self._refused_table(resource.name)
            channel.again.add(resource.name)

    # What goes out

    def responses(self, now: float) -> list[Response]:
        """Return what to send now, in order; *now* in seconds of any steady clock."""
        if not self.is_connected or not self._config.resources:
            return []
        out: list[Response] = []
        for kind in ADDITIONS:
            out += self._additions(kind, now)
        for kind in WILDCARD_REMOVALS:
            out += self._removals(kind, self._channels[kind].gone)
        if self._channels[Type.ROUTES].open:  # before, Envoy has not said which tables it holds
            unused = {name for name in self._channels[Type.CLUSTER].gone if not self._in_use(name)}
            out += self._removals(Type.CLUSTER, unused)
        return out

    def deadline(self) -> float | None:
        """Return when `responses` should be asked again though nothing happened; None when it need not be."""
        return min(self._waiting.values(), default=None)

    def _additions(self, kind: Type, now: float) -> Iterator[Response]:
        channel = self._channels[kind]
        if not channel.open:
            return
        suspected = {name for group in channel.suspects for name in group}
        ready = [r for name in sorted(channel.dirty - suspected) if (r := self._due(kind, name, now))]
        if ready:
            yield self._send(kind, ready)
        if channel.suspects and not channel.in_flight:
            group = channel.suspects.popleft()
            alone = [r for name in group if (r := self._due(kind, name, now))]
            if alone:
                yield self._send(kind, alone)

    def _due(self, kind: Type, name: str, now: float) -> XdsResource | None:
        """Return the resource of *name* when it has to be sent now, and forget about it when it has not.

        It is not due, 1. when nothing of that name is desired, 2. when Envoy did not ask for it (then it will), 3. when
        Envoy has refused just this, 4. when it was sent, 5. while a table's clusters are not warm.
        """
        channel = self._channels[kind]
        desired = self._config.resources.get((kind, name))
        resource = self._instead(kind, desired)
        if resource is None or (kind.by_name and name not in channel.subscribed):
            channel.dirty.discard(name)
            return None
        refusal = channel.refused.get(name)
        known_bad = refusal is not None and refusal.version == resource.version
        sent = channel.sent.get(name) == resource.version and name not in channel.again
        if known_bad or sent:
            channel.dirty.discard(name)
            channel.again.discard(name)
            return None
        return None if kind is Type.ROUTES and self._must_wait(resource, now) else resource

    def _instead(self, kind: Type, desired: XdsResource | None) -> XdsResource | None:
        """Return the stand-in for a refused first table, as long as the desired one is the refused one."""
        if kind is not Type.ROUTES or desired is None or desired.name not in self._stand_ins:
            return desired
        refusal = self._channels[kind].refused.get(desired.name)
        if refusal is not None and refusal.version == desired.version:
            return self._stand_ins[desired.name]
        del self._stand_ins[desired.name]
        return desired

    def _is_stand_in(self, resource: XdsResource) -> bool:
        stand_in = self._stand_ins.get(resource.name)
        return stand_in is not None and stand_in.version == resource.version

    def _must_wait(self, table: XdsResource, now: float) -> bool:
        cold = table.needs - self._channels[Type.ENDPOINTS].accepted.keys()
        if not cold:
            self._waiting.pop(table.name, None)
            self._overdue.pop(table.name, None)
            return False
        if now < self._waiting.setdefault(table.name, now + WARM_SECONDS):
            return True
        self._waiting.pop(table.name)
        self._overdue[table.name] = frozenset(cold)
        return False

    def _send(self, kind: Type, resources: list[XdsResource]) -> Response:
        channel = self._channels[kind]
        for resource in resources:
            if kind is Type.CLUSTER and (resource.name in channel.sent or resource.name in channel.accepted):
                self._resend_endpoints(resource.name)
            if kind is Type.ROUTES:
                self._hold_also(resource.name, resource.needs)
            channel.sent[resource.name] = resource.version
            channel.dirty.discard(resource.name)
            channel.again.discard(resource.name)
        return self._respond(kind, tuple(resources), ())

    def _resend_endpoints(self, cluster: str) -> None:
        endpoints = self._channels[Type.ENDPOINTS]
        if cluster in endpoints.subscribed:
            endpoints.again.add(cluster)
            endpoints.dirty.add(cluster)

    def _removals(self, kind: Type, names: set[str]) -> Iterator[Response]:
        channel = self._channels[kind]
        if not channel.open or not names:
            return
        removed = tuple(sorted(names))
        for name in removed:
            channel.gone.discard(name)
            channel.sent.pop(name, None)
            if kind is Type.CLUSTER:  # should it come back at once, it has to warm again
                self._channels[Type.ENDPOINTS].accepted.pop(name, None)
        yield self._respond(kind, (), removed)

    def _respond(self, kind: Type, resources: tuple[XdsResource, ...], removed: tuple[str, ...]) -> Response:
        self._nonce += 1
        response = Response(kind, resources, removed, str(self._nonce))
        self._channels[kind].in_flight[response.nonce] = response
        return response

    # Which clusters are in use

    def _in_use(self, cluster: str) -> bool:
        return bool(self._unknown) or self._uses[cluster] > 0

    def _hold(self, table: str, needs: frozenset[str] | None) -> None:
        """Envoy holds *table*, which names *needs* (None: a version that we do not know)."""
        self._release(table)
        self._held[table] = needs
        if needs is None:
            self._unknown.add(table)
        else:
            self._uses.update(needs)

    def _hold_also(self, table: str, needs: frozenset[str]) -> None:
        """A new version is on the way: until Envoy answers, either may be in force."""
        if table in self._held:
            held = self._held[table]
            self._hold(table, None if held is None else held | needs)
        else:
            self._hold(table, needs)

    def _release(self, table: str) -> None:
        if table not in self._held:
            return
        needs = self._held.pop(table)
        self._unknown.discard(table)
        if needs is not None:
            self._uses.subtract(needs)
            for cluster in needs:
                if self._uses[cluster] <= 0:
                    del self._uses[cluster]

    # What is known

    def unsettled(self, ids: Iterable[Id]) -> set[Id]:
        """Return those of *ids* that Envoy has neither acknowledged nor refused, nor will never ask for."""
        blocked = {i for owner in (Type.CLUSTER, Type.LISTENER, Type.SCOPE) for i in self._blocked(owner)}
        return {(kind, name) for kind, name in ids if not self.is_settled(kind, name)} - blocked

    def _blocked(self, owner: Type) -> Iterator[Id]:
        """Yield what Envoy will never ask for, because it refused the first version of what refers to it."""
        channel = self._channels[owner]
        for name in channel.refused.keys() - channel.accepted.keys():
            resource = self._config.resources.get((owner, name))
            if resource is None:
                continue
            if owner is Type.CLUSTER:
                yield Type.ENDPOINTS, name
            yield from ((Type.ROUTES, table) for table in resource.needs)

    def is_settled(self, kind: Type, name: str) -> bool:
        """Whether Envoy has acknowledged or refused what is desired of *name*, or that nothing is any more.

        A cluster that waits for a drain to end counts: it is out of use already.
        """
        channel = self._channels[kind]
        desired = self._config.resources.get((kind, name))
        if desired is None:
            return kind not in WILDCARD_REMOVALS or (name not in channel.accepted and name not in channel.gone)
        refusal = channel.refused.get(name)
        if refusal is not None and refusal.version == desired.version:
            return True
        return self.is_connected and channel.accepted.get(name) == desired.version and name not in channel.again

    def accepted(self, kind: Type) -> Mapping[str, str]:
        """Return name → version that Envoy has acknowledged."""
        return self._channels[kind].accepted

    def refusals(self) -> Iterator[tuple[XdsResource, Refusal]]:
        """Yield what is desired and refused, with Envoy's words."""
        for kind, channel in self._channels.items():
            for name, refusal in sorted(channel.refused.items()):
                desired = self._config.resources.get((kind, name))
                if desired is not None and desired.version == refusal.version:
                    yield desired, refusal

    def waiting(self) -> Mapping[str, float]:
        """Return table → when it goes out though its clusters are not warm."""
        return self._waiting

    def overdue(self) -> Mapping[str, frozenset[str]]:
        """Return table → clusters that were not warm in time when it went out."""
        return self._overdue

    @property
    def config(self) -> EnvoyConfig:
        """What is desired."""
        return self._config


def shortened(message: str) -> str:
    """Return Envoy's words on one line, without the text of whole messages."""
    line = " ".join(message.split())
    return line if len(line) <= MAX_MESSAGE else line[: MAX_MESSAGE - 1] + "…"
