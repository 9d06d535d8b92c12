"""What somebody is to be granted, as it is sent: lists of ids, or rights one by one."""

from collections.abc import Iterable

from packistry.inputs import read
from packistry.inputs.rights import RightsChange
from packistry.services import Services
from packistry.services.grants import Owner, Rights
from packistry.web.api.shapes import Body, Number

READ = Rights(read=True)


class GrantBody(Body):
    """A right on a repository, or on one package. Only a repository can be maintained."""

    repository_id: Number | None = None
    package_id: Number | None = None
    read: bool = True
    write: bool = False
    manage: bool = False


def listed(
    repositories: Iterable[int], packages: Iterable[int], rights: Rights = READ
) -> RightsChange:
    """The same rights on all of these."""
    chosen = {"read": rights.read, "write": rights.write, "manage": rights.manage}
    return read(
        RightsChange,
        rights=[
            *({"repository": number, **chosen} for number in repositories),
            *({"package": number, **chosen} for number in packages),
        ],
    )


def one_by_one(grants: Iterable[GrantBody]) -> RightsChange:
    """Just these rights. Raises Invalid."""
    return read(
        RightsChange,
        rights=[
            {
                "repository": each.repository_id,
                "package": each.package_id,
                "read": each.read,
                "write": each.write,
                "manage": each.manage,
            }
            for each in grants
        ],
    )


def kept(
    services: Services,
    owner: Owner,
    repositories: Iterable[int] | None,
    packages: Iterable[int] | None,
) -> RightsChange:
    """Reading on these ids, more where they had more; of what is None they keep what they had."""
    wanted: list[dict[str, object]] = []
    had = [each for each in services.grants.of(owner) if each.given_by is None]
    for name, numbers in (("repository", repositories), ("package", packages)):
        given = {number: each for each in had if (number := getattr(each, f"{name}_id"))}
        for number in given if numbers is None else dict.fromkeys(numbers):
            grant = given.get(number)
            rights = {"read": True}
            if grant is not None:
                rights = {each: getattr(grant, f"can_{each}") for each in ("read", "write")}
                rights["manage"] = grant.can_manage
            wanted.append({name: number, **rights})
    return read(RightsChange, rights=wanted)
