"""A commit, or one of its folders, as a zip: always the same bytes for the same commit."""

import os
import re
import stat
import zipfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from packistry.git.command import CommandFailed, Git
from packistry.git.errors import Corrupt, GitError, UnsafeTree
from packistry.git.failures import classify
from packistry.git.objects import Commit
from packistry.git.policy import MIB, GitPolicy
from packistry.git.process import Limits
from packistry.scratch import scratch_file

OVERHEAD = 64 * MIB
MAX_LINKS_FOLLOWED = 40
MAX_LINK = 4096
UTF8_NAME = 0x800

# Wins over what a repository's own .gitattributes say; `export-ignore` is left to them.
ATTRIBUTES = b"* -filter -ident -export-subst -working-tree-encoding\n"

_PREFIX = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_UNSAFE_NAME = re.compile(r"[\x00-\x1f\x7f\\]|^[A-Za-z]:")
_AUTHOR = {
    "GIT_AUTHOR_NAME": "Packistry",
    "GIT_AUTHOR_EMAIL": "packistry@localhost",
    "GIT_COMMITTER_NAME": "Packistry",
    "GIT_COMMITTER_EMAIL": "packistry@localhost",
}


def write_archive(
    git: Git, treeish: str, *, prefix: str, policy: GitPolicy, folder: Path, check: bool
) -> BinaryIO:
    """A zip of a commit in an unnamed file in `folder`, at its beginning; the caller closes it.

    `treeish` is an object id, `prefix` the one top folder. `check`: look at names and links of
    the result. Raises UnsafeTree, TooLarge, TimedOut, Corrupt, ValueError for a bad prefix.
    """
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(prefix)
    limits = Limits(seconds=policy.timeout, file_bytes=policy.max_archive_bytes + OVERHEAD)
    with ExitStack() as stack:
        file = stack.enter_context(scratch_file(folder))
        arguments = ["archive", "--format=zip", "-6", f"--prefix={prefix}/", treeish]
        with git.start(arguments, limits, output=file) as process:
            try:
                git.expect_success(process)
            except CommandFailed as error:
                raise _explained(error) from error
        if check:
            file.seek(0)
            check_archive(file, prefix)
        file.seek(0)
        stack.pop_all()
        return file


def folder_commit(git: Git, commit: Commit, tree: str, *, seconds: float) -> str:
    """The id of a commit of its own for a folder's tree, dated as the commit it is from.

    A tree has no date, and git would put today's into the archive. Nothing points to this commit.
    """
    date = f"@{max(0, commit.committed)} +0000"
    variables = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date, **_AUTHOR}
    dated = replace(git, variables={**git.variables, **variables})
    limits = Limits(seconds=seconds, file_bytes=MIB)
    try:
        output = dated.output(["commit-tree", "-m", commit.id, tree], limits)
    except CommandFailed as error:
        raise _explained(error) from error
    return output.decode("ascii").strip()


def check_archive(file: BinaryIO, prefix: str) -> None:
    """Look at the names and links of a zip that git wrote. Raises UnsafeTree, naming the first."""
    links: dict[str, str] = {}
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            name = _name(info).removeprefix(f"{prefix}/").rstrip("/")
            parts = name.split("/")
            if any(_UNSAFE_NAME.search(p) or p.lower() in {"..", ".", ".git"} for p in parts):
                raise UnsafeTree(f"The name {name!r} is not safe to unpack.")
            if not stat.S_ISLNK(info.external_attr >> 16):
                continue
            if info.file_size > MAX_LINK:
                raise UnsafeTree(f"The symbolic link {name!r} has an impossible target.")
            links[name] = archive.read(info).decode("utf-8", "surrogateescape")
    for name in links:
        if _leaves(name, links):
            raise UnsafeTree(
                f"The symbolic link {name!r} points out of the package, to {links[name]!r}."
            )


def _name(info: zipfile.ZipInfo) -> str:
    """A member's name as the bytes git wrote, so that it compares with the targets of links."""
    if info.flag_bits & UTF8_NAME:
        return info.filename
    return info.filename.encode("cp437").decode("utf-8", "surrogateescape")


def _leaves(name: str, links: dict[str, str]) -> bool:
    """Whether following a link ends outside; one that never ends or leads nowhere does not."""
    at: list[str] = []
    pending = name.split("/")[::-1]
    followed = 0
    while pending:
        part = pending.pop()
        if part == "..":
            if not at:
                return True
            at.pop()
            continue
        if part in {"", "."}:
            continue
        target = links.get("/".join([*at, part]))
        if target is None:
            at.append(part)
            continue
        if target.startswith("/") or _UNSAFE_NAME.search(target):
            return True
        followed += 1
        if followed > MAX_LINKS_FOLLOWED:
            return False
        pending += target.split("/")[::-1]
    return False


def _explained(error: CommandFailed) -> GitError:
    if "No space left" in error.stderr:
        return classify(error.stderr, "") or GitError(error.stderr)
    return Corrupt(f"git could not archive the commit.\n{error.stderr}")


def ensure_attributes(git_dir: Path) -> None:
    """Give a repository the attributes that keep its authors from programming the archive."""
    path = git_dir / "info" / "attributes"
    try:
        if path.read_bytes() == ATTRIBUTES:
            return
    except OSError:
        path.parent.mkdir(exist_ok=True)
    beside = path.with_name(f"attributes.{os.getpid()}")
    beside.write_bytes(ATTRIBUTES)
    beside.replace(path)
