"""State file, log and lock of a host's Envoy."""

import os
from pathlib import Path

import pytest

from agent.envoy.run_files import MAX_LOG_BYTES, EnvoyState, claim, is_claimed, last_line, open_log

STATE = EnvoyState(pid=17, start_time=4711, bootstrap_version=1, digest="d")


def test_the_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Writing and reading are inverse, and the file is private."""
    STATE.write(tmp_path / "envoy.json")

    assert STATE == EnvoyState.read(tmp_path / "envoy.json")
    assert ["envoy.json"] == [file.name for file in tmp_path.iterdir()]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"pid": "x"}', b"\xff"])
def test_half_a_state_is_none(tmp_path: Path, content: bytes) -> None:
    """A file that is not a whole state says nothing, and breaks nothing."""
    (tmp_path / "envoy.json").write_bytes(content)

    assert None is EnvoyState.read(tmp_path / "envoy.json")


def test_a_long_log_is_emptied_and_a_short_one_continued(tmp_path: Path) -> None:
    """Above 10 MiB a log begins anew at Envoy's start."""
    log = tmp_path / "envoy.log"
    for size, expected in ((MAX_LOG_BYTES, MAX_LOG_BYTES), (MAX_LOG_BYTES + 1, 0)):
        with log.open("wb") as file:
            file.truncate(size)
        os.close(open_log(log))

        assert expected == log.stat().st_size


def test_the_last_line_is_the_last_that_says_something(tmp_path: Path) -> None:
    """Empty lines after it do not hide it; a missing log has none."""
    (tmp_path / "log").write_text("first\nwhy it failed\n\n")

    assert "why it failed" == last_line(tmp_path / "log")
    assert "" == last_line(tmp_path / "none")


def test_the_lock_is_held_as_long_as_a_descriptor_is_open(tmp_path: Path) -> None:
    """A second claim fails until the first one's last descriptor is closed."""
    lock = tmp_path / "lock"
    assert not is_claimed(lock)
    mine = claim(lock)
    assert mine is not None
    assert is_claimed(lock)
    assert None is claim(lock)
    os.close(mine)

    assert not is_claimed(lock)
