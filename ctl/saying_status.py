"""`status`, from one survey: the latest apply, each resource's verdict, the hosts."""

from collections.abc import Iterator, Sequence

from attrs import evolve

from ctl import host_list
from ctl.changes import apply_json, resource_name
from ctl.exit_codes import ExitCode
from ctl.output import ago, print_object, show, table, talk
from ctl.standing import Standing, standings
from ctl.survey import Survey
from ctl.waiting import reason

HEADER = ("KIND", "NAME", "APPLY", "VERDICT", "HOSTS", "SOURCE", "REASON")
NOT_WELL = frozenset({"unread", "rejected", "warming"})


def status(survey: Survey, namespace: str | None, *, output: str, now: float) -> ExitCode:
    """Print *survey*, and return the exit code.

    Args:
        namespace: whose resources; None is all.
        output: table, wide, json, yaml or name.
        now: seconds since the epoch.

    Returns:
        YES when everything is active or unaffected on every host, else NO.
    """
    found = standings(survey.snapshot, survey.hosts) if survey.snapshot else []
    found = [_as_held(each) if str(each.key) in survey.foreign else each for each in found]
    listed = [each for each in found if namespace in (None, each.key.namespace)]
    if output in ("json", "yaml"):
        print_object(_as_json(survey, listed), output)
    elif output == "name":
        show(resource_name(each.key) for each in listed)
    else:
        _tables(survey, listed, wide=output == "wide", now=now)
    if survey.held:
        talk([f"meshctl: {survey.held}"])
    for key, why in survey.unread.items():
        talk([f"meshctl: {key} cannot be read: {why}"])
    well = not survey.held and not survey.unread and all(map(host_list.is_well, survey.hosts))
    return ExitCode.YES if well and not any(each.verdict in NOT_WELL for each in listed) else ExitCode.NO


def _as_held(each: Standing) -> Standing:
    """Return the standing of a record that no apply wrote: no host has it, whatever was there before."""
    return evolve(each, verdict="held", hosts={}, refused=())


def _as_json(survey: Survey, listed: Sequence[Standing]) -> dict[str, object]:
    held = {"held": survey.held} if survey.held else {}
    head = {"head": apply_json(survey.head, survey.revisions[survey.head.apply])} if survey.head else {}
    return {
        **head,
        **held,
        "resources": [each.to_json() for each in listed],
        "hosts": [host_list.host_json(host, survey.head, survey.revisions) for host in survey.hosts],
    }


def _tables(survey: Survey, listed: Sequence[Standing], *, wide: bool, now: float) -> None:
    show([_head_line(survey, now), ""])
    if listed:
        show([*table(HEADER, [row for each in listed for row in _rows(each)]), ""])
    if survey.hosts:
        header, *body = host_list.rows(survey.hosts, survey.head, wide=wide, now=now)
        show(table(header, body))
    else:
        talk(["no hosts yet: start `mesh-agent` on one"])


def _head_line(survey: Survey, now: float) -> str:
    head = survey.head
    if head is None:
        return "nothing was applied yet"
    message = f": {head.message}" if head.message else ""
    return f"apply {head.apply} by {head.author} {ago(now - head.time)} ago, {head.records} resources{message}"


def _rows(each: Standing) -> Iterator[Sequence[str]]:
    """Yield a resource's row, and one more for each further rejection."""
    key, record = each.key, each.entry.record
    name = key.name if key.namespace == "default" else f"{key.namespace}/{key.name}"
    hosts = ", ".join(f"{verdict} {count}" for verdict, count in each.hosts.items()) or "-"
    reasons = [f"{refused.host}: {reason(refused.rejection)}" for refused in each.refused]
    if each.verdict == "unread":
        reasons += [said.message for said in each.entry.diagnostics]
    if each.verdict == "held":
        reasons.append("changed without an apply")
    first, *others = reasons or ["-"]
    source = f"{record.source.file}:{record.source.line}"
    yield key.kind, name, record.apply, each.verdict, hosts, source, first
    yield from (("", "", "", "", "", "", other) for other in others)
