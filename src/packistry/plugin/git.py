"""A source provider whose projects are git repositories: it only has to name the remote."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from packistry.git import errors as git
from packistry.git import urls
from packistry.git.mirror import Mirror
from packistry.git.policy import GitPolicy
from packistry.git.refs import Ref, RefusedRef
from packistry.git.remote import GitRemote
from packistry.plugin.config import C
from packistry.plugin.errors import (
    ConfigError,
    CredentialsError,
    NotFound,
    PluginError,
    Rejected,
    Unavailable,
    UnsafeContent,
)
from packistry.plugin.source import Project, Snapshot, SourceProvider

_MANIFEST = "composer.json"

_MEANINGS: tuple[tuple[type[git.GitError], type[PluginError]], ...] = (
    (git.AuthenticationFailed, CredentialsError),
    (git.RepositoryNotFound, NotFound),
    (git.CommitNotFound, NotFound),
    (git.RefusedUrl, ConfigError),
    (git.HostKeyChanged, ConfigError),
    (git.UnsafeTree, UnsafeContent),
    (git.TooLarge, Rejected),
    (git.MalformedObjects, Rejected),
)


class GitSourceProvider(SourceProvider[C]):
    """Opens projects by a mirror clone of `remote(project)`, kept in the workspace."""

    git_policy: GitPolicy = GitPolicy()
    """What git may contact and how much it may take. Core sets it on each object it makes; the
    default allows HTTPS and SSH to public and private networks, and no local path."""

    def canonical_url(self, url: str) -> str:
        """The URL in the form that is stored: no credentials, one spelling, a local one as a path.

        Raises ConfigError for what git is not allowed to contact.
        """
        with _translated():
            found = urls.parse(url, self.git_policy)
        return str(found.path) if found.is_local else found.text

    @abstractmethod
    def remote(self, project: Project) -> GitRemote:
        """Where git finds the project, and the credentials for that place."""

    @contextmanager
    def open(self, project: Project, workspace: Path) -> Iterator[Snapshot]:
        """The repository as it is now. Others who open it wait until this one is done."""
        with self._mirror(project, workspace) as mirror:
            with _translated():
                mirror.sync()
            yield _GitSnapshot(mirror)

    @contextmanager
    def open_kept(self, project: Project, workspace: Path) -> Iterator[Snapshot]:
        """The repository as it was last fetched; cloned if it is not there or broken."""
        with self._mirror(project, workspace) as mirror:
            yield _GitSnapshot(mirror)

    @contextmanager
    def _mirror(self, project: Project, workspace: Path) -> Iterator[Mirror]:
        with ExitStack() as stack:
            with _translated():
                mirror = Mirror(workspace / "mirror.git", self.remote(project), self.git_policy)
                stack.enter_context(mirror.locked())
            yield mirror


class _GitSnapshot(Snapshot):
    """Reads a mirror. One process reads the manifests of all refs."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror

    @property
    def default_branch(self) -> str | None:
        with _translated():
            return self._mirror.default_branch()

    def refs(self) -> Iterator[Ref | RefusedRef]:
        with _translated():
            yield from self._mirror.refs()

    def manifest(self, ref: Ref, path: str = "") -> bytes | None:
        return self.manifests([ref], path)[ref.commit]

    def manifests(self, refs: Iterable[Ref], path: str = "") -> Mapping[str, bytes | None]:
        commits = list(dict.fromkeys(ref.commit for ref in refs))
        if not _is_folder(path):
            return dict.fromkeys(commits)
        with _translated():
            return self._mirror.manifests(commits, f"{path}/{_MANIFEST}" if path else _MANIFEST)

    @contextmanager
    def archive(self, ref: Ref, path: str = "", *, prefix: str) -> Iterator[BinaryIO]:
        if not _is_folder(path):
            raise NotFound("There is no such folder.")
        with ExitStack() as stack:
            with _translated():
                zipped = self._mirror.archive(ref.commit, prefix=prefix, directory=path)
                try:
                    stream = stack.enter_context(zipped)
                except git.TooLarge as error:
                    # One tree that is too large is a fault of that ref, not of the project.
                    raise UnsafeContent(str(error)) from error
            yield stream

    def expect(self, refs: Iterable[Ref], path: str = "") -> None:
        if _is_folder(path):
            self._mirror.expect([ref.commit for ref in refs], path)

    def notices(self, ref: Ref, path: str = "") -> Sequence[str]:
        if not _is_folder(path):
            return ()
        with _translated():
            survey = self._mirror.survey(ref.commit, path)
        found = (
            (survey.submodules, "Git submodules, empty folders in the dist"),
            (survey.pointers, "Git LFS files, only pointers in the dist"),
        )
        return tuple(f"{what}: {count}." for count, what in found if count)

    def readme(self, ref: Ref, path: str = "") -> str | None:
        if not _is_folder(path):
            return None
        with _translated():
            return self._mirror.readme(ref.commit, path)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except git.GitError as error:
        meant = (meaning for kind, meaning in _MEANINGS if isinstance(error, kind))
        raise next(meant, Unavailable)(str(error)) from error


def _is_folder(path: str) -> bool:
    """Whether the path can name a folder of a tree: "" is its top."""
    if not path:
        return True
    names = path.split("/")
    return not any(name in ("", ".", "..") or not name.isprintable() for name in names)
