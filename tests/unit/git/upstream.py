"""A repository of somebody else, built for a test."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Grace",
    "GIT_COMMITTER_EMAIL": "grace@example.org",
    "GIT_AUTHOR_DATE": "@1600000000 +0200",
    "GIT_COMMITTER_DATE": "@1600000500 -0500",
    "LC_ALL": "C",
}


class Upstream:
    """A bare repository one can commit anything to, through plumbing, without a work tree."""

    def __init__(self, path: Path, *, object_format: str = "sha1") -> None:
        self.path = path
        self.url = f"file://{path}"
        options = ["--bare", "-q", "--template=", f"--object-format={object_format}"]
        subprocess.run(
            ["git", "init", *options, "--initial-branch=main", str(path)],
            env=ENVIRONMENT,
            check=True,
            capture_output=True,
        )

    def git(self, *arguments: str | bytes, data: bytes = b"", **variables: str) -> str:
        done = subprocess.run(
            ["git", f"--git-dir={self.path}", *arguments],
            input=data,
            env={**ENVIRONMENT, **variables},
            check=True,
            capture_output=True,
        )
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def blob(self, data: bytes) -> str:
        return self.git("hash-object", "-w", "--stdin", data=data)

    def raw_tree(self, *entries: tuple[str, bytes, str]) -> str:
        """A tree of (mode, name, id) entries as they are, however malformed."""
        data = b"".join(
            f"{mode} ".encode() + name + b"\0" + bytes.fromhex(oid) for mode, name, oid in entries
        )
        return self.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", data=data)

    def tree(
        self,
        files: Mapping[str, bytes | str],
        links: Mapping[str, str] | None = None,
        submodules: Mapping[str, str] | None = None,
    ) -> str:
        """A tree of paths and contents; `links` are symbolic."""
        rows = [("100644", path, self.blob(_bytes(data))) for path, data in files.items()]
        rows += [("120000", path, self.blob(to.encode())) for path, to in (links or {}).items()]
        rows += [("160000", path, oid) for path, oid in (submodules or {}).items()]
        index = str(self.path / "test-index")
        lines = "".join(f"{mode} {oid}\t{path}\0" for mode, path, oid in rows)
        self.git("read-tree", "--empty", GIT_INDEX_FILE=index)
        self.git("update-index", "-z", "--index-info", data=lines.encode(), GIT_INDEX_FILE=index)
        return self.git("write-tree", GIT_INDEX_FILE=index)

    def commit_tree(self, tree: str, parent: str = "", **variables: str) -> str:
        parents = ["-p", parent] if parent else []
        return self.git("commit-tree", *parents, "-m", "A change", tree, data=b"", **variables)

    def commit(
        self,
        files: Mapping[str, bytes | str],
        *,
        branch: str = "main",
        links: Mapping[str, str] | None = None,
        submodules: Mapping[str, str] | None = None,
        **variables: str,
    ) -> str:
        """A commit of exactly these files, on top of a branch that now points to it."""
        parent = self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
        oid = self.commit_tree(self.tree(files, links, submodules), parent, **variables)
        self.ref(f"refs/heads/{branch}", oid)
        return oid

    def ref(self, name: str | bytes, oid: str) -> None:
        self.git("update-ref", "--", name, oid)

    def delete(self, name: str) -> None:
        self.git("update-ref", "-d", name)

    def tag(self, name: str, oid: str) -> None:
        self.ref(f"refs/tags/{name}", oid)

    def annotated(self, name: str, oid: str) -> str:
        self.git("tag", "-f", "-a", "-m", "A release", name, oid)
        return self.git("rev-parse", f"refs/tags/{name}")


def _bytes(data: bytes | str) -> bytes:
    return data.encode() if isinstance(data, str) else data
