"""A bare repository on disk: what of it is ours to make, read without objects, and tidy."""

import contextlib
import os
import shutil
from pathlib import Path

from packistry.git.archive import ensure_attributes
from packistry.git.command import CommandFailed, Git
from packistry.git.errors import Corrupt, GitError
from packistry.git.failures import classify
from packistry.git.process import Limits
from packistry.git.transport import HEADS, Advertisement

SMALL_FILE = 1024 * 1024
LARGE_FILE = 64 * SMALL_FILE
MAX_PACKS = 40

# What git itself writes where there is no branch: a name that no branch can have.
_NO_BRANCH = HEADS + b".invalid"
_SYMBOLIC = b"ref: "


class BareRepository:
    """A bare repository in a folder, which need not exist or be sound."""

    def __init__(self, path: Path, *, seconds: float) -> None:
        self.path = path
        self.git = Git(directory=path.parent, git_dir=path)
        self._seconds = seconds

    def create(self) -> None:
        """Make an empty repository. Raises GitError."""
        outside = Git(directory=self.path.parent)
        options = ["--bare", "--quiet", "--template=", "--object-format=sha1"]
        limits = Limits(seconds=self._seconds, file_bytes=SMALL_FILE)
        try:
            outside.output(
                ["init", *options, "--initial-branch=main", "--", str(self.path)], limits
            )
        except CommandFailed as error:
            raise classify(error.stderr, "") or GitError(error.stderr) from error
        self.path.chmod(0o700)

    def refs(self) -> dict[bytes, bytes] | None:
        """Full name to object id of all branches and tags; None if this is no repository."""
        if not (self.path / "objects").is_dir():
            return None
        limits = Limits(seconds=self._seconds, file_bytes=0)
        arguments = ["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags"]
        try:
            output = self.git.output(arguments, limits)
        except CommandFailed:
            return None
        rows = (line.split(b" ", 1) for line in output.splitlines())
        return {name: oid for oid, name in rows}

    def described_refs(self) -> list[list[bytes]]:
        """Per ref: full name, kind, id, author time; kind, id, author time of what a tag is of.

        Raises Corrupt if a commit is missing.
        """
        fields = ("objecttype", "objectname", "authordate:unix")
        columns = ["%(refname)", *(f"%({f})" for f in fields), *(f"%(*{f})" for f in fields)]
        arguments = ["for-each-ref", f"--format={'%00'.join(columns)}", "refs/heads", "refs/tags"]
        limits = Limits(seconds=self._seconds, file_bytes=0)
        try:
            output = self.git.output(arguments, limits)
        except CommandFailed as error:
            raise Corrupt(f"The refs of the mirror cannot be read.\n{error.stderr}") from error
        return [line.split(b"\0") for line in output.splitlines()]

    def head(self) -> bytes:
        """The full name of the branch HEAD stands for; b"" if there is none."""
        try:
            text = (self.path / "HEAD").read_bytes().strip()
        except OSError:
            return b""
        name = text.removeprefix(_SYMBOLIC)
        return b"" if name in {text, _NO_BRANCH} else name

    def set_head(self, name: bytes) -> None:
        """Make HEAD stand for a branch, which exists; b"": for none."""
        if self.head() == name:
            return
        beside = self.path / f"HEAD.{os.getpid()}"
        beside.write_bytes(_SYMBOLIC + (name or _NO_BRANCH) + b"\n")
        beside.replace(self.path / "HEAD")

    def adopt(self, advertisement: Advertisement) -> None:
        """Take over what is not objects or refs: the default branch, and our attributes."""
        head = advertisement.head
        self.set_head(head if head.startswith(HEADS) else b"")
        ensure_attributes(self.path)

    def pack_bytes(self) -> int:
        """The size of all packs, also unfinished ones."""
        total = 0
        with contextlib.suppress(FileNotFoundError), os.scandir(self.path / "objects/pack") as rows:
            for row in rows:
                with contextlib.suppress(FileNotFoundError):
                    total += row.stat().st_size
        return total

    def sweep(self) -> None:
        """Remove what killed processes left; only while nobody else can be writing."""
        leftovers = [*self.path.glob("*.lock"), *(self.path / "refs").rglob("*.lock")]
        leftovers += (self.path / "objects/pack").glob("tmp_*")
        for leftover in leftovers:
            leftover.unlink(missing_ok=True)

    def pack_refs(self) -> None:
        """Put all refs into one file; a single read then tells them all. Raises Corrupt."""
        self._tidy(["pack-refs", "--all", "--prune"], SMALL_FILE * 16)

    def merge_packs(self, max_bytes: int) -> None:
        """Merge small packs if there are many; no object is dropped. Raises Corrupt."""
        packs = sum(1 for _ in (self.path / "objects/pack").glob("*.pack"))
        if packs > MAX_PACKS:
            self._tidy(["repack", "-d", "-q", "--geometric=2"], max_bytes)

    def remove(self) -> None:
        """Delete the folder, at once as far as others see."""
        gone = self.path.with_name(f"{self.path.name}.tmp-{os.getpid()}-old")
        with contextlib.suppress(FileNotFoundError):
            self.path.rename(gone)
        remove_folder(gone)

    def _tidy(self, arguments: list[str], file_bytes: int) -> None:
        limits = Limits(seconds=self._seconds, file_bytes=file_bytes)
        try:
            self.git.output(arguments, limits)
        except CommandFailed as error:
            raise classify(error.stderr, "") or Corrupt(error.stderr) from error


def remove_folder(path: Path) -> None:
    """Delete a folder or file and everything in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
