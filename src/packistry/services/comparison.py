"""What moved: the refs of a project against the versions of a package. Nothing is read for it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from packistry.composer.filters import RefFilter
from packistry.composer.versions import (
    SkippedRef,
    VersionName,
    identity,
    order_branches,
    order_tags,
    version_of_branch,
    version_of_tag,
)
from packistry.models import TagPolicy
from packistry.plugin import Ref, RefKind, RefusedRef

STABLE = "stable"
LONGEST_NAME = 300
UPLOADED = "A version of this number was uploaded."

RefKey = tuple[str, str]
"""A ref's kind and name."""


@dataclass(frozen=True, kw_only=True)
class KnownVersion:
    """A version as the database has it. `built`: its dist is stored, or can never be."""

    id: int
    kind: str
    ref: str
    name: str
    normalized: str
    stability: str
    reference: str
    default_branch: bool
    built: bool

    @property
    def key(self) -> RefKey:
        return self.kind, self.ref

    @property
    def is_release(self) -> bool:
        """Whether it is what a repository may protect: a stable version that a tag gave."""
        return self.kind == RefKind.TAG and self.stability == STABLE

    @property
    def identity(self) -> str:
        return identity(self.normalized)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Why a ref is no version. `reference` "": whatever commit it points to."""

    kind: str
    ref: str
    reference: str = ""
    reason: str

    @property
    def key(self) -> RefKey:
        return self.kind, self.ref


@dataclass(frozen=True, kw_only=True)
class Pin:
    """What is remembered of a stable version whose tag moved or went away (models.TagPin)."""

    identity: str
    reference: str
    ref: str
    held_reference: str
    accepted_reference: str
    refused_reference: str


@dataclass(frozen=True, kw_only=True)
class Known:
    """All that the database has of a package. `pins` are by their versions' identity."""

    versions: Sequence[KnownVersion]
    verdicts: Sequence[Verdict]
    pins: Mapping[str, Pin] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A ref to be read.

    `name` is what it is called unless its composer.json spells it otherwise; `known` the version
    it is now, if it is one.
    """

    ref: Ref
    name: VersionName
    known: KnownVersion | None


@dataclass(frozen=True, kw_only=True)
class Held:
    """A stable tag that points to another commit than the version made from it."""

    version: KnownVersion
    ref: Ref


@dataclass(kw_only=True)
class Comparison:
    """What is to be done. `candidates` are in the order in which the first of equals wins.

    `taken` has the ref of each version that stays as it is, by identity. `released` are identities
    whose tag was held and is back, or gone. `removed` are versions without a ref, and those whose
    ref is in `filtered`: the refs that the filter leaves out, with the reason. `left` are so many.
    """

    candidates: list[Candidate] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    removed: list[KnownVersion] = field(default_factory=list)
    forgotten: list[Verdict] = field(default_factory=list)
    filtered: dict[RefKey, str] = field(default_factory=dict)
    left: int = 0
    taken: dict[str, str] = field(default_factory=dict)
    default_moved: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is nothing at all to do."""
        lists = (self.candidates, self.verdicts, self.held, self.released, self.removed)
        return not any(lists) and not self.forgotten and not self.default_moved


def in_order(refs: Iterable[Ref], default: str | None) -> list[Ref]:
    """The order of import: the default branch, the tags, the other branches."""
    branches: dict[str, Ref] = {}
    tags: dict[str, Ref] = {}
    for ref in refs:
        (branches if ref.kind is RefKind.BRANCH else tags)[ref.name] = ref
    ordered = [branches[name] for name in order_branches(branches, default)]
    first = 1 if default in branches else 0
    return [*ordered[:first], *(tags[name] for name in order_tags(tags)), *ordered[first:]]


def compare(
    known: Known,
    refs: Iterable[Ref | RefusedRef],
    *,
    default: str | None,
    policy: TagPolicy,
    eager: bool,
    chosen: RefFilter,
) -> Comparison:
    """What to do so that the versions are those of the refs that are `chosen`."""
    return _Comparing(known, policy=policy, eager=eager).run(list(refs), default, chosen)


