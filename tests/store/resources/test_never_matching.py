"""Conditions that no request fulfils come with what to write instead."""

import pytest

from store.resources.fields import StringMatch
from store.resources.never_matching import check_authority, check_uri


@pytest.mark.parametrize(
    ("uri", "hint"),
    [
        (StringMatch(prefix="api"), "write prefix: /api"),
        (StringMatch(exact="http://a/b"), "write the path alone, without scheme and host"),
        (StringMatch(prefix="/api/*"), "write prefix: /api/"),
        (StringMatch(exact="*"), "write prefix: /"),
        (StringMatch(exact="/a/*/b"), "write a regex: .* is any text in it, and [^/]+ one part of the path"),
        (StringMatch(prefix="/a?b"), "match the parameters with queryParams"),
        (StringMatch(prefix="/a#b?c"), "write prefix: /a"),
        (StringMatch(regex="api"), "begin it with / or with .*"),
    ],
)
def test_a_path_that_no_request_has_is_told_with_what_was_meant(uri: StringMatch, hint: str) -> None:
    """One warning for each, though several things are wrong with it."""
    (said,) = check_uri(uri, "uri")

    assert ("warning", hint) == (said.level, said.hint)


def test_an_authority_is_a_host() -> None:
    """The hint is what is left without scheme and path."""
    (said,) = check_authority(StringMatch(exact="https://a.com:8443/x"), "authority")

    assert "write exact: a.com:8443" == said.hint
    assert [] == list(check_authority(StringMatch(exact="a.com:8443"), "authority"))


def test_a_pattern_that_is_none_is_left_to_whoever_says_so() -> None:
    """`bad-regex` is said by `check_match` already."""
    assert [] == list(check_uri(StringMatch(regex="("), "uri"))
