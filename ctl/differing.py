"""What `meshctl diff` does: stored resources beside those of files, line by line."""

import difflib
from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen
from rich.text import Text

from ctl.changes import resource_name
from ctl.diagnostics import to_json
from ctl.exit_codes import ExitCode
from ctl.inputs import Inputs, Loaded
from ctl.output import print_object, render_yaml, show, styled, talk
from store.client import Result, State, read_state
from store.codec import Record, encode
from store.diff import normal_form
from store.etcd.client import Etcd
from store.keys import Keys
from store.resources.fields import Key

NOWHERE = "/dev/null"
"""The name of what is not there, as `diff` has it."""

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


@frozen
class Difference:
    """What applying one document would do.

    Attributes:
        key: the resource.
        result: CREATED, CONFIGURED or UNCHANGED.
        lines: a unified diff; none when nothing would change.
    """

    key: Key
    result: Result
    lines: tuple[str, ...] = ()


async def diff(etcd: Etcd, keys: Keys, inputs: Inputs, output: str) -> ExitCode:
    """Print how the resources of *inputs* differ from those that are stored. NO when any does."""
    state = await read_state(etcd, keys)
    if not state.is_intact:
        talk(["warning: records were changed without an apply; compared is what etcd holds, not what hosts serve"])
    found = [_difference(state, keys, each) for each in inputs.loaded]
    _print(found, inputs, output)
    return ExitCode.NO if any(each.result is not Result.UNCHANGED for each in found) else ExitCode.YES


def _difference(state: State, keys: Keys, loaded: Loaded) -> Difference:
    key = loaded.resource.key
    etcd_key = keys.resource(key)
    record = state.record(etcd_key)
    after = encode(loaded.resource)
    if record is not None and record.document == after:
        return Difference(key, Result.UNCHANGED)
    if record is None and etcd_key in state.raw:
        before = "(bytes that meshctl did not write)"
    else:
        before = render_yaml(normal_form(record.document)) if record else ""
    named = (_stored_name(key, record), f"{key}   {loaded.source.file}:{loaded.source.line}")
    lines = tuple(unified(before, render_yaml(after), *named))
    there = etcd_key in state.raw
    return Difference(key, (Result.CONFIGURED if lines else Result.UNCHANGED) if there else Result.CREATED, lines)


def _stored_name(key: Key, record: Record | None) -> str:
    if record is None:
        return NOWHERE
    return f"{key}   apply {record.apply}, {record.source.file}:{record.source.line}"


def unified(before: str, after: str, before_name: str, after_name: str) -> Iterator[str]:
    """Return the lines of the unified diff of two texts; nothing when they are equal."""
    return difflib.unified_diff(before.splitlines(), after.splitlines(), before_name, after_name, lineterm="")


def _print(found: Sequence[Difference], inputs: Inputs, output: str) -> None:
    changed = [each for each in found if each.result is not Result.UNCHANGED]
    if output in ("json", "yaml"):
        print_object(_as_json(found, inputs), output)
    elif output == "name":
        show(resource_name(each.key) for each in changed)
    else:
        show(_styled(line) for each in changed for line in each.lines)
        counts = ", ".join(f"{n} {result}" for result, n in _counts(found).items())
        talk([f"would be: {counts or 'nothing'}"])


def _counts(found: Sequence[Difference]) -> Mapping[str, int]:
    results = [str(each.result) for each in found]
    return {str(result): results.count(result) for result in Result if str(result) in results}


def _styled(line: str) -> Text:
    heading = line.startswith(("+++ ", "--- "))
    return styled((line, "bold" if heading else _STYLES.get(line[:1], "")))


def _as_json(found: Sequence[Difference], inputs: Inputs) -> dict[str, object]:
    resources = [
        {"resource": str(each.key), "result": str(each.result), **({"diff": list(each.lines)} if each.lines else {})}
        for each in found
    ]
    return {"resources": resources, "diagnostics": [to_json(said) for said in inputs.diagnostics]}
