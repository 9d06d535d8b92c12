"""The links of one composer.json: require, require-dev, conflict, provide, replace, suggest."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from packistry.composer.findings import Findings
from packistry.composer.json_text import described
from packistry.composer.names import InvalidName, check_link_name
from packistry.composer.semver import InvalidConstraint, parse_constraints
from packistry.composer.text import clean_text, quoted

LINK_TYPES = ("require", "require-dev", "conflict", "provide", "replace")

SELF_VERSION = "self.version"

_REMEMBERED_LENGTH = 100


def read_links(raw: Mapping[str, Any], findings: Findings) -> dict[str, dict[str, str]]:
    """The non-empty link maps by type, names in lower case, constraints as written.

    A constraint that Composer cannot parse refuses the version: one of them aborts the client for
    the whole package. So does a requirement that no package can meet. A link of another type to
    an impossible name has no effect in the client and is left out.
    """
    links: dict[str, dict[str, str]] = {}
    for link_type in LINK_TYPES:
        read = _read_type(raw.get(link_type), link_type, findings)
        if read:
            links[link_type] = read
    return links


def read_suggest(value: Any, findings: Findings) -> dict[str, str]:
    """What is suggested: name to a line of text. A reason that is no text refuses the version."""
    if not value:
        return {}
    if not isinstance(value, dict):
        findings.leave_out("suggest", f"it must be an object, not {described(value)}")
        return {}
    suggested: dict[str, str] = {}
    for name, reason in value.items():
        if isinstance(reason, str):
            suggested[clean_text(name)] = clean_text(reason)
        else:
            findings.refuse(f"suggest.{_shown(name)}", f"must be a text, not {described(reason)}")
    return suggested


def _read_type(value: Any, link_type: str, findings: Findings) -> dict[str, str]:
    if value is None or value == []:
        return {}
    if not isinstance(value, dict):
        findings.refuse(link_type, f"must be an object, not {described(value)}")
        return {}
    links: dict[str, str] = {}
    for written, constraint in value.items():
        name = written.lower()
        where = f"{link_type}.{_shown(name)}"
        if _check_constraint(constraint, where, findings) and _check_name(
            name, link_type, findings
        ):
            links[name] = constraint
    return links


def _check_name(name: str, link_type: str, findings: Findings) -> bool:
    try:
        check_link_name(name)
    except InvalidName as error:
        if link_type == "require":
            findings.refuse(link_type, error.reason)
        else:
            findings.leave_out(f"{link_type}.{_shown(name)}", error.reason)
        return False
    return True


def _check_constraint(constraint: Any, where: str, findings: Findings) -> bool:
    if not isinstance(constraint, str):
        findings.refuse(where, f"the constraint must be a text, not {described(constraint)}")
        return False
    if constraint == SELF_VERSION:
        return True
    # Nothing long is remembered: one manifest must not fill the memory for all others.
    find = _fault if len(constraint) <= _REMEMBERED_LENGTH else _fault.__wrapped__
    fault = find(constraint)
    if fault is not None:
        findings.refuse(where, f"{quoted(constraint)} is not a constraint: {fault}")
    return fault is None


# The tags of one package repeat the same few constraints hundreds of times.
@lru_cache(maxsize=4096)
def _fault(constraint: str) -> str | None:
    try:
        parse_constraints(constraint)
    except InvalidConstraint as error:
        return clean_text(str(error))
    return None


def _shown(name: str) -> str:
    return quoted(name).strip('"')
