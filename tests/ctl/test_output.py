"""Tables and other shapes of output."""

import os
import subprocess
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ctl.exit_codes import ExitCode, of_error
from ctl.output import ago, render_yaml, table
from store.errors import Conflict, MeshError, StoreUnavailable, TooLarge
from store.etcd.failure import OutcomeUnknown
from store.reader import read


def test_a_table_is_aligned_and_cuts_nothing_off() -> None:
    """Columns are as wide as their widest cell, cells stay on one line, and no blanks are left at the end."""
    long = "x" * 300

    lines = [line.plain for line in table(("A", "LONG"), [("1", "two\nlines"), ("wide", long)])]

    assert ["A      LONG", "1      two lines", f"wide   {long}"] == lines


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1.0, "0s"), (59.9, "59s"), (60.0, "1m"), (7500.0, "2h5m"), (7200.0, "2h"), (90000.0, "1d1h"), (1e6, "11d")],
)
def test_ages_have_two_units_at_most(seconds: float, text: str) -> None:
    """An age is read at a glance; a clock that is behind makes no negative one."""
    assert text == ago(seconds)


SHOWN = "from ctl.output import show, styled; show([styled(('bold', 'bold'), ('dim', 'dim'))])"


@pytest.mark.parametrize(("setting", "escapes"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)])
def test_no_color_is_no_escapes_at_all(setting: dict[str, str], escapes: bool) -> None:
    """Not even bold and dim, on a terminal; an empty NO_COLOR is none."""
    ours, theirs = os.openpty()
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    asked = environment | {"TERM": "xterm-256color"} | setting
    subprocess.run([sys.executable, "-c", SHOWN], stdout=theirs, env=asked, check=True, timeout=30)
    os.close(theirs)
    printed = os.read(ours, 1000)
    os.close(ours)

    assert escapes is (b"\x1b" in printed)
    assert printed.startswith(b"bolddim") is not escapes


def test_yaml_reads_back_as_the_same_value() -> None:
    """Text that looks like something else stays text, and keys keep their order."""
    value = {"kind": "x", "apiVersion": "no", "n": "1", "date": "2020-01-01", "u": "é", "long": "word " * 50}

    text = render_yaml(value)

    assert value == yaml.safe_load(text)
    assert list(value) == list(yaml.safe_load(text))


@given(st.recursive(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"])) | st.sampled_from(
    ["1e5", "010", "0x1F", "1_000", ".inf", "yes", "null", "~", "1:30", "=", "<<",
     "- a", "a: b", "#", "...", "…", "a\x85b"]),
    lambda inner: st.dictionaries(st.text("abc:# -1e", min_size=1), inner) | st.lists(inner)))  # fmt: skip
def test_what_is_printed_reads_back_with_our_own_reader(value: object) -> None:
    """`get -o yaml | apply -f -` changes nothing, whatever texts a resource holds."""
    documents = read(render_yaml({"spec": value}).encode(), "x").documents

    assert [{"spec": value}] == [document.value for document in documents]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Conflict("x"), ExitCode.CONFLICT),
        (StoreUnavailable("x"), ExitCode.UNAVAILABLE),
        (OutcomeUnknown("x"), ExitCode.UNAVAILABLE),
        (TooLarge("x"), ExitCode.INVALID),
        (MeshError("x"), ExitCode.INVALID),
    ],
)
def test_each_failure_has_its_exit_code(error: MeshError, code: ExitCode) -> None:
    """Scripts tell by the code whose turn it is."""
    assert code is of_error(error)
