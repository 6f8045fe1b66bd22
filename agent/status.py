"""What a host says about itself, from what Rollout knows and what was read back from Envoy. Pure.

An acknowledgement is not "serving": clusters, listeners and tables count as active when Envoy's admin shows them at our
version. Endpoints and scopes are in no dump that is cheap enough; there the acknowledgement has to do.
"""

from collections import Counter
from collections.abc import Collection, Mapping

from attrs import frozen

from agent.channel import Refusal
from agent.compiler.envoy_config import Id, Type, XdsResource
from agent.rollout import Rollout
from store.host import HostStatus, Rejection, TypeCounts
from store.snapshot import Snapshot

READ_BACK = (Type.CLUSTER, Type.LISTENER, Type.ROUTES)
"""Types whose active version Envoy's admin tells."""


@frozen
class EnvoyState:
    """The process, as its supervisor knows it."""

    running: bool
    version: str | None = None
    restarts: int = 0
    last_exit: str | None = None


def to_read_back(rollout: Rollout, ids: set[Id]) -> dict[Type, dict[str, str]]:
    """Return type → name → version that Envoy should show as active, of those *ids* that it has acknowledged."""
    wanted: dict[Type, dict[str, str]] = {}
    for kind, name in ids:
        desired = rollout.config.resources.get((kind, name))
        if kind in READ_BACK and desired and rollout.accepted(kind).get(name) == desired.version:
            wanted.setdefault(kind, {})[name] = desired.version
    return wanted


def rejections(rollout: Rollout, snapshot: Snapshot) -> tuple[Rejection, ...]:
    """Return what Envoy refused, mapped to the resources it was made from."""
    return tuple(_rejection(resource, refusal, snapshot) for resource, refusal in rollout.refusals())


def _rejection(resource: XdsResource, refusal: Refusal, snapshot: Snapshot) -> Rejection:
    xds = f"{resource.type.word}/{resource.name}"
    if not resource.origins:
        return Rejection(xds, refusal.message)
    first, *others = resource.origins
    entry = snapshot.entries.get(first)
    source = entry.record.source if entry else None
    return Rejection(
        xds,
        refusal.message,
        str(first),
        source.file if source else None,
        source.line if source else None,
        tuple(map(str, others)),
    )


def counts(rollout: Rollout, active: Mapping[Id, str], unsettled: Collection[Id]) -> dict[str, TypeCounts]:
    """Return type → how many resources are accepted, warming, active, rejected.

    What is not *unsettled* has shown itself as active already, so the cost follows what is.
    """
    refused = Counter(resource.type for resource, _ in rollout.refusals())
    warming = Counter(
        kind for kind, name in unsettled if kind in READ_BACK and _is_warming(rollout, active, kind, name)
    )
    sizes = {kind: len(rollout.accepted(kind)) for kind in Type}
    return {k.word: TypeCounts(sizes[k], warming[k], sizes[k] - warming[k], refused[k]) for k in Type}


def _is_warming(rollout: Rollout, active: Mapping[Id, str], kind: Type, name: str) -> bool:
    accepted = rollout.accepted(kind).get(name)
    return accepted is not None and active.get((kind, name)) != accepted


def notes(rollout: Rollout, unread: Mapping[str, str], unresolved: Mapping[str, str]) -> list[str]:
    """Return what a person should know though nothing was refused, sorted."""
    stuck = (f"{kind.word}/{name} is not removed: {why}" for (kind, name), why in rollout.stuck().items())
    waiting = (f"routes/{table} waits for a cluster to warm" for table in rollout.waiting())
    overdue = (f"routes/{t} is out though not warm: {', '.join(sorted(c))}" for t, c in rollout.overdue().items())
    broken = (f"{key}: unreadable record: {why}" for key, why in unread.items())
    dns = (f"DNS {name}: {why}" for name, why in unresolved.items())
    return sorted((*stuck, *waiting, *overdue, *broken, *dns))


def envoy_state(envoy: EnvoyState, rollout: Rollout) -> str:
    """Return `live`, `starting` or `down`."""
    if not envoy.running:
        return "down"
    return "live" if rollout.is_connected else "starting"


def host_status(
    *,
    rollout: Rollout,
    snapshot: Snapshot,
    settled: Snapshot | None,
    active: Mapping[Id, str],
    unsettled: Collection[Id],
    envoy: EnvoyState,
    held: str | None,
    said: tuple[str, ...],
    agent_version: str,
) -> HostStatus:
    """Return the whole status.

    Args:
        settled: the latest snapshot of which everything is active or rejected; None when Envoy has to show it anew.
        active: id → version that Envoy showed.
        unsettled: ids that Envoy has not answered, or not shown, since they changed.
        said: see `notes`.
    """
    return HostStatus(
        apply=snapshot.head.apply if snapshot.head else None,
        revision=snapshot.revision,
        active_apply=settled.head.apply if settled and settled.head else None,
        active_revision=settled.revision if settled else 0,
        rejections=rejections(rollout, snapshot),
        held=held,
        notes=said,
        xds=counts(rollout, active, unsettled),
        envoy_state=envoy_state(envoy, rollout),
        envoy_version=envoy.version,
        agent_version=agent_version,
        envoy_restarts=envoy.restarts,
        envoy_exit=envoy.last_exit,
    )
