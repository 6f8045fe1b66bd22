"""What Envoy was offered, accepted, refused, and what waits: all history of delivery, as a pure state machine.

*Desired* comes in by `offer`; what Envoy says comes in by `connected`, `subscribe`, `unsubscribe`, `ack`, `nack`; what
to send next comes out of `responses`. No I/O and no clock: time is an argument.

The order, and its reasons (Envoy, "xDS protocol", eventual consistency):

    clusters → endpoints → listeners → scopes → tables           additions, in the order of `Type`
    scopes, listeners → (Envoy drains, unsubscribes tables) → clusters           removals

1. A table that names a cluster which is not warm yet stays at its last delivered bytes, for `WARM_SECONDS` at most.
2. A cluster is warm once Envoy has acknowledged its endpoints; an update does not make it cold, Envoy serves the old
   one until the new one is ready. After an update its endpoints are sent again, else Envoy waits 15 s for them.
3. A cluster goes when no table that Envoy still holds names it. Envoy holds a table until it unsubscribes it, which for
   a removed listener is at the end of its drain.
4. After a NACK of several resources nothing is known about any of them: halves are sent, down to the guilty one, which
   is then not sent again until it changes. What Envoy had of it stays; an Envoy that has nothing of it gets the last
   good one, or for a table that never was good a stand-in.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set

from agent.blocked import blocked
from agent.channel import Channel, Refusal, Response, shortened
from agent.compiler.envoy_config import EnvoyConfig, Id, Type, XdsResource
from agent.holdings import Holdings
from agent.quarantine import Quarantine
from agent.warm_gate import WarmGate

WILDCARD_REMOVALS = (Type.SCOPE, Type.LISTENER)


class Rollout:
    """The state of delivery to one Envoy.

    Attributes:
        is_connected: whether there is a stream.
        streams: how many there have been.

    Args:
        refused_table: name → the table that stands in for a first one that Envoy refused.
    """

    def __init__(self, refused_table: Callable[[str], XdsResource]) -> None:
        self._config = EnvoyConfig()
        self._channels = {kind: Channel(kind.by_name) for kind in Type}
        self._quarantine = Quarantine(self._channels, refused_table)
        self._holdings = Holdings()
        self._gate = WarmGate()
        self._nonce = 0
        self.is_connected = False
        self.streams = 0

    def __repr__(self) -> str:
        counts = ", ".join(f"{kind.word} {len(channel.accepted)}" for kind, channel in self._channels.items())
        return f"<Rollout {'connected' if self.is_connected else 'waiting for Envoy'}: {counts}>"

    # What comes in

    def offer(self, config: EnvoyConfig, changed: Iterable[Id]) -> None:
        """Take *config* as the desired state; *changed* are all ids in which it differs from the one before."""
        self._config = config
        for i in changed:
            self._consider(*i)

    def _consider(self, kind: Type, name: str) -> None:
        channel = self._channels[kind]
        if (kind, name) in self._config.resources:
            channel.gone.discard(name)
            channel.one_by_one.discard(name)
            channel.stuck.pop(name, None)
            channel.dirty.add(name)
            return
        channel.dirty.discard(name)
        self._quarantine.forget(kind, name)
        if kind is Type.ROUTES:
            self._gate.forget(name)
        if name in channel.touched and name not in channel.stuck:
            channel.gone.add(name)

    def connected(self) -> None:
        """A new stream from Envoy. It will say what it has; nothing that was sent before counts.

        A listener that was refused is tried again: the port that was taken may be free by now.
        """
        self.is_connected = True
        self.streams += 1
        desired: dict[Type, list[str]] = {kind: [] for kind in Type}
        for kind, name in self._config.resources:
            desired[kind].append(name)
        for kind, channel in self._channels.items():
            channel.restart(desired[kind])
        self._channels[Type.LISTENER].refused.clear()
        self._holdings = Holdings()
        self._gate.open()

    def retry_listeners(self) -> bool:
        """Offer refused listeners again; they stay refused until Envoy takes them. Return whether there are any."""
        channel = self._channels[Type.LISTENER]
        for name in channel.refused:
            self._quarantine.try_again(name)
            channel.again.add(name)
            channel.dirty.add(name)
        return bool(channel.refused)

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
        channel.again |= channel.doubtful & has.keys()
        if kind.by_name:
            wanted = {name for name in names if name != "*"}
            channel.subscribed |= wanted
            channel.again |= wanted if self._is_warming(kind) else wanted - has.keys()
            channel.dirty |= wanted

    def _is_warming(self, kind: Type) -> bool:
        """Whether Envoy asks for endpoints before it asks for clusters: an agent died between the two, and it waits."""
        return kind is Type.ENDPOINTS and not self._channels[Type.CLUSTER].open

    def _remember(self, kind: Type, name: str, version: str) -> None:
        """Note that Envoy holds *version* from before this stream."""
        channel = self._channels[kind]
        channel.sent[name] = channel.accepted[name] = version
        desired = self._config.resources.get((kind, name))
        known = next((r for r in (desired, channel.good.get(name)) if r is not None and r.version == version), None)
        if known is not None:
            channel.good[name] = known
        else:
            channel.good.pop(name, None)
        if kind is Type.ROUTES:
            self._holdings.report(name, None if known is None else known.needs)
        if not kind.by_name:
            channel.touched.add(name)
            if desired is None:
                channel.gone.add(name)

    def unsubscribe(self, kind: Type, names: Collection[str]) -> None:
        """Envoy does not want *names* any more, and has dropped them."""
        if not kind.by_name:
            return
        channel = self._channels[kind]
        for name in names:
            channel.subscribed.discard(name)
            channel.sent.pop(name, None)
            channel.accepted.pop(name, None)
            channel.doubtful.discard(name)
            channel.again.discard(name)
            if kind is Type.ROUTES:
                self._holdings.drop(name)
                self._gate.rest(name)

    def ack(self, kind: Type, nonce: str) -> None:
        """Envoy has accepted the response *nonce*."""
        channel = self._channels[kind]
        response = channel.answered(nonce)
        if response is None:
            return
        for resource in response.resources:
            if not kind.by_name or resource.name in channel.subscribed:
                self._accept(resource, nonce)
            elif kind is Type.ROUTES:
                self._holdings.refuse(resource.name, nonce)
        for name in response.removed:
            if name not in channel.sent:
                channel.touched.discard(name)

    def _accept(self, resource: XdsResource, nonce: str) -> None:
        kind, name = resource.type, resource.name
        channel = self._channels[kind]
        channel.accepted[name] = resource.version
        channel.doubtful.discard(name)
        if kind is Type.ROUTES:
            self._holdings.accept(name, nonce)
        self._quarantine.accept(resource, self._config.resources.get((kind, name)))

    def nack(self, kind: Type, nonce: str, message: str) -> None:
        """Envoy has refused the response *nonce*, or some of it: of several, none counts as accepted."""
        channel = self._channels[kind]
        response = channel.answered(nonce)
        if response is None:
            return
        for resource in response.resources:
            channel.dirty.add(resource.name)
            if channel.sent.get(resource.name) == resource.version and resource.name not in channel.unanswered:
                del channel.sent[resource.name]
        if len(response.resources) == 1 and not response.removed:
            self._refuse(response.resources[0], nonce, message)
        elif response.resources:
            self._suspect(response)
        self._put_back(kind, response, message)

    def _suspect(self, response: Response) -> None:
        """Any of *response* may be guilty, and any other may be in force."""
        channel = self._channels[response.type]
        names = tuple(resource.name for resource in response.resources)
        middle = len(names) // 2
        channel.suspects.extend(group for group in (names[:middle], names[middle:]) if group)
        channel.doubtful.update(names)
        if response.type is Type.ROUTES:
            for name in names:
                (self._holdings.doubt if name in channel.subscribed else self._holdings.refuse)(name, response.nonce)

    def _put_back(self, kind: Type, response: Response, message: str) -> None:
        """Removals that were refused: try them without the rest, then one by one, then no more on this stream."""
        channel = self._channels[kind]
        left = [n for n in response.removed if (kind, n) not in self._config.resources and n not in channel.unanswered]
        if len(response.removed) == 1 and not response.resources:
            channel.stuck.update(dict.fromkeys(left, shortened(message)))
            return
        channel.gone.update(left)
        if not response.resources:
            channel.one_by_one.update(left)

    def _refuse(self, resource: XdsResource, nonce: str, message: str) -> None:
        """Envoy refuses just this; what it had of that name stays in force."""
        kind, name = resource.type, resource.name
        channel = self._channels[kind]
        if kind is Type.ROUTES:
            self._holdings.refuse(name, nonce)
        if name not in channel.sent and name in channel.accepted and name not in channel.doubtful:
            channel.sent[name] = channel.accepted[name]
        self._quarantine.add(resource, self._config.resources.get((kind, name)), message)

    # What goes out

    def responses(self, now: float) -> list[Response]:
        """Return what to send now, in order; *now* in seconds of any steady clock."""
        if not self.is_connected or not self._config.resources:
            return []
        out = [response for kind in Type for response in self._additions(kind, now)]
        for kind in WILDCARD_REMOVALS:
            out += self._removals(kind, self._channels[kind].gone)
        if self._channels[Type.ROUTES].open:  # before, Envoy has not said which tables it holds
            gone = self._channels[Type.CLUSTER].gone
            out += self._removals(Type.CLUSTER, {name for name in gone if not self._holdings.is_used(name)})
        return out

    def deadline(self) -> float | None:
        """Return when `responses` should be asked again though nothing happened; None when it need not be."""
        return self._gate.deadline() if self.is_connected else None

    def _additions(self, kind: Type, now: float) -> Iterator[Response]:
        """Yield what is due, and each group of suspects by itself.

        Listeners that go are in the same response as those that come: they may have the same address.
        """
        channel = self._channels[kind]
        if not channel.open:
            return
        if not channel.dirty:
            channel.dirty = set()  # one that held thousands once stays slow to go through
        groups, channel.suspects = channel.suspects, []
        suspected = {name for group in groups for name in group}
        ready = [r for name in sorted(channel.dirty - suspected) if (r := self._due(kind, name, now))]
        if ready:
            going = channel.gone - channel.one_by_one if kind is Type.LISTENER else ()
            yield self._send(kind, ready, tuple(sorted(going)))
        for group in groups:
            alone = [r for name in group if (r := self._due(kind, name, now))]
            if alone:
                yield self._send(kind, alone)

    def _due(self, kind: Type, name: str, now: float) -> XdsResource | None:
        """Return the resource of *name* when it has to be sent now, and forget about it when it has not.

        It is not due, 1. when nothing of that name is desired, or it is refused and nothing better is known, 2. when
        Envoy did not ask for it (then it will), 3. when it was sent, 4. while a table's clusters are not warm.
        """
        channel = self._channels[kind]
        resource = self._best(kind, name)
        is_asked_for = not kind.by_name or name in channel.subscribed
        is_new = resource is not None and (channel.sent.get(name) != resource.version or name in channel.again)
        if resource is None or not is_asked_for or not is_new:
            channel.dirty.discard(name)
            if kind is Type.ROUTES:
                self._gate.rest(name)
            return None
        must_wait = kind is Type.ROUTES and self._gate.must_wait(resource, self._warm, now)
        return None if must_wait else resource

    def _best(self, kind: Type, name: str) -> XdsResource | None:
        desired = self._config.resources.get((kind, name))
        return None if desired is None else self._quarantine.best(desired, self._config)

    @property
    def _warm(self) -> Set[str]:
        return self._channels[Type.ENDPOINTS].accepted.keys()

    def _send(self, kind: Type, resources: list[XdsResource], removed: tuple[str, ...] = ()) -> Response:
        if kind is Type.CLUSTER:
            self._resend_endpoints(r.name for r in resources if r.name in self._channels[kind].touched)
        response = self._respond(kind, tuple(resources), removed)
        if kind is Type.ROUTES:
            for resource in resources:
                self._holdings.send(resource.name, response.nonce, resource.needs)
        return response

    def _resend_endpoints(self, clusters: Iterable[str]) -> None:
        """Envoy warms an updated cluster anew, even if it says on a new stream that it has the endpoints."""
        for cluster in clusters:
            self._channels[Type.ENDPOINTS].again.add(cluster)
            self._channels[Type.ENDPOINTS].dirty.add(cluster)

    def _removals(self, kind: Type, names: Collection[str]) -> Iterator[Response]:
        channel = self._channels[kind]
        if not channel.open:
            return
        singles = sorted(channel.one_by_one.intersection(names))
        for removed in (tuple(sorted(set(names).difference(singles))), *((name,) for name in singles)):
            if removed:
                if kind is Type.CLUSTER:
                    self._cool(frozenset(removed))
                yield self._respond(kind, (), removed)

    def _cool(self, clusters: frozenset[str]) -> None:
        """*clusters* go. Should one come back at once, it has to warm again, by endpoints sent after this."""
        endpoints = self._channels[Type.ENDPOINTS]
        for cluster in clusters:
            endpoints.accepted.pop(cluster, None)
        for nonce, r in endpoints.in_flight.items():
            left = tuple(resource for resource in r.resources if resource.name not in clusters)
            if len(left) < len(r.resources):
                endpoints.in_flight[nonce] = Response(r.type, left, r.removed, nonce)

    def _respond(self, kind: Type, resources: tuple[XdsResource, ...], removed: tuple[str, ...]) -> Response:
        self._nonce += 1
        response = Response(kind, resources, removed, str(self._nonce))
        self._channels[kind].put(response)
        return response

    # What is known

    def unsettled(self, ids: Iterable[Id]) -> set[Id]:
        """Return those of *ids* that Envoy has neither acknowledged nor refused, nor will never ask for."""
        return {i for i in ids if not self.is_settled(*i)} - self._blocked()

    def _blocked(self) -> set[Id]:
        """Return what waits for nothing that will come (`agent/blocked.py`), and tables whose clusters never warm."""
        found = blocked(self._config, self._channels)
        never_warm = {name for kind, name in found if kind is Type.ENDPOINTS}
        for table in self._gate.waiting if never_warm else ():
            resource = self._best(Type.ROUTES, table)
            if resource is not None and all(c in never_warm or c in self._warm for c in resource.needs):
                found.add((Type.ROUTES, table))
        return found

    def is_settled(self, kind: Type, name: str) -> bool:
        """Whether Envoy has acknowledged or refused what is desired of *name*, or that nothing is any more.

        A cluster that waits for a drain to end counts: it is out of use already.
        """
        channel = self._channels[kind]
        desired = self._config.resources.get((kind, name))
        if desired is None:
            return kind not in WILDCARD_REMOVALS or (name not in channel.gone and name not in channel.unanswered)
        if self._quarantine.holds(desired):
            return True
        is_open = name in channel.again or name in channel.unanswered or not self.is_connected
        return channel.accepted.get(name) == desired.version and not is_open

    def accepted(self, kind: Type) -> Mapping[str, str]:
        """Return name → version that Envoy has acknowledged."""
        return self._channels[kind].accepted

    def refusals(self) -> Iterator[tuple[XdsResource, Refusal]]:
        """Yield what is desired and refused, with Envoy's words."""
        for kind, channel in self._channels.items():
            for name, refusal in sorted(channel.refused.items()):
                desired = self._config.resources.get((kind, name))
                if desired is not None and self._quarantine.holds(desired):
                    yield desired, refusal

    def stuck(self) -> Mapping[Id, str]:
        """Return what Envoy refuses to remove → its words."""
        return {(kind, name): why for kind, c in self._channels.items() for name, why in c.stuck.items()}

    def waiting(self) -> Mapping[str, float]:
        """Return table → when it goes out though its clusters are not warm."""
        return self._gate.waiting

    def overdue(self) -> Mapping[str, frozenset[str]]:
        """Return table → clusters that were not warm in time when it went out, and are not yet."""
        return self._gate.overdue(self._warm)

    @property
    def config(self) -> EnvoyConfig:
        """What is desired."""
        return self._config
