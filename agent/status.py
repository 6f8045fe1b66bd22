"""What a host says about itself, from what Rollout knows and what was read back from Envoy. Pure.

An acknowledgement is not "serving": clusters, listeners and tables count as active when Envoy's admin shows them at our
version. Endpoints and scopes are in no dump that is cheap enough; there the acknowledgement has to do.
"""

from collections.abc import Mapping

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


def counts(rollout: Rollout, active: Mapping[Id, str]) -> dict[str, TypeCounts]:
    """Return type → how many resources are accepted, warming, active, rejected."""
    refused = [resource.type for resource, _ in rollout.refusals()]
    found = {}
    for kind in Type:
        accepted = rollout.accepted(kind)
        live = len(accepted) if kind not in READ_BACK else sum(active.get((kind, n)) == v for n, v in accepted.items())
        found[kind.word] = TypeCounts(len(accepted), len(accepted) - live, live, refused.count(kind))
    return found


def notes(rollout: Rollout, snapshot: Snapshot, unread: Mapping[str, str], unresolved: Mapping[str, str]) -> list[str]:
    """Return what a person should know though nothing was refused, sorted."""
    stuck = (f"{kind.word}/{name} is not removed: {why}" for (kind, name), why in rollout.stuck().items())
    waiting = (f"routes/{table} waits for a cluster to warm" for table in rollout.waiting())
    overdue = (f"routes/{t} is out though not warm: {', '.join(sorted(c))}" for t, c in rollout.overdue().items())
    broken = (f"{key}: unreadable record: {why}" for key, why in unread.items())
    newer = (f"{key}: {entry.diagnostics[0].message}" for key, entry in snapshot.entries.items() if not entry.resource)
    dns = (f"DNS {name}: {why}" for name, why in unresolved.items())
    return sorted((*stuck, *waiting, *overdue, *broken, *newer, *dns))


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
    envoy: EnvoyState,
    held: str | None,
    said: tuple[str, ...],
    agent_version: str,
) -> HostStatus:
    """Return the whole status.

    Args:
        settled: the latest snapshot of which everything is active or rejected; None when Envoy has to show it anew.
        active: id → version that Envoy showed.
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
        xds=counts(rollout, active),
        envoy_state=envoy_state(envoy, rollout),
        envoy_version=envoy.version,
        agent_version=agent_version,
        envoy_restarts=envoy.restarts,
        envoy_exit=envoy.last_exit,
    )
