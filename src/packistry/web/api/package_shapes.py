"""What the API takes and tells of packages."""

from pydantic import Field

from packistry.models import Dists, TagPolicy
from packistry.services.conditions import Condition
from packistry.web.api.people import Named
from packistry.web.api.repositories import RepositoryFacts
from packistry.web.api.shapes import INHERIT, Body, Folder, Kept, Moment, Number, Shape

MOST_PROJECTS = 100


class PackageSourceShape(Named):
    """The source of a package's project."""

    provider: str
    url: str


class PackageShape(Shape):
    """A package. It has no name before its first import; uploaded ones have no source.

    `abandoned` is false, true, or the name of the package to use instead. `keep_dists` is how many
    zips of each branch are kept, 0 for all. It and the lists of patterns, which say which branches
    and tags become versions, are null where its source decides.
    """

    id: int
    repository_id: int
    source_id: int | None
    provider_id: str | None
    name: str | None
    composer_name: str | None = Field(
        description="What its composer.json calls it now, where that is another name"
    )
    type: str
    latest_version: str | None
    description: str | None
    total_downloads: int
    project: str | None
    subdirectory: str
    keywords: list[str]
    abandoned: bool | str
    dists: Dists | None
    tag_policy: TagPolicy | None
    keep_dists: int | None
    branches: list[str] | None
    exclude_branches: list[str] | None
    tags: list[str] | None
    exclude_tags: list[str] | None
    condition: Condition
    created_at: Moment
    updated_at: Moment
    repository: RepositoryFacts
    source: PackageSourceShape | None


class PackageBody(Body):
    """Packages to be made of projects of a source, which are named by their ids there."""

    repository: Number
    source: Number
    projects: list[str] = Field(min_length=1, max_length=MOST_PROJECTS)
    webhook: bool = True
    subdirectory: Folder = ""
    dists: Dists | None = None
    tag_policy: TagPolicy | None = None
    keep_dists: Kept | None = None
    branches: list[str] | None = None
    exclude_branches: list[str] | None = None
    tags: list[str] | None = None
    exclude_tags: list[str] | None = None


class PackagePatch(Body):
    """What changes about a package; what is not sent stays. "inherit": as its source says."""

    abandoned: bool | str | None = Field(
        None, description='The name of the package to use instead; "inherit": as its project says'
    )
    dists: Dists | INHERIT | None = None
    tag_policy: TagPolicy | INHERIT | None = None
    keep_dists: Kept | INHERIT | None = None
    branches: list[str] | INHERIT | None = None
    exclude_branches: list[str] | INHERIT | None = None
    tags: list[str] | INHERIT | None = None
    exclude_tags: list[str] | INHERIT | None = None


class DependentShape(Shape):
    """A package that needs another one; `dev`: to be developed only."""

    id: int
    name: str
    allows: str
    dev: bool
