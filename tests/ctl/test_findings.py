"""How much is told to somebody who asked for something else."""

import pytest

from ctl.diagnostics import Sources
from ctl.findings import tell
from store.diagnostic import Diagnostic, error, warning


def lines(said: list[Diagnostic], limit: int, capsys: pytest.CaptureFixture[str]) -> list[str]:
    tell(said, Sources({}), limit=limit, rest="there")
    return capsys.readouterr().err.splitlines()


def test_errors_come_before_what_is_counted_only(capsys: pytest.CaptureFixture[str]) -> None:
    """Two of four: the error that stands last and the first warning, in their order; the others by code, most first."""
    said = [*(warning(code, str(n)) for n, code in enumerate("abbab", 1)), error("c", "6")]

    assert ["warning[a]: 1", "error[c]: 6", "… and 4 more (b 3, a 1); there"] == lines(said, 2, capsys)


@pytest.mark.parametrize(
    ("limit", "told"), [(0, ["… and 1,000 more (a 1,000); there"]), (1000, ["warning[a]: x"] * 1000)]
)
def test_a_limit_may_leave_all_or_nothing(limit: int, told: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With nothing left to tell, only counts are told; with as many as the limit, all of them and no counts."""
    assert told == lines([warning("a", "x")] * 1000, limit, capsys)
