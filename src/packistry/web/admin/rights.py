"""The part of a form that says what somebody may reach: a tree of repositories and packages."""

import re

from packistry.errors import Invalid
from packistry.inputs.rights import RightsChange
from packistry.models import Grant
from packistry.services import Services
from packistry.services.grants import Owner
from packistry.web.visit import Visit

MORE = "more."
_CHOICE = re.compile(r"([rp])([0-9]{1,9})\.(read|write|manage)\Z", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}\Z", re.ASCII)


def entered(visit: Visit) -> RightsChange:
    """What was ticked, and the packages that were named. Raises Invalid."""
    ticked: dict[tuple[str, str], set[str]] = {}
    for value in visit.texts("grant"):
        choice = _CHOICE.match(value)
        if choice is None:
            raise Invalid("Rights: choose them from the list.", field="rights")
        ticked.setdefault((choice[1], choice[2]), set()).add(choice[3])
    found: list[dict[str, object]] = [
        {
            "repository" if kind == "r" else "package": int(number),
            **dict.fromkeys(rights, True),
        }
        for (kind, number), rights in ticked.items()
    ]
    for field in visit.request.POST:
        number = field.removeprefix(MORE)
        if field.startswith(MORE) and _NUMBER.match(number):
            names = visit.text(field).replace(",", " ").split()
            found += [{"repository": int(number), "name": name, "read": True} for name in names]
    return visit.read(RightsChange, rights=found)


def chosen(services: Services, owner: Owner) -> list[str]:
    """What is ticked now: all that was given by hand."""
    return [
        f"{_key(grant)}.{right}"
        for grant in services.grants.of(owner)
        if grant.given_by is None
        for right in ("read", "write", "manage")
        if getattr(grant, f"can_{right}")
    ]


def _key(grant: Grant) -> str:
    return f"p{grant.package_id}" if grant.package_id else f"r{grant.repository_id}"