class _Comparing:
    def __init__(self, known: Known, *, policy: TagPolicy, eager: bool) -> None:
        self._policy = policy
        self._eager = eager
        self._known = known
        self._versions = {version.key: version for version in known.versions}
        self._verdicts = {verdict.key: verdict for verdict in known.verdicts}
        self._result = Comparison()

    def run(
        self, refs: list[Ref | RefusedRef], default: str | None, chosen: RefFilter
    ) -> Comparison:
        usable = in_order(self._filter(refs, chosen), default)
        refused = [ref for ref in refs if isinstance(ref, RefusedRef)]
        seen = {(ref.kind.value, ref.name) for ref in usable}
        seen |= {(ref.kind.value, shown(ref)) for ref in refused}
        self._result.left = len(usable)
        self._take_gone(seen)
        moved = [ref for ref in usable if not self._stays(ref)]
        for (kind, name), reason in self._result.filtered.items():
            self._judge(Verdict(kind=kind, ref=name, reason=reason))
        for none in refused:
            self._judge(Verdict(kind=none.kind, ref=shown(none), reason=none.reason))
        for ref in moved:
            self._look_at(ref)
        self._result.default_moved = any(
            version.default_branch != (version.key == (RefKind.BRANCH, default))
            for version in self._known.versions
            if version.key in seen
        )
        return self._result

    def _filter(self, refs: Iterable[Ref | RefusedRef], chosen: RefFilter) -> list[Ref]:
        left = []
        for ref in refs:
            if isinstance(ref, Ref):
                if reason := chosen.reason(ref.kind, ref.name):
                    self._result.filtered[ref.kind.value, ref.name] = reason
                else:
                    left.append(ref)
        return left

    def _take_gone(self, seen: set[RefKey]) -> None:
        for version in self._known.versions:
            if version.kind == "upload":
                self._result.taken[version.identity] = ""
            elif version.key not in seen:
                self._result.removed.append(version)
        self._result.released = [
            pin.identity
            for pin in self._known.pins.values()
            if pin.held_reference and (RefKind.TAG, pin.ref) not in seen
        ]
        self._result.forgotten = [
            verdict
            for verdict in self._known.verdicts
            if verdict.key not in seen and verdict.key not in self._result.filtered
        ]

    def _stays(self, ref: Ref) -> bool:
        """Whether the ref is a version, or none, as it was before; a held one counts as such."""
        version = self._versions.get((ref.kind, ref.name))
        if version is None:
            verdict = self._verdicts.get((ref.kind, ref.name))
            return verdict is not None and verdict.reference == ref.commit
        if not self._same(version, ref):
            return False
        verdict = self._verdicts.get(version.key)
        if verdict is not None and not verdict.reference:
            # A sync that was to filter it out was cut off, and the filter changed again.
            self._result.forgotten.append(verdict)
        self._result.taken[version.identity] = ref.name
        return True

    def _same(self, version: KnownVersion, ref: Ref) -> bool:
        verdict = self._verdicts.get(version.key)
        if verdict is not None and verdict.reference == ref.commit:
            # It moved to a commit that cannot be a version: the one before stays.
            return True
        pin = self._known.pins.get(version.identity)
        held = pin.held_reference if pin else ""
        if version.reference == ref.commit:
            if held:
                self._result.released.append(version.identity)
            return version.built or not self._eager
        if not self._protected(version) or (pin and pin.accepted_reference == ref.commit):
            return False
        if pin and pin.refused_reference == ref.commit:
            if held:
                self._result.released.append(version.identity)
        elif held != ref.commit:
            self._result.held.append(Held(version=version, ref=ref))
        return True

    def _protected(self, version: KnownVersion) -> bool:
        return version.is_release and self._policy == TagPolicy.PROTECT

    def _look_at(self, ref: Ref) -> None:
        try:
            name = _name_of(ref)
        except SkippedRef as skipped:
            self._judge(Verdict(kind=ref.kind, ref=ref.name, reason=skipped.reason))
            return
        if name.identity in self._result.taken:
            self._judge(duplicate(ref, self._result.taken[name.identity]))
            return
        known = self._versions.get((ref.kind, ref.name))
        if known is None and self._hold_renamed(ref, name):
            return
        self._result.candidates.append(Candidate(ref=ref, name=name, known=known))

    def _hold_renamed(self, ref: Ref, name: VersionName) -> bool:
        """`v1.0` gone and `1.0` there instead, at another commit, is a moved stable version."""
        pin = self._known.pins.get(name.identity)
        for version in self._result.removed:
            if version.identity == name.identity and self._protected(version):
                accepted = pin.accepted_reference if pin else ""
                if ref.commit in (version.reference, accepted):
                    return False
                self._result.removed.remove(version)
                self._result.taken[version.identity] = ref.name
                self._result.held.append(Held(version=version, ref=ref))
                return True
        return False

    def _judge(self, verdict: Verdict) -> None:
        """Names judge themselves: nothing of the commit matters, and it is said only once."""
        known = self._verdicts.get(verdict.key)
        if known is None or known.reason != verdict.reason:
            self._result.verdicts.append(verdict)


def moved(old: str, new: str, *, served: bool) -> str:
    """The reason why a tag is held."""
    stays = "so the version stays as it is" if served else "so the version is not served"
    return (
        f"The tag was at {old} and now points to {new}. Stable versions are protected here, "
        f"{stays} until `packistry package accept` takes the new commit."
    )


def shown(ref: RefusedRef) -> str:
    """Its name, as long as a column can take it."""
    return ref.name[:LONGEST_NAME]


def duplicate(ref: Ref, winner: str) -> Verdict:
    """The verdict on a ref whose version another one, "" for an upload, already is."""
    reason = f'"{winner}" is the same version and comes first.' if winner else UPLOADED
    return Verdict(kind=ref.kind, ref=ref.name, reason=reason)


def _name_of(ref: Ref) -> VersionName:
    if ref.kind is RefKind.TAG:
        return version_of_tag(ref.name)
    return version_of_branch(ref.name)
