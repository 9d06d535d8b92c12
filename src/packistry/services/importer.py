"""One package: from the refs that moved to its versions."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO, TypeVar

from packistry import stopping
from packistry.composer.filters import RefFilter
from packistry.composer.manifest import BadManifest, Manifest, check, parse
from packistry.composer.names import usable_name
from packistry.composer.semver import parse_stability
from packistry.composer.versions import SkippedRef, VersionName, version_of_tag
from packistry.models import Outcome, TagPolicy
from packistry.plugin import PackageAdded, Ref, RefKind, VersionPublished
from packistry.services import Services, readme
from packistry.services.archives import Archives, Built, NotBuilt
from packistry.services.comparison import (
    STABLE,
    Candidate,
    Comparison,
    Known,
    Verdict,
    duplicate,
    moved,
)
from packistry.services.content import NO_NAME, READ_AT_ONCE, Content, chunks, find_name
from packistry.services.dists import Dists, StoredFile, check_archive, notices_of
from packistry.services.findings import Facts, Item, Record
from packistry.services.ledger import Claim
from packistry.services.orders import archive_prefix
from packistry.services.pins import Hold
from packistry.services.records import Records
from packistry.services.transactions import Transactions

T = TypeVar("T")

RECORDED_AT_ONCE = 100
# So many archives in a row that the host did not give: it is the host, not the refs.
FAILURES_IN_A_ROW = 5
NOTHING_LEFT = "The filter leaves no branch and no tag of the project."
NO_REFS = "The repository has no branches and no tags."
REFUSED = "An administrator refused this commit for the version."


@dataclass(frozen=True, kw_only=True)
class Target:
    """A package that is made from the project, as it was when the sync began.

    `name` is None before the first import. `on_trial`: it goes if that finds no package. `eager`:
    dists are built at import. `stale`: an import was cut off before its end, or the documents are
    to be rendered for another reason.
    """

    id: int
    uid: str
    repository: str
    name: str | None
    subdirectory: str
    eager: bool
    policy: TagPolicy
    chosen: RefFilter
    on_trial: bool
    stale: bool
    known: Known


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """A ref that becomes a version."""

    candidate: Candidate
    name: VersionName
    manifest: Manifest

    @property
    def commit(self) -> str:
        return self.candidate.ref.commit


class Importer:
    """Imports one package. Cut off anywhere and run again, it ends in the same versions."""

    def __init__(
        self,
        transactions: Transactions,
        claim: Claim,
        content: Content,
        target: Target,
        comparison: Comparison,
    ) -> None:
        self._transactions = transactions
        self._settings = transactions.context.settings
        self._dists = Dists(transactions)
        self._content = content
        self._target = target
        self._comparison = comparison
        self._records = Records(claim, target.id, target.known, content.default_branch)
        self._name = target.name or ""
        self._nameless = ""
        self._taken = dict(comparison.taken)
        self._releases = {
            version.identity: version.reference
            for version in target.known.versions
            if version.is_release
        }
        self._failures = 0

    @property
    def changed(self) -> bool:
        """Whether the documents may be behind."""
        return self._records.stale

    @property
    def failed_trial(self) -> str:
        """Why a package on trial is none, once it has run; "" when it is one, or on no trial."""
        if not self._target.on_trial or self._name:
            return ""
        return self._nameless or NO_NAME

    def run(self) -> None:
        """Do all that the comparison found. Raises ClaimLost, Stopped, PluginError."""
        comparison = self._comparison
        if self._target.on_trial and not self._name:
            self._nameless = self._hopeless()
            if self._nameless:
                return
        if nothing := self._nothing():
            self._attempt(lambda services: self._records.refuse_all(services, nothing))
        if comparison.empty and not self._target.stale:
            return
        if comparison.verdicts or comparison.held or comparison.released:
            self._attempt(lambda services: self._records.judge_names(services, comparison))
        if comparison.candidates and not self._name:
            self._find_name()
        self._import(comparison.candidates)
        self._settle()

    def _hopeless(self) -> str:
        """Why the project cannot be a package, as far as one look tells; "" when it may be one."""
        if not self._content.refs:
            return NO_REFS
        if not self._comparison.left:
            return NOTHING_LEFT
        default = next((ref for ref in self._content.refs if self._content.is_default(ref)), None)
        if default is None:
            return ""
        found = self._content.snapshot.manifest(default, self._target.subdirectory)
        return "" if found is not None else f"The branch {default.name} has no composer.json."

    def _nothing(self) -> str:
        """Why the project as a whole gives no version, if that is so and is news."""
        comparison = self._comparison
        if comparison.left or (self._name and comparison.empty):
            return ""
        if comparison.filtered:
            return NOTHING_LEFT
        return "" if self._content.refs or self._name else NO_REFS

    def _attempt(self, work: Callable[[Services], T]) -> T:
        stopping.check()
        return self._transactions.attempt(work)

    def _import(self, candidates: Sequence[Candidate]) -> None:
        threads = self._settings.archive_threads
        with Archives(self._archive, self._dists, self._target.uid, threads=threads) as archives:
            for some in chunks(candidates, READ_AT_ONCE):
                plans = self._read(some)
                if self._target.eager:
                    self._record_eagerly(plans, archives)
                else:
                    self._record(plans, {})

    def _read(self, candidates: Sequence[Candidate]) -> list[_Plan]:
        """The refs that become versions. The others are recorded, with the reason."""
        manifests = self._content.snapshot.manifests(
            [candidate.ref for candidate in candidates], self._target.subdirectory
        )
        plans: list[_Plan] = []
        items: list[Item] = []
        for candidate in candidates:
            found = self._plan(candidate, manifests.get(candidate.ref.commit))
            if isinstance(found, _Plan):
                plans.append(found)
            else:
                items.append(found)
        if items:
            self._attempt(lambda services: self._records.refuse(services, items))
        return plans

    def _plan(self, candidate: Candidate, data: bytes | None) -> _Plan | Item:
        ref, known = candidate.ref, candidate.known
        if data is None:
            return self._refused(candidate, self._no_manifest(), removes=known is not None)
        try:
            manifest = check(parse(data), dev=ref.kind is RefKind.BRANCH)
            name = candidate.name
            if ref.kind is RefKind.TAG:
                name = version_of_tag(ref.name, manifest.version)
        except (BadManifest, SkippedRef) as error:
            if known is not None:
                # What was imported before stays: better an old version than none.
                self._taken[known.identity] = ref.name
            return self._refused(candidate, str(error), failed=ref.kind is RefKind.BRANCH)
        if not self._name:
            verdict = Verdict(kind=ref.kind, ref=ref.name, reason=self._nameless)
            return Item(ref=ref, outcome=Outcome.SKIPPED, reason=verdict.reason, verdict=verdict)
        if name.identity in self._taken:
            verdict = duplicate(ref, self._taken[name.identity])
            return Item(ref=ref, outcome=Outcome.SKIPPED, reason=verdict.reason, verdict=verdict)
        if held := self._held(candidate, name):
            return held
        self._taken[name.identity] = ref.name
        return _Plan(candidate=candidate, name=name, manifest=manifest)

    def _held(self, candidate: Candidate, name: VersionName) -> Item | None:
        """A tag whose version was another commit once: it may not become one by itself."""
        ref = candidate.ref
        stable = ref.kind is RefKind.TAG and parse_stability(name.normalized) == STABLE
        if not stable or self._target.policy != TagPolicy.PROTECT:
            return None
        pin = self._records.pins.get(name.identity)
        before = self._releases.get(name.identity) or (pin.reference if pin else "")
        if not before or before == ref.commit or (pin and pin.accepted_reference == ref.commit):
            return None
        if pin and pin.refused_reference == ref.commit:
            return self._refused(candidate, REFUSED)
        reason = moved(before, ref.commit, served=False)
        hold = Hold(
            version=name.pretty,
            identity=name.identity,
            reference=before,
            ref=ref.name,
            commit=ref.commit,
        )
        return replace(self._refused(candidate, reason), outcome=Outcome.HELD, hold=hold)

    def _no_manifest(self) -> str:
        folder = self._target.subdirectory
        return f"There is no composer.json in {folder}." if folder else "There is no composer.json."

    def _refused(
        self, candidate: Candidate, reason: str, *, failed: bool = False, removes: bool = False
    ) -> Item:
        ref = candidate.ref
        verdict = Verdict(kind=ref.kind, ref=ref.name, reference=ref.commit, reason=reason)
        outcome = Outcome.FAILED if failed else Outcome.SKIPPED
        removed = candidate.known if removes else None
        return Item(ref=ref, outcome=outcome, reason=reason, verdict=verdict, removes=removed)

    def _record(self, plans: Sequence[_Plan], dists: dict[str, int]) -> None:
        """Versions whose dists are built (`dists`: their ids) or are not to be built now."""
        for some in chunks(plans, RECORDED_AT_ONCE):
            self._write([self._as_record(plan) for plan in some], dists)

    def _write(self, records: Sequence[Record], dists: dict[str, int]) -> None:
        self._attempt(lambda services: self._write_all(services, records, dists))

    def _write_all(
        self, services: Services, records: Sequence[Record], dists: dict[str, int]
    ) -> None:
        self._records.write(services, records, dists)
        for record in records:
            services.events.announce(
                VersionPublished(
                    repository=self._target.repository,
                    package=self._name,
                    version=record.name.pretty,
                    commit=record.ref.commit,
                )
            )

    def _as_record(self, plan: _Plan, file: StoredFile | None = None) -> Record:
        ref, manifest = plan.candidate.ref, plan.manifest
        notices, facts = list(manifest.notices), None
        if file is not None:
            lacks = notices_of(self._content.snapshot, ref, self._target.subdirectory)
            file, notices = replace(file, notices=lacks), notices + list(lacks)
        if self._content.is_default(ref):
            facts = self._facts_in(manifest, ref)
            if manifest.name and manifest.name != self._name:
                renamed = f'composer.json now says "{manifest.name}"; the package keeps the name '
                notices.insert(0, f"{renamed}{self._name}.")
        notice = " ".join(notices)
        return Record(
            ref=ref, name=plan.name, manifest=manifest, notice=notice, file=file, facts=facts
        )

    def _record_eagerly(self, plans: Sequence[_Plan], archives: Archives) -> None:
        by_commit: dict[str, list[_Plan]] = {}
        for plan in plans:
            by_commit.setdefault(plan.commit, []).append(plan)
        built = self._attempt(lambda services: self._records.built(services, list(by_commit)))
        self._record([plan for plan in plans if plan.commit in built], built)
        missing = [
            same[0].candidate.ref for commit, same in by_commit.items() if commit not in built
        ]
        self._content.snapshot.expect(missing, self._target.subdirectory)
        for batch in archives.build(missing):
            records = [
                self._as_record(plan, each.file)
                for each in batch
                if isinstance(each, Built)
                for plan in by_commit[each.ref.commit]
            ]
            if records:
                self._write(records, {})
            for each in batch:
                if isinstance(each, NotBuilt):
                    self._give_up(each, by_commit[each.ref.commit])
                else:
                    self._failures = 0

    def _give_up(self, failure: NotBuilt, plans: Sequence[_Plan]) -> None:
        if not failure.final:
            self._failures += 1
            if self._failures >= FAILURES_IN_A_ROW:
                raise failure.error
        items = [
            self._refused(plan.candidate, failure.reason, failed=True)
            if failure.final
            else Item(ref=plan.candidate.ref, outcome=Outcome.FAILED, reason=failure.reason)
            for plan in plans
        ]
        self._attempt(lambda services: self._records.refuse(services, items))

    @contextmanager
    def _archive(self, ref: Ref) -> Iterator[BinaryIO]:
        prefix = archive_prefix(self._name, ref.commit)
        folder = self._target.subdirectory
        with self._content.snapshot.archive(ref, folder, prefix=prefix) as stream:
            check_archive(stream, self._settings, thoroughly=not self._content.trusted)
            yield stream

    def _find_name(self) -> None:
        found = find_name(self._content, self._target.subdirectory, self._comparison.candidates)
        self._nameless = found.fault
        if found.name:
            self._take_name(found.name)

    def _take_name(self, name: str) -> None:
        if self._attempt(lambda services: self._write_name(services, name)):
            self._name = name
        else:
            self._nameless = f"Another package of this repository has the name {name} already."

    def _write_name(self, services: Services, name: str) -> bool:
        taken = self._records.take_name(services, name)
        if taken:
            event = PackageAdded(repository=self._target.repository, package=name)
            services.events.announce(event)
        return taken

    def _settle(self) -> None:
        """What concerns all refs: what is gone, the default branch, what the package says."""
        facts = self._facts() if self._name else None
        self._attempt(lambda services: self._records.settle(services, self._comparison, facts))

    def _facts(self) -> Facts | None:
        """What the package says of itself, by its default branch, else its highest version.

        None when that is what it said before.
        """
        comparison, cut_off = self._comparison, self._target.stale
        if not (cut_off or self._records.stale or comparison.removed or comparison.default_moved):
            return None
        ref = self._attempt(lambda services: self._records.speaker(services, comparison.removed))
        if ref is None:
            return None
        if self._content.is_default(ref) and not (comparison.default_moved or cut_off):
            # What it says was written together with its version.
            return None
        try:
            return self._facts_in(self._manifest(ref), ref)
        except BadManifest:
            return None

    def _facts_in(self, manifest: Manifest, ref: Ref) -> Facts:
        text = self._content.readme(ref, self._target.subdirectory)
        return Facts(
            name=usable_name(manifest.name),
            description=manifest.description,
            type=manifest.type,
            keywords=manifest.keywords,
            abandoned=manifest.abandoned or self._content.archived,
            readme=text,
            readme_html=readme.render(text),
            metadata=manifest.metadata,
        )

    def _manifest(self, ref: Ref) -> Manifest:
        data = self._content.snapshot.manifest(ref, self._target.subdirectory)
        if data is None:
            raise BadManifest(self._no_manifest())
        return check(parse(data), dev=ref.kind is RefKind.BRANCH)
