"""Making a change and saying what became of it: shared by `apply` and `delete`."""

import getpass
import os
import secrets
import socket
import time
from collections.abc import Mapping, Sequence

import trio
from attrs import evolve, field, frozen
from rich.text import Text

from ctl.added_findings import added_findings
from ctl.diagnostics import summary, to_json
from ctl.exit_codes import ExitCode
from ctl.findings import MAX_TOLD, tell
from ctl.inputs import Inputs
from ctl.output import print_object, show, style_of, styled, talk
from ctl.places import live_hosts
from ctl.waiting import HostRow, Patience, ctrl_c_cancels, host_table, say_late, unmet, wait_for_hosts
from store.client import (
    Applied,
    Origin,
    Result,
    State,
    Wanted,
    apply,
    judge,
    read_state,
    refuse_too_large,
    refuse_unexpected,
)
from store.diagnostic import Diagnostic
from store.etcd.client import Etcd
from store.host import Head
from store.keys import Keys
from store.resources.fields import Key


@frozen
class Change:
    """What is asked for.

    Attributes:
        wanted: each key at most once.
        message: why.
        if_head: see `store.client.apply`.
        adopt: see `store.client.apply`.
        dry_run: only say what would happen.
        patience: how to wait for hosts; None does not wait.
    """

    wanted: Sequence[Wanted]
    message: str = ""
    if_head: str | None = None
    adopt: bool = False
    dry_run: bool = False
    patience: Patience | None = None


@frozen
class Outcome:
    """What became of it.

    Attributes:
        applied: see `Applied`; of a dry run, what would have been.
        dry_run: whether nothing was written.
        hosts: None when nobody waited.
        stopped: whether the user stopped the waiting (Ctrl-C); `hosts` is what was known then.
        diagnostics: what else is to be said.
    """

    applied: Applied
    dry_run: bool = False
    hosts: tuple[HostRow, ...] | None = None
    stopped: bool = False
    diagnostics: tuple[Diagnostic, ...] = field(default=())


@frozen
class Outlook:
    """What a change would do, seen before it is made.

    Attributes:
        state: the mesh as it is.
        results: Key → what would happen to it.
        findings: what the change adds to be warned of.
    """

    state: State
    results: Mapping[Key, Result]
    findings: tuple[Diagnostic, ...] = ()


