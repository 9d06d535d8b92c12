import os
from collections.abc import Callable
from pathlib import Path

import pytest

from packistry.git import GitPolicy, GitRemote, Mirror
from tests.unit.git.upstream import Upstream


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    return Upstream(tmp_path / "upstream.git")


@pytest.fixture
def policy(tmp_path: Path) -> GitPolicy:
    return GitPolicy(local_roots=(tmp_path,), timeout=60, lock_timeout=30)


@pytest.fixture
def new_mirror(tmp_path: Path, upstream: Upstream, policy: GitPolicy) -> Callable[[], Mirror]:
    """A mirror of the upstream as another process would have it, always in the same folder."""
    folder = tmp_path / "mirrors"
    folder.mkdir()
    return lambda: Mirror(folder / "1.git", GitRemote(url=upstream.url), policy)


@pytest.fixture
def mirror(new_mirror: Callable[[], Mirror]) -> Mirror:
    return new_mirror()


@pytest.fixture
def other_owner() -> Callable[[Path], None]:
    """Gives a folder to another user, or, without the right to, changes nothing."""

    def give(path: Path) -> None:
        if os.geteuid() == 0:
            for one in (path, *path.rglob("*")):
                os.chown(one, 12345, 12345)

    return give
