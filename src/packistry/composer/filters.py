"""Which branches and tags become versions: lists of globs that take in and that leave out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

EVERYTHING = ("*",)
SHORT_LIVED_BRANCHES = (
    "conductor-*",
    "dependabot/*",
    "gh-pages",
    "gh-readonly-queue/*",
    "gitattributes",
    "merge-up/*",
    "release-please--branches--main",
    "renovate/*",
)
"""Branches that tools make for a while; packagist.org leaves these out."""

DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "branches": EVERYTHING,
    "exclude_branches": SHORT_LIVED_BRANCHES,
    "tags": EVERYTHING,
    "exclude_tags": (),
}
"""The four lists where nobody has said anything else."""

BRANCH = "branch"
LONGEST = 255
MOST_SHOWN = 5

_UNSEEN = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]")


class BadGlob(ValueError):
    """A glob that cannot fit any branch or tag. `reason` is a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check_glob(glob: str) -> None:
    """Raises BadGlob unless a branch or tag could fit."""
    if not 0 < len(glob) <= LONGEST:
        raise BadGlob(f"a pattern has 1 to {LONGEST} characters, for example release/*")
    if _UNSEEN.search(glob):
        raise BadGlob("no branch or tag has a space in its name, so a pattern has none")
    if "[" in glob and "]" not in glob[glob.rindex("[") + 1 :]:
        raise BadGlob('a "[" needs its "]": [0-9] is one digit')


def matching(globs: Sequence[str], name: str) -> str:
    """The first glob that fits, "" for none.

    "*" stands for any characters, also "/", "?" for one, "[a-z]" for one of these and "[!a-z]" for
    one of all others. Case matters, as it does to git.
    """
    return next((glob for glob in globs if fnmatchcase(name, glob)), "")


FILTERED_OUT = "Filtered out by"
"""What the reason of every ref begins with that a filter leaves out."""


@dataclass(frozen=True, kw_only=True)
class RefFilter:
    """What takes in and what leaves out. Who is left out by one list stays out.

    `origins` says whose each list is ("package", "source" or "default"), by the names of DEFAULTS.
    """

    branches: tuple[str, ...] = DEFAULTS["branches"]
    exclude_branches: tuple[str, ...] = DEFAULTS["exclude_branches"]
    tags: tuple[str, ...] = DEFAULTS["tags"]
    exclude_tags: tuple[str, ...] = DEFAULTS["exclude_tags"]
    origins: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(DEFAULTS, "default"))

    @classmethod
    def of(cls, **levels: Mapping[str, Sequence[str] | None]) -> "RefFilter":
        """The lists of the first level that has each, where None is none: `package=, source=`."""
        lists: dict[str, tuple[str, ...]] = {}
        origins: dict[str, str] = {}
        for name, default in DEFAULTS.items():
            lists[name], origins[name] = default, "default"
            for level, values in levels.items():
                if (globs := values.get(name)) is not None:
                    lists[name], origins[name] = tuple(globs), level
                    break
        return cls(**lists, origins=origins)

    def reason(self, kind: str, name: str) -> str:
        """Why the branch or tag is left out, as a sentence; "" when it is not."""
        take, leave = (
            ("branches", "exclude_branches") if kind == BRANCH else ("tags", "exclude_tags")
        )
        excluded = matching(getattr(self, leave), name)
        if excluded:
            return f"{FILTERED_OUT} {self._called(leave)}: {excluded} fits."
        taken: tuple[str, ...] = getattr(self, take)
        if matching(taken, name):
            return ""
        if not taken:
            return f"{FILTERED_OUT} {self._called(take)}: it takes none."
        more = ", …" if len(taken) > MOST_SHOWN else ""
        shown = ", ".join(taken[:MOST_SHOWN]) + more
        return f"{FILTERED_OUT} {self._called(take)}: it takes {shown} alone."

    def _called(self, name: str) -> str:
        """The list in words: "the source's --exclude-branches"."""
        origin = self.origins[name]
        whose = "the default of" if origin == "default" else f"the {origin}'s"
        return f"{whose} --{name.replace('_', '-')}"
