import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from packistry.git import Mirror
from packistry.git.errors import Busy
from packistry.git.lock import FileLock
from tests.unit.git.upstream import Upstream

HOLD = (
    "import sys, time; from pathlib import Path; from packistry.git.lock import FileLock\n"
    "with FileLock(Path(sys.argv[1])).hold(5):\n"
    "    print('held', flush=True); time.sleep(60)\n"
)

SYNC = (
    "import sys; from pathlib import Path; from packistry.git import *\n"
    "root, path = map(Path, sys.argv[1:])\n"
    "remote = GitRemote(url=str(root / 'upstream.git'))\n"
    "print('start', flush=True)\n"
    "Mirror(path, remote, GitPolicy(local_roots=(root,))).sync()\n"
    "print('end', flush=True)\n"
)


def test_two_locks_on_one_file_exclude_each_other_in_one_process(tmp_path: Path) -> None:
    with FileLock(tmp_path / "l").hold(1), pytest.raises(Busy), FileLock(tmp_path / "l").hold(0.05):
        pass


def test_one_lock_can_be_held_twice(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "l")
    with lock.hold(1), lock.hold(1):
        assert lock.is_held
    assert not lock.is_held


def test_a_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "l"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(Busy), FileLock(path).hold(0.1):
            pass
        process.kill()
        with FileLock(path).hold(5):
            pass


def test_a_lock_stays_held_while_a_child_that_inherited_it_lives(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "l")
    with lock.hold(1):
        child = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=(lock.descriptor,)
        )
    with child:
        with pytest.raises(Busy), FileLock(tmp_path / "l").hold(0.1):
            pass
        child.kill()
        with FileLock(tmp_path / "l").hold(5):
            pass


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_on_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "l"
    held = threading.Event()

    def wait_for_it() -> bool:
        held.wait()
        with FileLock(path).hold(5), pytest.raises(Busy), FileLock(path).hold(0.05):
            pass
        return True

    with ThreadPoolExecutor(1) as pool:
        with FileLock(path).hold(1):
            waiting = pool.submit(wait_for_it)
            held.set()
            time.sleep(0.1)
            path.unlink()
        assert waiting.result()


def test_syncs_of_one_mirror_exclude_each_other_across_threads(
    upstream: Upstream, new_mirror: Callable[[], Mirror]
) -> None:
    commit = upstream.commit({"composer.json": "{}"})
    for number in range(50):
        upstream.tag(f"v{number}", commit)

    def sync(_: int) -> int:
        mirror = new_mirror()
        with mirror.locked():
            mirror.sync()
            return len(list(mirror.refs()))

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(sync, range(12))) == {51}


def test_threads_that_share_a_mirror_may_sync_it_at_once(
    upstream: Upstream, mirror: Mirror
) -> None:
    upstream.commit({"a": "1"})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: mirror.sync(), range(8)))
    assert len(list(mirror.refs())) == 1


def test_syncs_of_one_mirror_exclude_each_other_across_processes(
    upstream: Upstream, mirror: Mirror
) -> None:
    upstream.commit({"a": "1"})
    command = [sys.executable, "-c", SYNC, str(upstream.path.parent), str(mirror.path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(4)]
    for process in processes:
        with process:
            process.communicate()
    assert [process.returncode for process in processes] == [0] * 4
    assert {path.name for path in mirror.path.parent.iterdir()} == {"1.git", "1.git.lock"}


def test_a_sync_killed_at_any_moment_is_made_good_by_the_next(
    upstream: Upstream, new_mirror: Callable[[], Mirror]
) -> None:
    commit = upstream.commit({f"{n}": os.urandom(20_000) for n in range(100)})
    for number in range(100):
        upstream.tag(f"v{number}", commit)
    mirror = new_mirror()
    command = [sys.executable, "-c", SYNC, str(upstream.path.parent), str(mirror.path)]
    for attempt in range(10):
        if attempt == 5:
            mirror.sync()
            upstream.commit({"more": os.urandom(1_000_000)})
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(attempt % 5 * 0.02)
            process.send_signal(signal.SIGKILL)
    mirror = new_mirror()
    mirror.sync()
    assert len(list(mirror.refs())) == 101
    with mirror.archive(commit, prefix="p") as stream:
        assert stream.read(2) == b"PK"
    assert {path.name for path in mirror.path.parent.iterdir()} == {"1.git", "1.git.lock"}
