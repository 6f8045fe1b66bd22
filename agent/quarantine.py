"""What Envoy should have in the place of what it refused. Pure; when it is sent is Rollout's."""

from collections.abc import Callable, Mapping

from agent.channel import Channel, Refusal, shortened
from agent.compiler.envoy_config import EnvoyConfig, Type, XdsResource


class Quarantine:
    """Refused versions are not sent again until they change; something better may be sent instead.

    Args:
        channels: what is known of each type.
        refused_table: name → the table that stands in for a first one that Envoy refused.
    """

    def __init__(self, channels: Mapping[Type, Channel], refused_table: Callable[[str], XdsResource]) -> None:
        self._channels = channels
        self._refused_table = refused_table
        self._stand_ins: dict[str, XdsResource] = {}
        self._hopeless: set[str] = set()
        self._tried_again: set[str] = set()

    def __repr__(self) -> str:
        return f"<Quarantine {sum(len(c.refused) for c in self._channels.values())} refused>"

    def holds(self, desired: XdsResource | None) -> bool:
        """Whether Envoy refused just this."""
        if desired is None:
            return False
        refusal = self._channels[desired.type].refused.get(desired.name)
        return refusal is not None and refusal.version == desired.version

    def best(self, desired: XdsResource, config: EnvoyConfig) -> XdsResource | None:
        """Return what Envoy should have where *desired* is desired.

        1. Not refused, or a listener that is tried again: that.
        2. Refused, and the last good version still makes sense: that one, so that Envoy certainly has it.
        3. A refused table, and Envoy has none: the stand-in.
        4. Else nothing: Envoy keeps what it has.
        """
        if not self.holds(desired) or (desired.type is Type.LISTENER and desired.name in self._tried_again):
            return desired
        channel, name, is_table = self._channels[desired.type], desired.name, desired.type is Type.ROUTES
        good = channel.good.get(name)
        if good is not None and not (is_table and any((Type.CLUSTER, c) not in config.resources for c in good.needs)):
            return good
        if not is_table or name in self._hopeless:
            return None
        stand_in = self._stand_ins.get(name) or self._stand_ins.setdefault(name, self._refused_table(name))
        return stand_in if channel.accepted.get(name, stand_in.version) == stand_in.version else None

    def is_stand_in(self, resource: XdsResource) -> bool:
        """Whether *resource* is not the user's but ours, in the place of a refused table."""
        stand_in = self._stand_ins.get(resource.name) if resource.type is Type.ROUTES else None
        return stand_in is not None and stand_in.version == resource.version

    def add(self, refused: XdsResource, desired: XdsResource | None, message: str) -> None:
        """Envoy has refused *refused* by itself. What came in the place of *desired* does not replace its refusal."""
        channel, name = self._channels[refused.type], refused.name
        good = channel.good.get(name)
        if good is not None and good.version == refused.version:
            del channel.good[name]
        self._settle_trial(refused)
        is_desired = desired is not None and desired.version == refused.version
        if is_desired or not self.holds(desired):
            channel.refused[name] = Refusal(refused.version, shortened(message))
        elif self.is_stand_in(refused):
            self._hopeless.add(name)

    def accept(self, accepted: XdsResource, desired: XdsResource | None) -> None:
        """Envoy has accepted *accepted*."""
        channel, name = self._channels[accepted.type], accepted.name
        self._settle_trial(accepted)
        if not self.is_stand_in(accepted):
            channel.good[name] = accepted
        refusal = channel.refused.get(name)
        if refusal is not None and accepted.version in (refusal.version, desired and desired.version):
            del channel.refused[name]

    def try_again(self, listener: str) -> None:
        """Let *listener* be sent once more though it is refused: the world may have changed, as a port got free."""
        self._tried_again.add(listener)

    def _settle_trial(self, answered: XdsResource) -> None:
        if answered.type is Type.LISTENER:
            self._tried_again.discard(answered.name)

    def forget(self, kind: Type, name: str) -> None:
        """Nothing of *name* is desired any more."""
        self._channels[kind].refused.pop(name, None)
        self._channels[kind].good.pop(name, None)
        if kind is Type.ROUTES:
            self._hopeless.discard(name)
            self._stand_ins.pop(name, None)
