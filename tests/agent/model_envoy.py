"""What an Envoy does with delta xDS, as far as delivery depends on it: warming, refusals, subscriptions, drains.

Refused is what has "bad" for content. Sources: Envoy, "xDS protocol"; `NewGrpcMuxImpl` and `DeltaSubscriptionState` for
what is said again after an interest came back; and trials with the real one.
"""

from collections import deque
from collections.abc import Callable

from attrs import define, field

from agent.channel import Response
from agent.compiler.envoy_config import Type, XdsResource
from agent.rollout import Rollout

Message = Callable[[Rollout], None]
BY_NAME = (Type.ENDPOINTS, Type.ROUTES)


@define
class ModelEnvoy:
    """One Envoy, and both directions of its stream.

    Attributes:
        has: type → name → what is in force.
        reported: type → name → version that it would name on a new stream.
        cold: clusters that never had endpoints.
        warming: clusters whose update waits for endpoints.
        blocking: of these, the ones whose endpoints it still waits for: until then it says nothing about clusters.
        held: what it has to say about clusters.
        subscribed: type → names.
        interests: type → name → whether it is to be subscribed (or unsubscribed) with the next message.
        draining: listeners that were removed and still hold their tables.
        inbox: responses on their way.
        outbox: messages to the agent on their way.
        late: nonces of responses that may name cold clusters.
    """

    has: dict[Type, dict[str, XdsResource]] = field(factory=lambda: {kind: {} for kind in Type})
    reported: dict[Type, dict[str, str]] = field(factory=lambda: {kind: {} for kind in Type})
    cold: set[str] = field(factory=set)
    warming: set[str] = field(factory=set)
    blocking: set[str] = field(factory=set)
    held: deque[Message] = field(factory=deque)
    subscribed: dict[Type, set[str]] = field(factory=lambda: {kind: set() for kind in BY_NAME})
    interests: dict[Type, dict[str, bool]] = field(factory=lambda: {kind: {} for kind in BY_NAME})
    draining: list[XdsResource] = field(factory=list)
    inbox: deque[Response] = field(factory=deque)
    outbox: deque[Message] = field(factory=deque)
    late: set[str] = field(factory=set)

    @property
    def is_hiding(self) -> bool:
        """Whether something is in force, or warms, that a new stream would not name: no new agent could know of it."""
        unsaid = (r for kind, rs in self.has.items() for n, r in rs.items() if self.reported[kind].get(n) != r.version)
        return bool(self.warming - self.blocking) or any(unsaid)

    def connect(self) -> None:
        """Open a stream: ask for every type, and say what is held."""
        self.inbox.clear()
        self.outbox.clear()
        self.held.clear()
        self.outbox.append(Rollout.connected)
        for kind in Type:
            self.interests.get(kind, {}).clear()
            names = set(self.subscribed.get(kind, ()))
            has = {n: v for n, v in self.reported[kind].items() if kind not in BY_NAME or n in names}
            self._say(kind, lambda r, k=kind, n=names, h=has: r.subscribe(k, n, h))  # type: ignore[misc]

    def read(self, *, all_or_nothing: bool) -> None:
        """Take the next response, and answer it.

        Args:
            all_or_nothing: when something in it is bad, nothing of it is applied, as after an error of decoding.
        """
        response = self.inbox.popleft()
        kind, nonce = response.type, response.nonce
        is_bad = any(is_refused(r) for r in response.resources)
        if not (is_bad and all_or_nothing):
            for name in response.removed:
                self._remove(kind, name)
            for resource in response.resources:
                if not is_refused(resource):
                    self._apply(resource, nonce)
        if is_bad:
            self._say(kind, lambda r: r.nack(kind, nonce, "bad"))
            return
        for resource in response.resources:
            if resource.name in self.has[kind]:
                self.reported[kind][resource.name] = resource.version
        self._say(kind, lambda r: r.ack(kind, nonce))

    def say_interests(self, kind: Type) -> None:
        """Send what changed in the subscriptions of *kind*."""
        changes, self.interests[kind] = self.interests[kind], {}
        wanted = {name for name, is_wanted in changes.items() if is_wanted}
        unwanted = changes.keys() - wanted
        if unwanted:
            self.outbox.append(lambda r: r.unsubscribe(kind, unwanted))
        if wanted:
            self.outbox.append(lambda r: r.subscribe(kind, wanted, {}))

    def give_up_warming(self) -> set[str]:
        """Wait no longer for endpoints; return of which clusters."""
        waited, self.blocking = self.blocking, set()
        self._speak_of_clusters()
        return waited

    def _say(self, kind: Type, message: Message) -> None:
        (self.held if kind is Type.CLUSTER and self.blocking else self.outbox).append(message)

    def _speak_of_clusters(self) -> None:
        if not self.blocking:
            self.outbox.extend(self.held)
            self.held.clear()

    def finish_drains(self) -> None:
        """Let the removed listeners go."""
        self.draining.clear()
        self._follow_tables()

    def _apply(self, resource: XdsResource, nonce: str) -> None:
        kind, name = resource.type, resource.name
        if kind in BY_NAME and name not in self.subscribed[kind]:
            return
        before = self.has[kind].get(name)
        self.has[kind][name] = resource
        if kind is Type.CLUSTER and (before is None or before.version != resource.version):
            (self.cold if before is None else self.warming).add(name)
            self.blocking.add(name)
            self._interest(Type.ENDPOINTS, name, wanted=True)
        elif kind is Type.ENDPOINTS:
            self._warm(name)
        elif kind is Type.ROUTES:
            self._check_warm(resource, nonce)
        else:
            self._follow_tables()

    def _warm(self, cluster: str) -> None:
        for waiting in (self.cold, self.warming, self.blocking):
            waiting.discard(cluster)
        self._speak_of_clusters()

    def _check_warm(self, table: XdsResource, nonce: str) -> None:
        for cluster in table.needs:
            is_warm = cluster in self.has[Type.CLUSTER] and cluster not in self.cold

            assert is_warm or nonce in self.late, f"{table} names {cluster}, which is not warm"

    def _remove(self, kind: Type, name: str) -> None:
        self.reported[kind].pop(name, None)
        removed = self.has[kind].pop(name, None)
        if kind is Type.CLUSTER:
            users = [table for table in self.has[Type.ROUTES].values() if name in table.needs]

            assert [] == users, f"cluster {name} was removed"

            self._warm(name)
            self._interest(Type.ENDPOINTS, name, wanted=False)
        elif removed is not None:
            if kind is Type.LISTENER:
                self.draining.append(removed)
            self._follow_tables()

    def _follow_tables(self) -> None:
        holders = (*self.has[Type.LISTENER].values(), *self.has[Type.SCOPE].values(), *self.draining)
        wanted = {table for holder in holders for table in holder.needs}
        for table in self.subscribed[Type.ROUTES] ^ wanted:
            self._interest(Type.ROUTES, table, wanted=table in wanted)

    def _interest(self, kind: Type, name: str, *, wanted: bool) -> None:
        if (name in self.subscribed[kind]) == wanted:
            return
        self.interests[kind][name] = wanted
        if wanted:
            self.subscribed[kind].add(name)
        else:
            self.subscribed[kind].discard(name)
            self.has[kind].pop(name, None)
            self.reported[kind].pop(name, None)


def is_refused(resource: XdsResource) -> bool:
    return resource.body.endswith(b"=bad")
