"""A plugin whose host lists many projects in memory, and may refuse half-way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any

from packistry.plugin import Project, SourceProvider, hookimpl
from tests import faulty

PROVIDER = "crowded"
POINTS = [
    EntryPoint(name="builtin", value="packistry.builtin", group="packistry"),
    EntryPoint(name="crowded", value="tests.crowded", group="packistry"),
]


@dataclass(kw_only=True)
class Crowd:
    """The projects in the order of the listing. `on_page`, given how many were told, may raise."""

    projects: list[Project] = field(default_factory=list)
    told: int = 0
    on_page: faulty.Fault = faulty.nothing

    def add(self, number: str, path: str, *, archived: bool = False, pushed: str = "") -> None:
        """List a project; its content is in `faulty.HOSTS`."""
        self.projects = [each for each in self.projects if each.id != number]
        self.projects.append(Project(id=number, path=path, archived=archived, pushed=pushed))
        faulty.HOSTS.setdefault(number, faulty.Host(path=path))

    def library(self, number: str, path: str, **options: Any) -> None:
        """The same, with a composer.json of that name."""
        self.add(number, path, **options)
        faulty.HOSTS[number].push("main", {"name": path})


CROWD = Crowd()


class Crowded(faulty.Faulty):
    """Lists what `CROWD` has."""

    name = PROVIDER
    title = "Crowded host"

    def projects(self, search: str = "") -> Iterator[Project]:
        for each in CROWD.projects:
            CROWD.told += 1
            if search in each.path:
                yield each
            CROWD.on_page()

    def project(self, id: str) -> Project:  # noqa: A002 - the contract's word
        return next(each for each in CROWD.projects if each.id == id)


@hookimpl
def packistry_source_providers() -> Sequence[type[SourceProvider[Any]]]:
    return [Crowded]
