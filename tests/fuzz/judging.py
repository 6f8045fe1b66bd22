"""What has to be true of whatever is read: no exception, every finding in its file, and what is accepted lasts."""

import json
import os
import re
import time

from attrs import frozen

from ctl.diagnostics import Sources, render, to_json
from store.codec import decode, encode
from store.diagnostic import Diagnostic
from store.reader import read
from store.resources.kinds import Resource
from store.yaml_nodes import Budget, compose
from store.yaml_values import plain_values

FILE = "fuzz.yaml"
FACTOR = int(os.environ.get("MESH_FUZZ", "1"))
"""How many times as much as CI does: `MESH_FUZZ=50 pytest tests/fuzz` is for an afternoon."""

MAX_SECONDS = 2.0
"""For one file of a few kilobytes; a hundred times of what it takes, since the machine may be busy."""

_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


@frozen
class Verdict:
    """What became of one file."""

    resources: tuple[Resource, ...]
    diagnostics: tuple[Diagnostic, ...]


def judge(text: bytes) -> Verdict:
    """Read *text* as a file, as `meshctl validate` does, and assert what has to be true of any."""
    start = time.process_time()
    verdict = _judged(text)

    assert MAX_SECONDS > time.process_time() - start
    for said in verdict.diagnostics:
        _is_told_well(said, text)
    for resource in verdict.resources:
        again, complaints = decode(json.loads(json.dumps(encode(resource))))
        assert not [one for one in complaints if one.is_error]
        assert resource == again
    return verdict


def _judged(text: bytes) -> Verdict:
    reading = read(text, FILE)
    diagnostics = list(reading.diagnostics)
    resources = []
    for document in reading.documents:
        resource, said = decode(document.value)
        diagnostics += document.locate(said)
        if resource is not None:
            resources.append(resource)
            assert not any(one.is_error for one in said)
        else:
            assert said
    return Verdict(tuple(resources), tuple(diagnostics))


def _is_told_well(said: Diagnostic, text: bytes) -> None:
    """Assert that *said* has a place inside the file, and can be printed without moving a terminal's cursor."""
    assert said.place is not None
    lines = _LINE_END.split(text.decode(errors="replace"))
    assert FILE == said.place.file
    assert 1 <= said.place.line <= len(lines), said
    assert 1 <= said.place.column <= len(lines[said.place.line - 1]) + 2, said
    assert said.message
    assert json.dumps(to_json(said))
    shown = [line.plain for line in render(said, Sources({FILE: text}))]
    assert all(line.isprintable() for line in shown), shown


def readers_agree(text: str) -> None:
    """Assert that the fast reader gives what the exact one gives, or nothing."""
    fast = plain_values(text, Budget())
    if fast is None:
        return
    slow = compose(text, 1, Budget())

    assert [(repr(one.value), one.line + 1) for one in fast] == [(repr(one.value), one.line) for one in slow.roots]
    assert () == slow.ellipses
