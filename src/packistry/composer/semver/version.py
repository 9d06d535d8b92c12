"""The form in which Composer compares versions."""

import re
from functools import lru_cache

from packistry.composer.semver.branch import check_length, numeric_branch
from packistry.composer.semver.errors import InvalidVersion, quoted
from packistry.composer.semver.stability import MODIFIER, STABILITIES
from packistry.composer.semver.text import END, last_line, trim

ALIAS = re.compile(r"([^,\s]++) ++as ++[^,\s]++" + END, re.ASCII)

_FLAG = re.compile("@" + STABILITIES + r"\Z", re.ASCII | re.IGNORECASE)
_BUILD = re.compile(r"([^,\s+]++)\+\S++" + END, re.ASCII)
_CLASSIC = re.compile(
    r"v?(\d{1,5})(\.\d++)?(\.\d++)?(\.\d++)?" + MODIFIER + END, re.ASCII | re.IGNORECASE
)
_DATE = re.compile(
    r"v?(\d{4}(?:[.:-]?\d{2}){1,6}(?:[.:-]?\d{1,3})?)" + MODIFIER + END,
    re.ASCII | re.IGNORECASE,
)
_FORMER_BRANCHES = {"master", "trunk", "default"}
_WORDS = {"a": "alpha", "b": "beta", "p": "patch", "pl": "patch", "rc": "RC"}


# An import asks for a version where its tag is named, where its manifest is read, and in links.
@lru_cache(maxsize=2048)
def normalize(version: str) -> str:
    """The form Composer compares by: `v1.2-RC1` -> `1.2.0.0-RC1`, `dev-main` -> `dev-main`.

    Raises InvalidVersion for what `composer/semver` 3.3 refuses, the oldest grammar that
    Composer clients in use have, and for more than MAX_VERSION_LENGTH characters.
    """
    check_length(version)
    text = _bare(trim(version))
    if text in _FORMER_BRANCHES:
        return "dev-" + text
    if text[:4].lower() == "dev-":
        return "dev-" + text[4:]
    if build := _BUILD.match(text):
        text = build[1]
    found = _released(text) or _numeric_dev(text)
    if found is None:
        raise InvalidVersion(f"{quoted(version)} is not a version")
    return found


def _bare(text: str) -> str:
    """Without an ` as ` alias and a stability flag."""
    if alias := ALIAS.match(text):
        text = alias[1]
    return _FLAG.sub("", text)


def _released(text: str) -> str | None:
    if classic := _CLASSIC.match(text):
        number = classic[1] + "".join(part or ".0" for part in classic.group(2, 3, 4))
        return number + _suffix(*classic.group(5, 6, 7))
    if date := _DATE.match(text):
        return re.sub("[.:-]", ".", date[1]) + _suffix(*date.group(2, 3, 4))
    return None


def _suffix(word: str | None, digits: str | None, dev: str | None) -> str:
    # Composer drops the rest after the lower-case word only; "Stable" it keeps.
    if word == "stable":
        return ""
    suffix = ""
    if word:
        lower = word.lower()
        suffix = "-" + _WORDS.get(lower, lower) + (digits or "").lstrip(".-")
    return suffix + ("-dev" if dev else "")


def _numeric_dev(text: str) -> str | None:
    """`1.x-dev` as the branch `1.x`; None unless that is numeric."""
    line = last_line(text)
    if line[-3:].lower() != "dev":
        return None
    front = line[:-3]
    return numeric_branch(front[:-1] if front.endswith((".", "-")) else front)
