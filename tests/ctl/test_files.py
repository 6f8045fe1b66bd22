"""`-f`: files, directories, pipes, and what only looks like one of them."""

import io
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctl import files
from ctl.files import MAX_DIRECTORY_DEPTH, read_texts
from ctl.inputs import load
from store.reader import MAX_FILE_BYTES


def said(*paths: Path | str) -> list[tuple[str, str, str]]:
    """Return code, file and message of each complaint."""
    found = read_texts([str(path) for path in paths])
    return [(one.code, one.place.file if one.place else "", one.message) for one in found.diagnostics]


def test_a_directory_is_read_to_its_bottom(tmp_path: Path) -> None:
    """Hidden files, other suffixes and links to directories are passed over; links to files are not."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x.yaml").write_text("x")
    (tmp_path / "a" / ".hidden.yaml").write_text("h")
    (tmp_path / "notes.txt").write_text("n")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "dir.yaml").mkdir()
    (tmp_path / "link.yml").symlink_to(tmp_path / "a" / "b" / "x.yaml")

    found = read_texts([str(tmp_path)])

    assert [str(tmp_path / "a" / "b" / "x.yaml"), str(tmp_path / "link.yml")] == list(found.names)
    assert {b"x"} == set(found.texts.values())
    assert () == found.diagnostics


def test_links_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    """Into nothing, or in a circle."""
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nothing")
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")

    (gone, loop) = said(tmp_path)

    assert ("unreadable", str(tmp_path / "gone.yaml"), "cannot be read: no such file or directory") == gone
    assert ("unreadable", str(tmp_path / "loop.yaml")) == loop[:2]
    assert said(tmp_path / "loop.yaml") == [loop]


def test_pipes_and_sockets_in_a_directory_are_not_waited_for(tmp_path: Path) -> None:
    """Nobody meant them, and a pipe without a writer would never end."""
    os.mkfifo(tmp_path / "pipe.yaml")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.yaml"))
        found = said(tmp_path)

    assert [("unreadable", "is not a file: a pipe, a socket or a device")] * 2 == [(one[0], one[2]) for one in found]


def test_a_pipe_that_is_named_is_read(tmp_path: Path) -> None:
    """As a shell's `<(…)` gives it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"a: 1\n" * 100_000,))
    writer.start()
    found = read_texts([str(pipe)])
    writer.join()

    assert b"a: 1\n" * 100_000 == found.texts[str(pipe)]


@pytest.mark.parametrize("endless", ["/dev/zero", "huge"])
def test_what_is_endless_or_huge_is_not_read_to_its_end(tmp_path: Path, endless: str) -> None:
    """One byte more than the reader takes, and the reader says that it is too much."""
    name = endless
    if endless == "huge":
        name = str(tmp_path / "huge.yaml")
        with Path(name).open("wb") as file:
            file.truncate(10 * 1024**4)  # sparse: a file of ten terabytes

    assert MAX_FILE_BYTES + 1 == len(read_texts([name]).texts[name])
    assert ["too-large"] == [one.code for one in load([name]).diagnostics]


def test_standard_input_is_read_once_and_not_endlessly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Named twice it is one file."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x" * (MAX_FILE_BYTES + 10))))
    found = read_texts(["-", "-"])

    assert ("-",) == found.names
    assert MAX_FILE_BYTES + 1 == len(found.texts["-"])


@pytest.mark.parametrize("name", ["x" * 300, "x\0y", "no/such/file.yaml"])
def test_names_that_are_none_are_refused_in_words(name: str) -> None:
    """Too long, impossible, or of nothing."""
    (one,) = said(name)

    assert ("unreadable", name) == one[:2]
    assert one[2].startswith("cannot be read: ")


@pytest.fixture
def nobody() -> Iterator[None]:
    """Be somebody to whom things are forbidden; root is not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_what_may_not_be_read_is_named(tmp_path: Path, nobody: None) -> None:
    """With the reason: a file, and a directory."""
    with tempfile.TemporaryDirectory() as theirs:
        file, inside = Path(theirs, "a.yaml"), Path(theirs, "closed")
        file.write_text("a")
        inside.mkdir()
        file.chmod(0)
        inside.chmod(0)
        found = said(file, inside)
        inside.chmod(0o700)

    assert {("unreadable", str(each), "cannot be read: permission denied") for each in (file, inside)} <= set(found)


def test_a_directory_has_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Levels, files, and bytes of all files together; each is said in words."""
    deep = tmp_path / "deep"
    deep.joinpath(*["d"] * (MAX_DIRECTORY_DEPTH + 1)).mkdir(parents=True)
    many = tmp_path / "many"
    many.mkdir()
    for i in range(4):
        (many / f"{i}.yaml").write_text("a: 1\n")

    assert [("too-large", f"a directory more than {MAX_DIRECTORY_DEPTH} levels below {deep}")] == [
        (code, message) for code, _, message in said(deep)
    ]
    monkeypatch.setattr(files, "MAX_FILES", 3)
    assert [("too-large", str(many), "more than 3 files are below this directory")] == said(many)
