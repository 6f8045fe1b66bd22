"""What is remembered of one xDS type on one stream. Values and bookkeeping; every decision is Rollout's."""

from collections.abc import Iterable

from attrs import define, field, frozen

from agent.compiler.envoy_config import Type, XdsResource

MAX_MESSAGE = 600
"""Envoy's words may carry the text of whole messages."""


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
class Channel:
    """One xDS type of the stream.

    Attributes:
        by_name: as of the Type.
        open: whether Envoy has asked for this type.
        subscribed: names that Envoy asked for, of a type that goes by name.
        sent: name → version that Envoy has, or will have once it has read everything.
        accepted: name → version that Envoy acknowledged last.
        good: name → the resource that it acknowledged last; outlives the stream, for an Envoy that starts anew.
        refused: name → what it refused.
        doubtful: names of which Envoy may hold another version than the one accepted, after the NACK of several;
            outlives the stream.
        touched: names that Envoy may hold, of a type that does not go by name.
        unanswered: name → nonce of the last response about it that Envoy has not answered.
        dirty: names whose desired version may differ from the one sent.
        again: names to send even if their version was sent before.
        gone: names that are no longer desired and not removed yet.
        one_by_one: of these, the ones to remove in a response of their own.
        stuck: name → Envoy's words on why it does not remove it.
        in_flight: nonce → what it carries.
        suspects: groups of names, each to be sent by itself.
    """

    by_name: bool
    open: bool = False
    subscribed: set[str] = field(factory=set)
    sent: dict[str, str] = field(factory=dict)
    accepted: dict[str, str] = field(factory=dict)
    good: dict[str, XdsResource] = field(factory=dict)
    refused: dict[str, Refusal] = field(factory=dict)
    doubtful: set[str] = field(factory=set)
    touched: set[str] = field(factory=set)
    unanswered: dict[str, str] = field(factory=dict)
    dirty: set[str] = field(factory=set)
    again: set[str] = field(factory=set)
    gone: set[str] = field(factory=set)
    one_by_one: set[str] = field(factory=set)
    stuck: dict[str, str] = field(factory=dict)
    in_flight: dict[str, Response] = field(factory=dict)
    suspects: list[tuple[str, ...]] = field(factory=list)

    def restart(self, desired: Iterable[str]) -> None:
        """A new stream: what was on the way is lost, what Envoy has it will say itself.

        It does not say what it took from a response that it refused as a whole: of that it names the version from
        before, or nothing. Such names stay in doubt, and the ones of which it may not even have told us are so too.
        """
        self.doubtful.update(self.unanswered)
        self.open = False
        self.dirty = set(desired)
        self.gone = set() if self.by_name else self.touched - self.dirty
        stale = (self.subscribed, self.sent, self.accepted, self.unanswered, self.again)
        for each in (*stale, self.one_by_one, self.stuck, self.in_flight, self.suspects):
            each.clear()

    def answered(self, nonce: str) -> Response | None:
        """Take the response *nonce* off those in flight; None when it is none of this stream."""
        response = self.in_flight.pop(nonce, None)
        for name in (*(r.name for r in response.resources), *response.removed) if response else ():
            if self.unanswered.get(name) == nonce:
                del self.unanswered[name]
        return response

    def put(self, response: Response) -> None:
        """Note that *response* was sent."""
        self.in_flight[response.nonce] = response
        for resource in response.resources:
            self.sent[resource.name] = resource.version
            if not self.by_name:
                self.touched.add(resource.name)
            self.unanswered[resource.name] = response.nonce
            self.dirty.discard(resource.name)
            self.again.discard(resource.name)
        for name in response.removed:
            self.unanswered[name] = response.nonce
            self.forget(name)
            self.gone.discard(name)
            self.one_by_one.discard(name)

    def forget(self, name: str) -> None:
        """Nothing of *name* is in Envoy any more, or soon nothing will be."""
        for versions in (self.sent, self.accepted, self.good):
            versions.pop(name, None)
        self.doubtful.discard(name)


def shortened(message: str) -> str:
    """Return Envoy's words on one line, without the text of whole messages."""
    line = " ".join(message.split())
    return line if len(line) <= MAX_MESSAGE else line[: MAX_MESSAGE - 1] + "…"
