"""Real git repositories, built commit by commit, for tests to import from."""

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FIRST_DATE = 1_700_000_000

# Nothing of the machine's own configuration reaches a test.
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "LC_ALL": "C",
}

Files = Mapping[str, str | bytes]


class GitRepository:
    """A repository with a work tree at `path`. Each commit is a minute after the one before.

    `commit` writes on the branch that is checked out; nothing needs to exist before.
    """

    def __init__(self, path: Path, *, branch: str = "main") -> None:
        self.path = path
        self._minutes = 0
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", f"--initial-branch={branch}")

    @property
    def url(self) -> str:
        """What the provider `git` takes for a project."""
        return str(self.path)

    def commit(
        self,
        composer: Mapping[str, Any] | None = None,
        *,
        files: Files | None = None,
        remove: tuple[str, ...] = (),
        links: Mapping[str, str] | None = None,
        folder: str = "",
    ) -> str:
        """A new commit; its id. `composer` becomes composer.json in `folder`."""
        written = dict(files or {})
        if composer is not None:
            name = f"{folder}/composer.json" if folder else "composer.json"
            written[name] = json.dumps(composer)
        for name, content in written.items():
            self._write(name, content)
        for name, target in (links or {}).items():
            link = self.path / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target)
        for name in remove:
            (self.path / name).unlink()
        self._minutes += 1
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", f"Commit {self._minutes}")
        return self.head()

    def tag(self, name: str, *, annotated: bool = False, at: str = "HEAD") -> None:
        """A tag; one that is there already is moved, as `git push --force` would."""
        message = ["--annotate", "--message", f"Version {name}"] if annotated else []
        self.git("tag", "--force", *message, "--", name, at)

    def branch(self, name: str, *, at: str = "HEAD") -> None:
        """A branch; one that is there already is moved. What is checked out stays."""
        if name == self.git("symbolic-ref", "--short", "HEAD").strip():
            self.git("reset", "--quiet", "--hard", at)
        else:
            self.git("update-ref", f"refs/heads/{name}", f"{at}^{{commit}}")

    def checkout(self, name: str) -> None:
        """Commit on this branch from now on; it is made if it is not there."""
        known = self.git("branch", "--list", name).strip()
        self.git("checkout", "--quiet", *([] if known else ["-b"]), name)

    def set_default(self, name: str) -> None:
        """What a clone checks out. The work tree is left at another branch's content."""
        self.git("symbolic-ref", "HEAD", f"refs/heads/{name}")

    def force_push(self, composer: Mapping[str, Any], *, files: Files | None = None) -> str:
        """Rewrite the last commit of the branch; the new one's id."""
        self._minutes += 1
        for name, content in {**(files or {}), "composer.json": json.dumps(composer)}.items():
            self._write(name, content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--amend", "--message", f"Rewritten {self._minutes}")
        return self.head()

    def delete_tag(self, name: str) -> None:
        self.git("tag", "--delete", name)

    def delete_branch(self, name: str) -> None:
        self.git("branch", "--quiet", "--delete", "--force", name)

    def update_ref(self, ref: str, commit: str) -> None:
        """Any ref at all, such as refs/pull/1/head."""
        self.git("update-ref", ref, commit)

    def head(self, ref: str = "HEAD") -> str:
        return self.git("rev-parse", "--verify", f"{ref}^{{commit}}").strip()

    def archive(self, ref: str, folder: str = "") -> dict[str, bytes]:
        """The files `git archive` puts out for the ref, by name; links by their target."""
        tree = f"{ref}:{folder}" if folder else ref
        data = self._run("archive", "--format=tar", tree)
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return {
                member.name: _content(tar, member)
                for member in tar.getmembers()
                if not member.isdir()
            }

    def git(self, *arguments: str) -> str:
        return self._run(*arguments).decode()

    def _run(self, *arguments: str) -> bytes:
        date = f"{FIRST_DATE + 60 * self._minutes} +0000"
        return subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env={**ENVIRONMENT, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date},
            check=True,
            capture_output=True,
        ).stdout

    def _write(self, name: str, content: str | bytes) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.issym():
        return member.linkname.encode()
    file = tar.extractfile(member)
    assert file is not None
    return file.read()
