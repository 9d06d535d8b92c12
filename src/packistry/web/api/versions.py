"""The versions of a package, in the API, and the released tags that moved."""

from datetime import datetime
from typing import Any

from pydantic import Field, JsonValue
from sqlalchemy import func, select

from packistry.errors import Conflict, NotFound
from packistry.inputs import read
from packistry.inputs.yanking import Yank
from packistry.models import Dist, Download, Version, VersionKind
from packistry.services import Services
from packistry.services.access import Permission
from packistry.services.at_host import commit_page
from packistry.services.protection import HeldTag
from packistry.services.provenance import YANKED, provenance
from packistry.web.api.call import ApiVisit
from packistry.web.api.packages import call, find
from packistry.web.api.paging import paged
from packistry.web.api.shapes import Body, ListQuery, Moment, Paged, Prose, Shape, list_query
from packistry.web.listing import mentions

TAG, HELD = "Versions", "Held tags"

VersionList = list_query(
    "VersionList", "-committed_at", "committed_at", "name", "created_at", "total_downloads"
)

DOWNLOADS = (
    select(func.coalesce(func.sum(Download.downloads), 0))
    .where(Download.package_id == Version.package_id, Download.version == Version.normalized)
    .correlate(Version)
    .scalar_subquery()
)


class VersionShape(Shape):
    """A version. `shasum` and `size` are those of its zip, null while there is none.

    `notices` says what the zip lacks, such as submodules.
    """

    id: int
    package_id: int
    name: str
    shasum: str | None
    total_downloads: int
    normalized: str
    stability: str
    kind: VersionKind
    ref: str
    reference: str
    size: int | None
    notices: list[str]
    default_branch: bool
    committed_at: Moment
    yanked_at: Moment | None
    created_at: Moment
    updated_at: Moment


class WholeVersionShape(VersionShape):
    """A version with what composer is told of it, and the page of its commit at the host."""

    metadata: dict[str, JsonValue]
    commit_url: str | None
    sync_id: int | None = Field(
        description="The import that made it what it is, while that is remembered; maintainers "
        "are told"
    )
    uploaded_by: str | None = Field(description="Maintainers are told")
    yanked_by: str | None = Field(description="Maintainers are told")
    yanked_because: str | None


class YankBody(Body):
    """Why it is yanked, which whoever may read the version is told."""

    reason: Prose = ""


class HeldShape(Shape):
    """A released tag that points elsewhere than it did, and waits for a decision.

    `reference` is the commit the version had, `served` the one it has now ("" when it is not
    served), `held` the one the tag points to.
    """

    package_id: int
    package: str
    repository: str
    version: str
    tag: str
    reference: str
    served: str
    held: str
    held_at: Moment | None


class Decision(Body):
    """Which version it is about; with `commit` only if the tag still points there."""

    version: str = Field(min_length=1, max_length=300)
    commit: str = Field("", max_length=64)


def _facts(version: Version, dist: Dist | None, downloads: int) -> dict[str, Any]:
    built = dist if dist is not None and dist.built else None
    names = ("id", "package_id", "name", "normalized", "stability", "kind", "ref", "reference")
    more = ("default_branch", "committed_at", "yanked_at", "created_at")
    return {
        **{name: getattr(version, name) for name in (*names, *more)},
        "shasum": built.sha1 if built else None,
        "size": built.size if built else None,
        "notices": built.notices if built else [],
        "total_downloads": downloads,
        "updated_at": _changed(version, dist),
    }


def _changed(version: Version, dist: Dist | None) -> datetime:
    """When it came to be what it is now."""
    moments = [version.created_at, version.yanked_at, dist.created_at if dist else None]
    return max(moment for moment in moments if moment is not None)


def index(visit: ApiVisit, services: Services) -> Paged[VersionShape]:
    """All of them."""
    package = find(visit, services)
    asked = visit.narrowed(ListQuery)
    count = DOWNLOADS.label("downloads")
    return paged(
        visit,
        services.session,
        select(Version, Dist, count)
        .outerjoin(Dist, Dist.id == Version.dist_id)
        .where(Version.package_id == package.id, *mentions(asked.search, Version.name)),
        sorts={
            "committed_at": Version.committed_at,
            "name": Version.name,
            "created_at": Version.created_at,
            "total_downloads": count,
        },
        unique=Version.id,
        shapes=lambda rows: [
            VersionShape(**_facts(row.Version, row.Dist, int(row.downloads))) for row in rows
        ],
    )


