"""What the API takes and tells of sources."""

from typing import Literal

from pydantic import Field, JsonValue, SecretStr

from packistry.models import Dists, TagPolicy
from packistry.web.api.shapes import INHERIT, Body, Kept, Moment, Query, Search, Shape, Words

LONGEST_SEARCH = 255


class AutoImportShape(Shape):
    """Which new projects become packages by themselves, where, and how the last look went.

    `looked_at` is the last look that got to the end, `error` why one since did not.
    """

    patterns: list[str]
    repository_id: int
    looked_at: Moment | None
    next_at: Moment
    error: str


class SourceShape(Shape):
    """A source, without its secrets. `url` and `metadata` are parts of `config` as they were.

    `distribution` is the Python package that its provider came from when it was configured.
    `keep_dists` is how many zips of each branch are kept, 0 for all. The lists of patterns are
    null where the default says which branches and tags become versions. `webhook_url` takes what
    one webhook of all its projects delivers, once it has a secret.
    """

    id: int
    provider: str
    name: str
    url: str
    metadata: dict[str, JsonValue]
    config: dict[str, JsonValue]
    has_secrets: bool
    distribution: str
    loaded: bool = Field(description="Whether the plugin of its provider is there")
    lists_projects: bool = Field(description="Whether it can say which projects it has")
    dists: Dists
    tag_policy: TagPolicy | None
    keep_dists: int
    branches: list[str] | None
    exclude_branches: list[str] | None
    tags: list[str] | None
    exclude_tags: list[str] | None
    has_webhook_secret: bool
    webhook_url: str | None
    auto_import: AutoImportShape | None
    packages_count: int
    created_at: Moment
    updated_at: Moment


class SourceName(Shape):
    """What maintainers are told of a source, of whose projects they may make packages."""

    id: int
    provider: str
    name: str
    loaded: bool = Field(description="Whether the plugin of its provider is there")
    lists_projects: bool = Field(description="Whether it can say which projects it has")


class SourceBody(Body):
    """A source to be made. `config` has the fields of its provider; see the call `plugins`.

    `url`, `token` and `metadata` are the names that the PHP Packistry has for some of them.
    """

    name: Words
    provider: str
    config: dict[str, JsonValue] = {}
    url: str | None = None
    token: SecretStr | None = None
    metadata: dict[str, JsonValue] | None = None
    dists: Dists = Dists.EAGER
    tag_policy: TagPolicy | None = None
    keep_dists: Kept = Field(0, description="Zips kept of each branch; 0: all")
    branches: list[str] | None = None
    exclude_branches: list[str] | None = None
    tags: list[str] | None = None
    exclude_tags: list[str] | None = None


class SourcePatch(Body):
    """What changes about a source; what is not sent stays, secrets too. `clear` forgets secrets."""

    name: Words | None = None
    provider: str | None = Field(None, description="The one it has: it cannot be changed")
    config: dict[str, JsonValue] = {}
    clear: list[str] = []
    url: str | None = None
    token: SecretStr | None = None
    metadata: dict[str, JsonValue] | None = None
    dists: Dists | None = None
    tag_policy: TagPolicy | INHERIT | None = None
    keep_dists: Kept | None = None
    branches: list[str] | INHERIT | None = None
    exclude_branches: list[str] | INHERIT | None = None
    tags: list[str] | INHERIT | None = None
    exclude_tags: list[str] | INHERIT | None = None
    webhook_secret: SecretStr | None = Field(
        None, description="What one webhook of all its projects is signed with"
    )
    forget_webhook_secret: bool = False


class CheckShape(Shape):
    """What the provider has to say about a source that works."""

    notes: list[str]


class ProjectShape(Shape):
    """A project at a host. `id` is what a package is made from."""

    id: str
    full_name: str
    name: str
    url: str
    web_url: str
    read_only: bool


class SourceList(Search):
    """All sources whose names hold the words, in this order."""

    sort: Literal["name", "-name", "provider", "-provider", "created_at", "-created_at"] = "name"


class ProjectSearch(Query):
    """Words that the path of a project holds."""

    search: str = Field("", max_length=LONGEST_SEARCH)
