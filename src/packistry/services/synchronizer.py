"""One sync: a look at a project, and what follows from it for each of its packages."""

import logging
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from packistry import plugin, process
from packistry.composer.filters import DEFAULTS, RefFilter
from packistry.errors import ConfigurationError, NotFound
from packistry.git.refs import name_fault, printable
from packistry.models import (
    Dist,
    Dists,
    Package,
    Project,
    RefVerdict,
    Repository,
    Source,
    SyncState,
    Version,
)
from packistry.plugin import GitSourceProvider, Ref, RefusedRef, Snapshot
from packistry.services import Services
from packistry.services.comparison import Known, KnownVersion, Verdict, compare
from packistry.services.content import Content
from packistry.services.filters import lists_of
from packistry.services.importer import Importer, Target
from packistry.services.ledger import DIED, Claim, ClaimLost
from packistry.services.pins import pins_of
from packistry.services.places import Place, place
from packistry.services.transactions import Transactions
from packistry.stopping import Stopped

# What another try in half a minute will not change; a person has to do something.
FINAL = (
    plugin.ConfigError,
    plugin.CredentialsError,
    plugin.NotFound,
    plugin.Rejected,
    ConfigurationError,
    NotFound,
)
NO_COMMIT = "It has no commit id of 40 or 64 hex digits."

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Work:
    """Where to look, and for whom."""

    place: Callable[[], Place]
    source: str
    archived: bool
    targets: Sequence[Target]