def show(visit: ApiVisit, services: Services) -> WholeVersionShape:
    """One of them."""
    return _whole(visit, services, _version(visit, services))


def _version(visit: ApiVisit, services: Services) -> Version:
    return services.versions.at(find(visit, services), visit.number("version"))


def _whole(visit: ApiVisit, services: Services, version: Version) -> WholeVersionShape:
    (found,) = services.versions.facts(version.package, [version.id])
    facts = _facts(version, found.dist, found.downloads)
    project = None if version.kind is VersionKind.UPLOAD else version.package.project
    page = commit_page(services.context.plugins, project, version.reference)
    made = provenance(services.session, version)
    told = visit.may(services, Permission.MAINTAIN, version.package)
    return WholeVersionShape(
        **facts,
        metadata=version.manifest,
        commit_url=page or None,
        sync_id=made.imported.sync_id if told and made.imported else None,
        uploaded_by=made.uploaded.who if told and made.uploaded else None,
        yanked_by=made.yanked.who if told and made.yanked else None,
        yanked_because=made.yanked.why or None if made.yanked else None,
    )


def yank(visit: ApiVisit) -> WholeVersionShape:
    """Composer chooses it no more; lock files that name it still install it."""
    said = read(Yank, reason=visit.body(YankBody).reason)
    with visit.change() as services:
        version = _version(visit, services)
        services.versions.yank(version.package, version)
        if said.reason:
            services.audit.note(YANKED, version, note=said.reason)
        # What the change did is in the audit log at its end.
    with visit.reading() as services:
        return _whole(visit, services, _version(visit, services))


def restore(visit: ApiVisit) -> WholeVersionShape:
    """Composer may choose it again."""
    with visit.change() as services:
        version = _version(visit, services)
        services.versions.restore(version.package, version)
        return _whole(visit, services, version)


def held(visit: ApiVisit, services: Services) -> list[HeldShape]:
    """The tags that wait."""
    return [_held(each) for each in services.protection.held(find(visit, services))]


def _held(tag: HeldTag) -> HeldShape:
    return HeldShape.model_validate(tag)


def accept(visit: ApiVisit) -> None:
    """The version becomes what its tag points to, by a sync that is owed now."""
    _decide(visit, accepted=True)


def refuse(visit: ApiVisit) -> None:
    """The version stays what it is, and the tag's present commit is told no more."""
    _decide(visit, accepted=False)


def _decide(visit: ApiVisit, *, accepted: bool) -> None:
    sent = visit.body(Decision)
    with visit.change() as services:
        package = find(visit, services)
        decide = services.protection.accept if accepted else services.protection.refuse
        try:
            decide(package, sent.version, commit=sent.commit)
        except NotFound as error:
            raise Conflict(str(error), field="version") from None
        action = "package.tag-accepted" if accepted else "package.tag-refused"
        services.audit.note(action, package, note=f"{sent.version}: {sent.commit}")


CALLS = (
    call(
        "versions",
        "GET",
        "/versions",
        "The versions of a package",
        tag=TAG,
        query=VersionList,
        returns=Paged[VersionShape],
        show=index,
    ),
    call(
        "version",
        "GET",
        "/versions/{version}",
        "One version with its metadata",
        tag=TAG,
        returns=WholeVersionShape,
        show=show,
    ),
    call(
        "version-yank",
        "POST",
        "/versions/{version}/yank",
        "Have composer choose a version no more",
        tag=TAG,
        body=YankBody,
        returns=WholeVersionShape,
        do=yank,
    ),
    call(
        "version-restore",
        "POST",
        "/versions/{version}/restore",
        "Let composer choose a yanked version again",
        tag=TAG,
        returns=WholeVersionShape,
        do=restore,
    ),
    call(
        "held",
        "GET",
        "/held",
        "The released tags that moved and wait for a decision",
        tag=HELD,
        permission=Permission.MAINTAIN,
        returns=list[HeldShape],
        show=held,
    ),
    call(
        "held-accept",
        "POST",
        "/held/accept",
        "Let a version become what its tag points to",
        tag=HELD,
        body=Decision,
        do=accept,
    ),
    call(
        "held-refuse",
        "POST",
        "/held/refuse",
        "Let a version stay what it is",
        tag=HELD,
        body=Decision,
        do=refuse,
    ),
)
