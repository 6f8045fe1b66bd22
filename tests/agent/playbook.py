"""A language for transcripts between Envoy and Rollout. `>>` is what comes in, `<<` what has to go out next:

    Playbook() >> offer("c:a e:a r:t>a") >> asks("c") << sends("c:a") >> acks("c") << nothing

A resource is `<type>:<name>[=<content>][><table or cluster>+…]`, with the types c e l s r in the order of rollout; the
content is "1" unless told. Nothing may go out that the transcript does not name.
"""

from collections.abc import Callable, Mapping

from attrs import frozen
from immutables import Map

from agent.channel import Response
from agent.compiler.envoy_config import EnvoyConfig, Id, Type, XdsResource, version_of
from agent.rollout import Rollout

TYPES = {"c": Type.CLUSTER, "e": Type.ENDPOINTS, "l": Type.LISTENER, "s": Type.SCOPE, "r": Type.ROUTES}


def body(name: str, content: str) -> bytes:
    return f"{name}={content}".encode()


def resource(word: str) -> XdsResource:
    """Return the resource that *word* spells."""
    kind, _, rest = word.partition(":")
    rest, _, needs = rest.partition(">")
    name, _, content = rest.partition("=")
    return XdsResource(TYPES[kind], name, body(name, content or "1"), frozenset(filter(None, needs.split("+"))))


def config(words: str) -> EnvoyConfig:
    """Return the configuration of all resources in *words*."""
    return EnvoyConfig(Map({(r.type, r.name): r for r in map(resource, words.split())}))


def ids(words: str) -> set[Id]:
    """Return what *words* name."""
    return set(config(words).resources)


def stand_in(name: str) -> XdsResource:
    return XdsResource(Type.ROUTES, name, body(name, "503"))


@frozen
class Sent:
    """What has to go out: in this order of names, nothing more."""

    kind: Type
    resources: tuple[tuple[str, str], ...]
    removed: tuple[str, ...]

    @classmethod
    def of(cls, response: Response) -> "Sent":
        return cls(response.type, tuple((r.name, r.version) for r in response.resources), response.removed)


Event = Callable[["Playbook"], None]
nothing = None


class Playbook:
    """One Rollout, and a clock that stands still unless told.

    Attributes:
        rollout: the real thing.
    """

    def __init__(self, *, connect: bool = True) -> None:
        self.rollout = Rollout(stand_in)
        self.now = 100.0
        self.unanswered: list[Response] = []
        self._unread: list[Response] = []
        if connect:
            self.rollout.connected()

    def __rshift__(self, event: Event) -> "Playbook":
        self << nothing
        event(self)
        sent = self.rollout.responses(self.now)
        self._unread += sent
        self.unanswered += sent
        return self

    def __lshift__(self, expected: Sent | None) -> "Playbook":
        if expected is None:
            assert [] == [Sent.of(response) for response in self._unread]
        else:
            assert self._unread, f"nothing was sent instead of {expected}"
            assert expected == Sent.of(self._unread.pop(0))
        return self

    def take(self, word: str) -> Response:
        """Return the oldest unanswered response of a type."""
        response = next(r for r in self.unanswered if r.type is TYPES[word])
        self.unanswered.remove(response)
        return response

    def unsettled(self, words: str) -> set[Id]:
        """Return which of *words* are not settled."""
        return self.rollout.unsettled(ids(words))


def sends(words: str, *, removed: str = "") -> Sent:
    """Expect one response with the resources *words*, and the names *removed*."""
    resources = [resource(word) for word in words.split()]
    return Sent(resources[0].type, tuple((r.name, r.version) for r in resources), tuple(removed.split()))


def removes(kind: str, names: str) -> Sent:
    """Expect one response that removes *names*."""
    return Sent(TYPES[kind], (), tuple(names.split()))


def offer(words: str) -> Event:
    """The compiler comes with a new configuration."""

    def event(play: Playbook) -> None:
        after, before = config(words), play.rollout.config
        both = {*after.resources, *before.resources}
        play.rollout.offer(after, {i for i in both if after.resources.get(i) != before.resources.get(i)})

    return event


def connects(play: Playbook) -> None:
    """Envoy opens a stream; what was on the way on the old one is lost."""
    play.unanswered.clear()
    play.rollout.connected()


def leaves(play: Playbook) -> None:
    """The stream ends."""
    play.rollout.disconnected()


def asks(kind: str, names: str = "", *, has: str = "") -> Event:
    """Envoy subscribes; *has* are resources that it says it holds."""
    held: Mapping[str, str] = {r.name: r.version for r in map(resource, has.split())}
    return lambda play: play.rollout.subscribe(TYPES[kind], names.split(), held)


def drops(kind: str, names: str) -> Event:
    """Envoy unsubscribes."""
    return lambda play: play.rollout.unsubscribe(TYPES[kind], names.split())


def acks(kind: str) -> Event:
    """Envoy acknowledges the oldest response of a type."""
    return lambda play: play.rollout.ack(TYPES[kind], play.take(kind).nonce)


def refuses(kind: str, words: str = "bad") -> Event:
    """Envoy refuses the oldest response of a type."""
    return lambda play: play.rollout.nack(TYPES[kind], play.take(kind).nonce, words)


def later(seconds: float) -> Event:
    """Time passes."""

    def event(play: Playbook) -> None:
        play.now += seconds

    return event


def version(word: str) -> str:
    """Return the version of the resource that *word* spells."""
    return version_of(resource(word).body)


def serving(words: str) -> Playbook:
    """Return a Playbook in which Envoy has asked for, and accepted, all of *words*."""
    play = Playbook()
    rollout = play.rollout
    offer(words)(play)
    for kind in TYPES.values():
        rollout.subscribe(kind, rollout.config.names(kind), {})
    while responses := rollout.responses(play.now):
        for response in responses:
            rollout.ack(response.type, response.nonce)
    assert set() == rollout.unsettled(rollout.config.resources)
    return play
