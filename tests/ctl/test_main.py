"""The command line as such: verbs, shared options, what is imported when."""

import os
import subprocess
import sys
from importlib.metadata import version

import click
import pytest
from click.testing import CliRunner

from ctl import main, options
from store.resources.kinds import KINDS

HEAVY = ("trio", "grpc", "yaml", "attr", "rich", "msgpack", "httpx")


@pytest.mark.parametrize("words", [["--help"], ["apply", "--help"], ["get", "--help"], ["completion", "bash"]])
def test_help_imports_click_only(words: list[str]) -> None:
    """Law 11: `--help` and the completion script are quick, whatever the verbs need."""
    code = (
        "import sys; from ctl.main import cli\n"
        f"try: cli({words!r}, prog_name='meshctl')\n"
        f"except SystemExit: print('LOADED', [m for m in {HEAVY!r} if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.endswith("LOADED []\n"), done.stdout


def test_completion_imports_click_only_and_knows_the_kinds() -> None:
    """Kinds are completed from a list of our own, which is the list of the kinds that there are."""
    code = (
        "import sys; from ctl.main import main\n"
        f"try: main()\nexcept SystemExit: print('LOADED', [m for m in {HEAVY!r} if m in sys.modules])"
    )

    asked = os.environ | {"_MESHCTL_COMPLETE": "bash_complete", "COMP_WORDS": "meshctl get v", "COMP_CWORD": "2"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=asked)

    assert "plain,virtualservices\nLOADED []\n" == done.stdout
    assert {kind.plural: kind.short for kind in KINDS.values()} == options.KIND_WORDS


def test_verbs_match_their_files() -> None:
    """Each verb of the table is a file with a command."""
    context = click.Context(main.cli)

    for verb in main.cli.list_commands(context):
        assert isinstance(main.cli.get_command(context, verb), click.Command)
    assert set(main.VERBS) == set(main.cli.list_commands(context))


@pytest.mark.parametrize(
    ("word", "hint"), [("aply", 'Did you mean "apply"?'), ("xyzzy", ""), ("explain", "meshctl fields vs.http")]
)
def test_an_unknown_verb_is_a_usage_error(word: str, hint: str) -> None:
    """What is not there is exit code 2, with the nearest verb when one is near."""
    result = CliRunner().invoke(main.cli, [word])

    assert 2 == result.exit_code
    assert f'No such command "{word}".' in result.output
    assert hint in result.output


@pytest.mark.parametrize("words", [["validate", "routes"], ["diff", "routes"], ["apply", "--wait", "routes"]])
def test_files_without_their_option_are_told_how_to_be_named(words: list[str]) -> None:
    """Whatever else is missing then; an option that is not there is the first thing to say."""
    result = CliRunner().invoke(main.cli, words)

    assert (2, "Error: files are named by -f: write -f routes") == (result.exit_code, result.output.splitlines()[-1])
    assert "No such option '--nope'" in CliRunner().invoke(main.cli, [*words, "--nope"]).output


def test_help_is_a_verb_as_well_as_an_option() -> None:
    """`help VERB` and `VERB --help` say the same, and so do `help` and `--help`."""
    pairs = [(["help", "apply"], ["apply", "--help"]), (["help"], ["--help"])]

    for one, other in pairs:
        assert CliRunner().invoke(main.cli, one).output == CliRunner().invoke(main.cli, other).output
    assert 'Did you mean "apply"?' in CliRunner().invoke(main.cli, ["help", "aply"]).output


def test_the_version_is_an_option_as_well_as_a_verb() -> None:
    """`--version` and `version` say the same."""
    said = [CliRunner().invoke(main.cli, [word]).output.split()[-1] for word in ("--version", "version")]

    assert [version("meshctl")] * 2 == said


@pytest.mark.parametrize("words", [["apply"], ["delete", "--all"]])
def test_words_about_waiting_may_stand_in_the_environment(words: list[str]) -> None:
    """There they are a person's habit; typed without --wait they are a mistake."""
    asked = {"MESHCTL_TIMEOUT": "5s", "MESHCTL_REQUIRE_ALL": "1"}

    result = CliRunner().invoke(main.cli, words, env=asked)

    assert "about waiting" not in result.output
    assert "add --wait" in CliRunner().invoke(main.cli, [*words, "--timeout", "5s"], env=asked).output


@click.command()
@options.output_option("table", "json")
@options.store_options
def probe(output: str, etcd: str, prefix: str) -> None:
    """Show what the options came to."""
    click.echo(f"{output} {etcd} {prefix}")


@pytest.mark.parametrize(
    ("before", "after", "environment", "expected"),
    [
        ([], [], {}, "table http://127.0.0.1:2379 /mesh/v1"),
        ([], [], {"MESHCTL_ETCD": "E", "MESHCTL_OUTPUT": "json"}, "json E /mesh/v1"),
        (["--etcd", "B"], [], {"MESHCTL_ETCD": "E"}, "table B /mesh/v1"),
        (["--etcd", "B", "-o", "json"], ["--etcd", "A"], {"MESHCTL_PREFIX": "/p"}, "json A /p"),
    ],
)
def test_shared_options_stand_before_or_after_the_verb(
    before: list[str], after: list[str], environment: dict[str, str], expected: str
) -> None:
    """After the verb wins, then before it, then the environment, then the default."""
    group = click.Group("g", params=main.cli.params, commands={"probe": probe})

    result = CliRunner().invoke(group, [*before, "probe", *after], env=environment)

    assert expected == result.output.strip()


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30.0), ("1h30m", 5400.0), ("250ms", 0.25), ("1.5m", 90.0)])
def test_durations_are_written_with_units(text: str, seconds: float) -> None:
    """Durations are seconds inside, and written as Go writes them."""
    assert seconds == options.DurationType().convert(text, None, None)


@pytest.mark.parametrize("text", ["30", "s", "", "1d", "-1s", "1s2"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """A number without a unit could mean anything."""
    with pytest.raises(click.BadParameter):
        options.DurationType().convert(text, None, None)