def author() -> str:
    """Return who is at the keyboard, `user@host`: for people, nothing depends on it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in containers
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


async def carry_out(
    etcd: Etcd,
    keys: Keys,
    change: Change,
    inputs: Inputs,
    *,
    output: str,
) -> ExitCode:
    """Say what is to be warned of, make *change*, say what was done, wait for the hosts, say what they answer.

    Warnings come before anything is written, so that Ctrl-C still helps. What was done is printed before the waiting
    begins, so that it is known however that ends; JSON and YAML are one object, printed at the end.

    Args:
        inputs: the documents behind `change.wanted`, none of them wrong; for a deletion no documents.
        output: table, wide, json, yaml or name.

    Returns:
        YES; REJECTED when a host refused it; TIMEOUT when not every host has answered before patience or Ctrl-C ended
        the waiting.

    Raises:
        Conflict, TooLarge, StoreUnavailable: see `store.client.apply`.
    """
    origin = Origin(author(), change.message, time.time(), secrets.token_hex(2))
    outlook = await _look(etcd, keys, change, origin, inputs)
    if output not in ("json", "yaml"):
        _warn(inputs, outlook, dry_run=change.dry_run)
    outcome = await _make(etcd, keys, change, origin, outlook)
    stop = trio.CancelScope()
    with ctrl_c_cancels(stop):
        if output not in ("json", "yaml"):
            _say_made(outcome, output)
        if change.patience is not None and not change.dry_run:
            outcome = await _wait(etcd, keys, outcome, change.patience, stop)
    if output in ("json", "yaml"):
        print_object(_as_json(outcome, inputs), output)
    if outcome.hosts is not None:
        _say_answered(outcome, outcome.hosts, output)
    verdict = unmet(outcome.hosts or ())
    return ExitCode.TIMEOUT if outcome.stopped and verdict is ExitCode.YES else verdict


async def _wait(etcd: Etcd, keys: Keys, outcome: Outcome, patience: Patience, stop: trio.CancelScope) -> Outcome:
    applied = outcome.applied
    if applied.head is None:
        return evolve(outcome, hosts=())
    given = judged(applied.results)
    waited = await wait_for_hosts(etcd, keys, applied.head.apply, given, patience, stop=stop)
    return evolve(outcome, hosts=waited.rows, stopped=waited.stopped)


async def _look(etcd: Etcd, keys: Keys, change: Change, origin: Origin, inputs: Inputs) -> Outlook:
    """Return what *change* would do to the mesh as it is, before anything is written.

    Raises:
        Conflict: see `store.client.refuse_unexpected`.
        TooLarge: see `store.client.refuse_too_large`.
    """
    state = await read_state(etcd, keys)
    refuse_unexpected(state, keys, if_head=change.if_head, adopt=change.adopt)
    results = judge(state, keys, change.wanted)
    refuse_too_large(state, keys, change.wanted, results, origin)
    made = {each.key: each.resource for each in change.wanted if results[each.key] is not Result.UNCHANGED}
    found = added_findings(made, state, keys, await live_hosts(etcd, keys), inputs.loaded) if made else ()
    return Outlook(state, results, found)


async def _make(etcd: Etcd, keys: Keys, change: Change, origin: Origin, outlook: Outlook) -> Outcome:
    state, found = outlook.state, outlook.findings
    if change.dry_run:
        return Outcome(Applied(state.head, state.head_revision, outlook.results), dry_run=True, diagnostics=found)
    applied = await apply(
        etcd, keys, change.wanted, origin, if_head=change.if_head, adopt=change.adopt, seen=outlook.state
    )
    return Outcome(applied, diagnostics=found)


def judged(results: Mapping[Key, Result]) -> frozenset[str]:
    """Return the resources that an apply answers for: those it changed; when it changed none, all it was given."""
    changed = (key for key, result in results.items() if result is not Result.UNCHANGED)
    return frozenset(map(str, changed)) or frozenset(map(str, results))


# --- saying it ----------------------------------------------------------------------------------------------


def _warn(inputs: Inputs, outlook: Outlook, *, dry_run: bool) -> None:
    """Print the warnings of the documents, then the findings that the change adds; not more than a person reads."""
    told = tell(inputs.diagnostics, inputs.sources, rest="meshctl validate shows them")
    rest = "-o json has them" if dry_run else "meshctl analyze shows them"
    tell(outlook.findings, inputs.sources, limit=MAX_TOLD - told, rest=rest)


def _say_made(outcome: Outcome, output: str) -> None:
    """Print what became of each resource, and the apply."""
    if output == "name":
        show(resource_name(key) for key in outcome.applied.results)
        return
    show(_lines(outcome))
    show([_summary(outcome)])


def _say_answered(outcome: Outcome, hosts: Sequence[HostRow], output: str) -> None:
    """Print what the *hosts* answered, and whether the waiting was stopped."""
    head = outcome.applied.head
    if outcome.stopped and head is not None:
        made = "was made" if outcome.applied.written else "stays"
        talk([f"meshctl: apply {head.apply} {made}; stopped waiting"])
    if output in ("json", "yaml", "name") or (outcome.stopped and not hosts):
        return
    host_table(hosts)
    if not outcome.stopped:
        say_late(hosts)


def _lines(outcome: Outcome) -> list[Text]:
    what_if = " (dry run)" if outcome.dry_run else ""
    return [
        styled(resource_name(key), " ", (str(result), style_of(result)), _in_namespace(key), what_if)
        for key, result in outcome.applied.results.items()
    ]


def resource_name(key: Key) -> str:
    """Return *key* as kubectl names resources: `virtualservice/reviews`."""
    return f"{key.kind.lower()}/{key.name}"


def _in_namespace(key: Key) -> str:
    return f" (namespace {key.namespace})" if key.namespace != "default" else ""


def _summary(outcome: Outcome) -> str:
    results = list(outcome.applied.results.values())
    counts = ", ".join(f"{results.count(r)} {r}" for r in Result if r in results) or "nothing asked for"
    head = outcome.applied.head
    if outcome.dry_run:
        return f"dry run: {counts}; nothing was written"
    if head is None:
        return f"no apply was made: {counts}"
    if outcome.applied.written:
        return f"apply {head.apply} (revision {outcome.applied.revision}): {counts}"
    return f"apply {head.apply} stays: {counts}"


def _as_json(outcome: Outcome, inputs: Inputs) -> dict[str, object]:
    head = outcome.applied.head
    answer: dict[str, object] = {}
    if head is not None and not outcome.dry_run:
        answer["apply"] = apply_json(head, outcome.applied.revision)
    answer["resources"] = [
        {"resource": str(key), "result": str(result)} for key, result in outcome.applied.results.items()
    ]
    if outcome.hosts is not None:
        answer["hosts"] = [row.to_json() for row in outcome.hosts]
    said = (*inputs.diagnostics, *outcome.diagnostics)
    answer["diagnostics"] = [to_json(one) for one in said]
    if outcome.dry_run:
        answer["summary"] = summary(said, files=inputs.files, resources=inputs.documents)
    return answer


def apply_json(head: Head, revision: int) -> dict[str, object]:
    """Return an apply as the contract has it; `parent` is absent for the first one."""
    parent = {"parent": head.parent} if head.parent else {}
    return {
        "id": head.apply, "revision": revision, **parent,
        "author": head.author, "message": head.message, "time": head.time, "records": head.records,
    }  # fmt: skip
