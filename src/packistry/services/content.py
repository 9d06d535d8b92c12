"""What a project holds, and the name that it gives a package."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from packistry.composer.manifest import BadManifest, check, parse
from packistry.composer.names import InvalidName, check_package_name
from packistry.composer.semver import sort_key
from packistry.plugin import PluginError, Ref, RefKind, RefusedRef, Snapshot
from packistry.services.comparison import Candidate

T = TypeVar("T")

READ_AT_ONCE = 100
LONGEST_README = 512 * 1024
NO_NAME = "composer.json does not say the package's name."


@dataclass(frozen=True, kw_only=True)
class Content:
    """What the project holds now. `trusted`: git makes its archives, and has checked them."""

    snapshot: Snapshot
    refs: Sequence[Ref]
    refused: Sequence[RefusedRef]
    default_branch: str | None
    archived: bool
    trusted: bool

    def is_default(self, ref: Ref) -> bool:
        """Whether it is the branch that people mean when they name none."""
        return ref.kind is RefKind.BRANCH and ref.name == self.default_branch

    def readme(self, ref: Ref, folder: str) -> str:
        """The readme of a folder, "" for none."""
        try:
            text = self.snapshot.readme(ref, folder) or ""
        except PluginError:
            # A package without its readme is still a package.
            return ""
        text = text[:LONGEST_README].replace("\0", "")
        return text.encode("utf-8", "replace").decode()


@dataclass(frozen=True, kw_only=True)
class FoundName:
    """The name a package gets, or why it gets none: one of both is ""."""

    name: str = ""
    fault: str = ""


def find_name(content: Content, folder: str, candidates: Iterable[Candidate]) -> FoundName:
    """The name that the default branch gives, else the highest version that gives one."""
    fault = NO_NAME
    ordered = _in_order(content, candidates)
    # The first nearly always says it.
    for some in (ordered[:1], *chunks(ordered[1:], READ_AT_ONCE)):
        manifests = content.snapshot.manifests([candidate.ref for candidate in some], folder)
        for candidate in some:
            try:
                name = _name_in(manifests.get(candidate.ref.commit), candidate.ref)
            except BadManifest:
                continue
            except InvalidName as error:
                fault = error.reason
                continue
            if name:
                return FoundName(name=name)
    return FoundName(fault=fault)


def _in_order(content: Content, candidates: Iterable[Candidate]) -> list[Candidate]:
    first, tags, others = [], [], []
    for candidate in candidates:
        if content.is_default(candidate.ref):
            first.append(candidate)
        elif candidate.ref.kind is RefKind.TAG:
            tags.append(candidate)
        else:
            others.append(candidate)
    tags.sort(key=lambda candidate: sort_key(candidate.name.normalized), reverse=True)
    return [*first, *tags, *others]


def _name_in(data: bytes | None, ref: Ref) -> str:
    """The name a composer.json gives the package, "" for none."""
    if data is None:
        return ""
    name = check(parse(data), dev=ref.kind is RefKind.BRANCH).name or ""
    if name:
        check_package_name(name)
    return name


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of that size; the last may be shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
