"""The stage: what a command's end means, and the answer of a machine without curl."""

import shutil
from collections.abc import Iterator

import pytest
from rich.console import Console

from ctl.demo import processes
from ctl.demo.plan import make_plan
from ctl.demo.processes import Guarded
from ctl.demo.stage import Ran, Stage, StepFailed
from tests.ctl.demo.test_bookshop import served


@pytest.fixture
def on_stage() -> Iterator[Stage]:
    """A stage whose demo has nothing started."""
    with Guarded() as guarded:
        console = Console(highlight=False, markup=False, emoji=False)
        yield Stage(processes.Demo(make_plan(guarded.directory), guarded), console)


def test_a_command_is_printed_before_its_true_output(on_stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """What stands there can be typed, and what follows is what it said, stderr included."""
    ran = on_stage.run("sh", "-c", "echo out; echo err >&2; exit 3", status=3, note="why")

    assert Ran(3, "out\nerr\n") == ran
    assert "$ sh -c 'echo out; echo err >&2; exit 3'   # why\nout\nerr\n" == capsys.readouterr().out


def test_another_exit_status_than_told_is_a_failed_step(on_stage: Stage) -> None:
    """The exit status is a claim too."""
    with pytest.raises(StepFailed) as raised:
        on_stage.run("false")

    assert ("exit status 0 of `false`", "exit status 1") == (raised.value.expected, raised.value.came)


def test_a_claim_that_does_not_hold_says_what_came(on_stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Only what holds is printed as seen."""
    with pytest.raises(StepFailed) as raised:
        on_stage.claim("all from v1", False, expected="v1", came="v2")

    assert ("v1", "v2") == (raised.value.expected, raised.value.came)
    assert "" == capsys.readouterr().out


def test_an_answer_that_is_no_json_is_a_failed_step() -> None:
    """A word from somebody else in between is not taken for an answer."""
    with pytest.raises(StepFailed):
        Ran(0, "no healthy upstream").json()


def test_a_cell_is_found_by_row_and_heading() -> None:
    """Cells may have single blanks in them; what is not there is empty."""
    ran = Ran(0, "HOST   NOTES       UP\nvm-1   all is well   3s\n")

    assert ("all is well", "3s") == (ran.cell("vm-1", "NOTES"), ran.cell("vm-1", "UP"))
    assert ("", "") == (ran.cell("vm-2", "UP"), ran.cell("vm-1", "AGE"))


def test_without_curl_the_same_request_is_made(on_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the proxy, with its header; an error has curl's words and exit status."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with served("ratings", "v1") as proxy:
        command = ("curl", "-sSf", "-x", f"http://{proxy}", "-H", "cookie: user=jason", "http://ratings:9080/")
        said = on_stage.run(*command).json()
    with served("reviews", "v1") as place:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        failed = on_stage.run("curl", "-sSf", f"http://{place}/", status=22)
    refused = on_stage.run("curl", "-sSf", "http://127.0.0.1:1/", status=7)

    assert ("http://ratings:9080/", "user=jason") == (said["path"], said["headers"]["cookie"])
    assert "curl: (22) The requested URL returned error: 502\n" == failed.text
    assert refused.text.startswith("curl: (7) ")


def test_meshctl_is_this_one(on_stage: Stage) -> None:
    """No other installation in PATH is run in its place."""
    ran = on_stage.run("meshctl", "--help")

    assert ran.text.startswith("Usage: meshctl ")
