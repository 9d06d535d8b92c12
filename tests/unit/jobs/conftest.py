from collections.abc import Callable

import pytest

from packistry.models import Package, Project, Repository, Source
from packistry.runtime import Runtime

AddProject = Callable[..., int]


@pytest.fixture
def add_project(runtime: Runtime) -> AddProject:
    """Makes a project with a package (or none) and gives its id."""
    with runtime.transaction() as services:
        services.session.add(Repository(name="Root", path=""))
        services.session.add(Source(name="Here", provider="git"))

    def add(name: str = "lib", *, package: bool = True, stale: bool = False) -> int:
        with runtime.transaction() as services:
            session = services.session
            project = Project(source=session.query(Source).one(), external_id=name, path=name)
            session.add(project)
            if package:
                repository = session.query(Repository).one()
                session.add(
                    Package(
                        repository=repository, project=project, name=f"acme/{name}", stale=stale
                    )
                )
            session.flush()
            return project.id

    return add
