"""The projects that packages are made from."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from packistry import plugin
from packistry.models import Package, Project, Source


class Projects:
    """What we know of the projects of all sources."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, source: Source, external_id: str) -> Project | None:
        query = select(Project).where(
            Project.source_id == source.id, Project.external_id == external_id
        )
        return self._session.scalars(query).one_or_none()

    def adopt(self, source: Source, found: plugin.Project) -> Project:
        """The row of a project the host told us of, made if need be, and what it says now."""
        project = self.find(source, found.id)
        if project is None:
            project = Project(source_id=source.id, external_id=found.id, path=found.path)
            self._session.add(project)
        self.update(project, found)
        self._session.flush()
        return project

    def update(self, project: Project, found: plugin.Project) -> None:
        """Take over what the host says now.

        Packages of one that was archived, or no longer is, are behind until the next import.
        """
        if project.id is not None and project.archived != found.archived:
            self._session.execute(
                update(Package)
                .where(Package.project_id == project.id, Package.name.is_not(None))
                .values(stale=True)
                .execution_options(synchronize_session=False)
            )
        project.path = found.path
        project.web_url = found.web_url
        project.clone_url = found.clone_url
        project.archived = found.archived


def as_told(project: Project) -> plugin.Project:
    """The project in the words of its provider."""
    return plugin.Project(
        id=project.external_id,
        path=project.path,
        web_url=project.web_url,
        clone_url=project.clone_url,
        archived=project.archived,
    )
