"""Folders of commits, looked at before they become archives: many with the questions of one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from packistry.git.errors import CommitNotFound
from packistry.git.objects import DIRECTORY, Commit, ObjectReader
from packistry.git.policy import GitPolicy
from packistry.git.reading import parts_of
from packistry.git.trees import Survey, Surveyor

MOST_AHEAD = 16
MAX_KEPT = 256

Find = Callable[[ObjectReader, list[str]], Mapping[str, Commit]]
"""The commits of these ids. Raises CommitNotFound or Corrupt if one is not there."""


class Folder(NamedTuple):
    """A folder of a commit; the tree of the whole commit is its top folder."""

    commit: Commit
    tree: str


class Folders:
    """The folders of commits, and what they would become. Not for two threads at once."""

    def __init__(self, find: Find, policy: GitPolicy) -> None:
        self._find = find
        self._surveyor = Surveyor(policy)
        self._expected: dict[tuple[str, str], None] = {}
        self._found: dict[tuple[str, str], Folder] = {}
        self._ahead = 1

    def expect(self, commits: Iterable[str], directory: str) -> None:
        """These are asked for next, about in this order."""
        self._expected = dict.fromkeys((commit, directory) for commit in commits)

    def forget(self) -> None:
        """The repository is another one."""
        self._found.clear()

    def look(self, reader: ObjectReader, commit: str, directory: str) -> tuple[Folder, Survey]:
        """A commit's folder, summed up. Raises CommitNotFound, UnsafeTree, TooLarge, Corrupt."""
        key = commit, directory
        folder = self._found.get(key)
        if folder is None and key in self._expected:
            del self._expected[key]
            self._look_ahead(reader, [key, *islice(self._expected, self._ahead - 1)])
            folder = self._found.get(key)
        if folder is None:
            found = folders_of(reader, self._find(reader, [commit]), directory)
            if not found:
                raise CommitNotFound(f"The commit has no folder {directory!r}.")
            folder = found[commit]
        return folder, self._surveyor.survey(reader, folder.tree)

    def _look_ahead(self, reader: ObjectReader, keys: Sequence[tuple[str, str]]) -> None:
        """Look at several folders at once. What cannot be is left to `look`."""
        for key in keys:
            self._expected.pop(key, None)
        directory = keys[0][1]
        commits = reader.commits([commit for commit, _ in keys])
        found = folders_of(reader, commits, directory)
        learned = self._surveyor.learn(reader, {folder.tree for folder in found.values()})
        # Some at a time, since others wait meanwhile; fewer of those that are large or at fault.
        self._ahead = min(2 * self._ahead, MOST_AHEAD) if learned else 1
        if len(self._found) > MAX_KEPT:
            self._found.clear()
        self._found |= {(commit, directory): folder for commit, folder in found.items()}


def folders_of(
    reader: ObjectReader, commits: Mapping[str, Commit], directory: str
) -> dict[str, Folder]:
    """The folder at a path, "" for the top, of those commits that have it; by commit."""
    parts = parts_of(directory)
    if parts is None:
        return {}
    entries = reader.resolve({commit.tree for commit in commits.values()}, parts)
    found = {}
    for oid, commit in commits.items():
        entry = entries[commit.tree]
        if entry is not None and entry.mode == DIRECTORY:
            found[oid] = Folder(commit, entry.id)
    return found