class Synchronizer:
    """Does what a row of the ledger owes."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._settings = transactions.context.settings

    def run(self, sync_id: int) -> None:
        """Do one sync, if it is owed and nobody else is at it.

        How it went stands in the ledger. What nobody planned for, such as an error inside a
        plugin, is raised, and the caller tells `Ledger.fail`.
        """
        owner = process.identity()
        claim = self._transactions.attempt(lambda services: _claim(services, sync_id, owner))
        if claim is None:
            return
        try:
            self._run(claim)
        except ClaimLost:
            log.info("Sync %d was cancelled or taken over.", sync_id)

    def _give_back(self, claim: Claim) -> None:
        """Another worker goes on with it, unless it was cancelled: then ClaimLost is raised."""
        self._transactions.attempt(lambda services: services.ledger.give_back(claim))
        log.info("Sync %d was stopped, and is owed still.", claim.sync_id)

    def _run(self, claim: Claim) -> None:
        try:
            self._look(claim)
        except Stopped:
            self._give_back(claim)
        except plugin.RateLimited as error:
            reason, pause = str(error), error.retry_after
            self._transactions.attempt(
                lambda services: services.ledger.reschedule(claim, pause, reason)
            )
        except FINAL as error:
            missing = isinstance(error, plugin.NotFound | plugin.CredentialsError)
            self._fail(claim, str(error), final=True, missing=missing)
        except plugin.PluginError as error:
            self._fail(claim, str(error), final=False)
        except OSError as error:
            # Only what the system says: the text of the error itself holds paths.
            log.warning("Sync %d could not go on.", claim.sync_id, exc_info=True)
            self._fail(claim, f"The server could not go on: {error.strerror}.", final=False)

    def _fail(self, claim: Claim, reason: str, *, final: bool, missing: bool = False) -> None:
        def write(services: Services) -> None:
            state = services.ledger.fail(claim.sync_id, reason, final=final, missing=missing)
            if state == SyncState.FAILED:
                _announce_failure(services, claim.project_id, reason)

        self._transactions.attempt(write)

    def _look(self, claim: Claim) -> None:
        work = self._transactions.attempt(lambda services: self._work(services, claim))
        stale = {target.id for target in work.targets if target.stale}
        try:
            where = self._found(claim, work.place())
            targets = work.targets
            if where.project.archived != work.archived:
                # What the packages say of themselves has changed, though no ref has.
                targets = [replace(target, stale=True) for target in targets]
            with where.open() as snapshot:
                trusted = isinstance(where.provider, GitSourceProvider)
                archived = where.project.archived
                content = self._content(snapshot, archived=archived, trusted=trusted)
                failed = self._import(claim, content, targets, stale)
        finally:
            # Also when it was stopped half-way: what was imported until then is to be seen.
            for package_id in sorted(stale):
                self._render(package_id)
        if self._pass_over(claim, failed, where.project.pushed):
            # Of a thousand projects hardly one may be a package.
            shutil.rmtree(where.workspace, ignore_errors=True)
            return
        self._transactions.attempt(
            lambda services: services.ledger.finish(claim, default_branch=content.default_branch)
        )

    def _pass_over(self, claim: Claim, failed: Mapping[int, str], pushed: str) -> bool:
        """Remove packages on trial that are none; whether the project and the sync went with them.

        Only at the end, since they may be all that holds these.
        """
        if not failed:
            return False

        def write(services: Services) -> bool:
            found = [(services.session.get(Package, each), each) for each in failed]
            gone = [
                services.discovery.pass_over(claim, package, failed[number], pushed)
                for package, number in found
                if package is not None
            ]
            return any(gone)

        return self._transactions.attempt(write)

    def _import(
        self, claim: Claim, content: Content, targets: Sequence[Target], stale: set[int]
    ) -> dict[int, str]:
        """Why packages on trial are none, by their ids."""
        found, total = [], 0
        for target in targets:
            comparison = compare(
                target.known,
                [*content.refs, *content.refused],
                default=content.default_branch,
                policy=target.policy,
                eager=target.eager,
                chosen=target.chosen,
            )
            total += len(comparison.candidates)
            found.append((target, comparison))
        if total:
            self._transactions.attempt(lambda services: services.ledger.expect(claim, total))
        failed: dict[int, str] = {}
        for target, comparison in found:
            importer = Importer(self._transactions, claim, content, target, comparison)
            try:
                importer.run()
            finally:
                if importer.changed:
                    stale.add(target.id)
            if importer.failed_trial:
                failed[target.id] = importer.failed_trial
        return failed

    def _content(self, snapshot: Snapshot, *, archived: bool, trusted: bool) -> Content:
        limit = self._settings.max_refs
        found = list(islice(snapshot.refs(), limit + 1))
        if len(found) > limit:
            raise plugin.Rejected(
                f"The project has more than {limit} branches and tags (PACKISTRY_MAX_REFS)."
            )
        checked = [_usable(ref) for ref in found]
        return Content(
            snapshot=snapshot,
            refs=[ref for ref in checked if isinstance(ref, Ref)],
            refused=[ref for ref in checked if isinstance(ref, RefusedRef)],
            default_branch=snapshot.default_branch,
            archived=archived,
            trusted=trusted,
        )

    def _found(self, claim: Claim, where: Place) -> Place:
        """The project where it is now: by its id, since others may get its name.

        Raises Rejected when the host gives another project for this id.
        """
        told = where.provider.project(where.project.id)
        if told.id != where.project.id:
            raise plugin.Rejected(
                f"The host gives another project (id {told.id}) for the id {where.project.id}. "
                "What was imported stays as it is."
            )
        if told == where.project:
            return replace(where, project=told)

        def update(services: Services) -> None:
            project = services.session.get_one(Project, claim.project_id)
            services.projects.update(project, told)
            services.webhooks.reconsider(project)
            services.ledger.advance(claim, 0)

        self._transactions.attempt(update)
        return replace(where, project=told)

    def _render(self, package_id: int) -> None:
        def render(services: Services) -> None:
            package = services.session.get(Package, package_id)
            if package is not None:
                services.documents.render(package)

        self._transactions.attempt(render)

    def _work(self, services: Services, claim: Claim) -> _Work:
        session = services.session
        project = session.get_one(Project, claim.project_id)
        return _Work(
            place=place(self._transactions.context, project.source, project),
            source=project.source.name,
            archived=project.archived,
            targets=_targets(session, project, project.source),
        )


def _claim(services: Services, sync_id: int, owner: str) -> Claim | None:
    return services.ledger.claim(
        sync_id,
        owner,
        on_death=lambda project_id: _announce_failure(services, project_id, DIED),
    )


def _announce_failure(services: Services, project_id: int, reason: str) -> None:
    project = services.session.get_one(Project, project_id)
    services.events.announce(
        plugin.SyncFailed(source=project.source.name, project=project.external_id, error=reason)
    )


def _targets(session: Session, project: Project, source: Source) -> list[Target]:
    rows = session.execute(
        select(
            Package.id,
            Package.uid,
            Package.name,
            Package.subdirectory,
            Package.dists,
            Package.tag_policy,
            *(getattr(Package, name) for name in DEFAULTS),
            Package.on_trial,
            Package.stale,
            Repository.path,
            Repository.tag_policy.label("repository_policy"),
        )
        .join(Repository, Repository.id == Package.repository_id)
        .where(Package.project_id == project.id)
        .order_by(Package.id)
    ).all()
    versions, verdicts = _versions(session, project.id), _verdicts(session, project.id)
    pins = pins_of(session, project.id)
    return [
        Target(
            id=row.id,
            uid=row.uid,
            repository=row.path,
            name=row.name,
            subdirectory=row.subdirectory,
            eager=(row.dists or source.dists) == Dists.EAGER,
            policy=row.tag_policy or source.tag_policy or row.repository_policy,
            on_trial=row.on_trial,
            chosen=RefFilter.of(package=lists_of(row), source=lists_of(source)),
            stale=row.stale,
            known=Known(versions=versions[row.id], verdicts=verdicts[row.id], pins=pins[row.id]),
        )
        for row in rows
    ]


def _versions(session: Session, project_id: int) -> dict[int, list[KnownVersion]]:
    rows = session.execute(
        select(
            Version.package_id,
            Version.id,
            Version.kind,
            Version.ref,
            Version.name,
            Version.normalized,
            Version.stability,
            Version.reference,
            Version.default_branch,
            Dist.storage_key,
            Dist.failure,
        )
        .join(Package, Package.id == Version.package_id)
        .outerjoin(Dist, Dist.id == Version.dist_id)
        .where(Package.project_id == project_id)
    )
    found: dict[int, list[KnownVersion]] = defaultdict(list)
    for row in rows:
        found[row.package_id].append(
            KnownVersion(
                id=row.id,
                kind=row.kind,
                ref=row.ref,
                name=row.name,
                normalized=row.normalized,
                stability=row.stability,
                reference=row.reference,
                default_branch=row.default_branch,
                built=bool(row.storage_key or row.failure),
            )
        )
    return found


def _verdicts(session: Session, project_id: int) -> dict[int, list[Verdict]]:
    rows = session.execute(
        select(
            RefVerdict.package_id,
            RefVerdict.kind,
            RefVerdict.ref,
            RefVerdict.reference,
            RefVerdict.reason,
        )
        .join(Package, Package.id == RefVerdict.package_id)
        .where(Package.project_id == project_id)
    )
    found: dict[int, list[Verdict]] = defaultdict(list)
    for row in rows:
        found[row.package_id].append(
            Verdict(kind=row.kind, ref=row.ref, reference=row.reference, reason=row.reason)
        )
    return found


def _usable(ref: Ref | RefusedRef) -> Ref | RefusedRef:
    """A provider's word is not taken for it: names are shown, commits go into paths and URLs."""
    name = ref.name.encode("utf-8", "surrogatepass")
    if isinstance(ref, RefusedRef):
        return replace(ref, name=printable(name))
    if fault := name_fault(name):
        return RefusedRef(kind=ref.kind, name=printable(name), reason=fault)
    if not _COMMIT.fullmatch(ref.commit):
        return RefusedRef(kind=ref.kind, name=ref.name, reason=NO_COMMIT)
    return ref
