import os
import sys
import time
from pathlib import Path

import pytest

from packistry.errors import ConfigurationError
from packistry.git.errors import TimedOut, TooLarge
from packistry.git.process import Limits, Process


def run(tmp_path: Path, code: str, *, seconds: float = 20, file_bytes: int = 1000) -> Process:
    return Process(
        [sys.executable, "-c", code],
        environment={"PATH": os.defpath},
        directory=tmp_path,
        limits=Limits(seconds=seconds, file_bytes=file_bytes),
    )


def test_output_comes_in_pieces_and_the_status_at_the_end(tmp_path: Path) -> None:
    with run(tmp_path, "print('x' * 200000, end=''); import sys; sys.exit(3)") as process:
        assert sum(len(piece) for piece in process.chunks()) == 200000
        assert process.finish() == 3


def test_much_error_output_neither_blocks_nor_is_kept(tmp_path: Path) -> None:
    code = "import sys; sys.stderr.write('e' * 5_000_000 + 'last'); print('done')"
    with run(tmp_path, code) as process:
        assert b"".join(process.chunks()) == b"done\n"
        process.finish()
        assert process.stderr.endswith("last")
        assert len(process.stderr) < 20_000


def test_a_process_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    begin = time.monotonic()
    with run(tmp_path, code, seconds=1.5) as process:
        child = int(process.receive())
        with pytest.raises(TimedOut, match=r"1\.5 seconds"):
            process.finish()
    assert time.monotonic() - begin < 10
    assert ends(child)


def ends(pid: int) -> bool:
    """Whether a process is gone, or only its entry is left, within a second."""
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def test_a_process_that_writes_a_larger_file_than_it_may_is_stopped(tmp_path: Path) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
        "time.sleep(0.2); open('x', 'wb').write(b'x' * 5000)\n"
    )
    with run(tmp_path, code) as process, pytest.raises(TooLarge, match="1000 bytes"):
        process.finish()
    assert (tmp_path / "x").stat().st_size <= 1000


def test_leaving_early_ends_the_process(tmp_path: Path) -> None:
    with run(
        tmp_path, "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    ) as process:
        pid = int(process.receive())
    assert ends(pid)


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    limits = Limits(seconds=1, file_bytes=0)
    with pytest.raises(ConfigurationError, match="no-such-git"):
        Process(["no-such-git"], environment={}, directory=tmp_path, limits=limits)


def test_watching_may_stop_a_process(tmp_path: Path) -> None:
    def stop() -> None:
        raise TooLarge("Enough.")

    process = Process(
        [sys.executable, "-c", "import time; time.sleep(60)"],
        environment={"PATH": os.defpath},
        directory=tmp_path,
        limits=Limits(seconds=20, file_bytes=0),
        watch=stop,
    )
    with process, pytest.raises(TooLarge):
        process.finish()
