"""Hosts as tables and as JSON: for `hosts`, and at the end of `status`."""

from collections.abc import Iterable, Mapping, Sequence

from ctl.output import ago
from store.host import Head, to_json
from store.hosts import KnownHost, has_reached

HEADER = ("HOST", "STATE", "ADDRESS", "LABELS", "APPLY", "ENVOY", "AGENT", "NOTES")
WIDE_HEADER = (*HEADER[:-1], "NAMESPACE", "UP", "RESTARTS", "XDS", "NOTES")


def rows(hosts: Iterable[KnownHost], head: Head | None, *, wide: bool, now: float) -> list[Sequence[str]]:
    """Return header and rows of the table of hosts.

    Args:
        head: the mesh's; hosts that are behind say so.
        now: seconds since the epoch.
    """
    return [WIDE_HEADER if wide else HEADER, *(_row(host, head, wide=wide, now=now) for host in hosts)]


def _row(host: KnownHost, head: Head | None, *, wide: bool, now: float) -> Sequence[str]:
    record, status = host.record, host.status
    labels = ",".join(f"{name}={value}" for name, value in sorted(record.labels.items())) if record else ""
    first = [host.name, host.state, record.address if record else "", labels, host.active_apply or ""]
    versions = [_envoy(host) or "", _agent(host) or ""]
    more: list[str] = []
    if wide:
        counts = (f"{kind} {each.active}/{each.accepted}" for kind, each in (status.xds if status else {}).items())
        up = ago(now - record.since) if record and record.since else ""
        more = [record.namespace if record else "", up, str(status.envoy_restarts if status else ""), ", ".join(counts)]
    return [cell or "-" for cell in (*first, *versions, *more, "; ".join(notes(host, head)))]


def _envoy(host: KnownHost) -> str | None:
    return (host.status.envoy_version if host.status else None) or (host.record.envoy if host.record else None)


def _agent(host: KnownHost) -> str | None:
    return (host.record.agent if host.record else None) or (host.status.agent_version if host.status else None)


def notes(host: KnownHost, head: Head | None) -> list[str]:
    """Return what a person should know about *host*, the most pressing first; empty when all is well."""
    status = host.status
    if host.state == "gone":
        return ["left the mesh"]
    said = [] if host.state == "live" else ["lease ran out: the agent is down or cut off from etcd"]
    if status is None:
        return [*said, "no report yet"]
    if status.held:
        said.append(status.held)
    if host.state == "live" and status.envoy_state != "live":
        how = f" ({status.envoy_exit})" if status.envoy_exit else ""
        said.append(f"Envoy is {status.envoy_state}{how}")
    elif status.envoy_restarts:
        times = "once" if status.envoy_restarts == 1 else f"{status.envoy_restarts} times"
        said.append(f"Envoy was started again {times}, last after {status.envoy_exit}")
    if status.rejections:
        said.append(f"rejects {', '.join(each.resource or each.xds for each in status.rejections)}")
    if head and not has_reached(host.active_apply, head.apply):
        said.append(f"behind: head is {head.apply}")
    return [*said, *status.notes]


def is_well(host: KnownHost) -> bool:
    """Whether *host* does what the mesh wants of it, as far as it says; one that left does."""
    status = host.status
    if host.state != "live":
        return host.state == "gone"
    return status is not None and not status.held and not status.rejections and status.envoy_state == "live"


def host_json(host: KnownHost, head: Head | None, revisions: Mapping[str, int]) -> dict[str, object]:
    """Return *host* as the contract has it; what is not known is left out.

    Args:
        head: the mesh's.
        revisions: id of an apply → the etcd revision in which it was written, as far as that is known.
    """
    record, status = host.record, host.status
    answer: dict[str, object | None] = {
        "name": host.name,
        "state": host.state,
        "since": record.since if record else None,
        "agent": _agent(host),
        "envoy": _envoy(host),
        "address": record.address if record else None,
        "labels": dict(record.labels) if record else None,
        "namespace": record.namespace if record else None,
        "seen": to_json(host.seen) if host.seen else None,
        "notes": notes(host, head),
    }
    if status is not None:
        active: dict[str, object] | None = None
        if status.active_apply and host.active_apply:
            written = revisions.get(host.active_apply)
            active = {"apply": host.active_apply, **({"revision": written} if written else {})}
        restarts = {"state": status.envoy_state, "restarts": status.envoy_restarts, "lastExit": status.envoy_exit}
        answer |= {
            "active": active,
            "xds": {kind: to_json(counts) for kind, counts in status.xds.items()},
            "rejections": [to_json(each) for each in status.rejections],
            "process": {name: value for name, value in restarts.items() if value is not None},
            "held": status.held,
        }
    return {name: value for name, value in answer.items() if value is not None}
