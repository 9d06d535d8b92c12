"""Processes on processors of their own, gone when the block ends."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers import START_SECONDS, wait_for_port

TICKS = os.sysconf("SC_CLK_TCK")
STOP_SECONDS = 20


class Unfit(Exception):
    """This machine, or what runs on it, cannot be measured: the message says why."""


def processors() -> tuple[int, int]:
    """One for what is measured, one for what measures it. Raises Unfit when there is one only."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise Unfit("The benchmarks need two processors: one for the server, one for its clients.")
    return usable[0], usable[1]


@contextmanager
def on(*cpus: int) -> Iterator[None]:
    """What is started in the block runs on these processors, and so does this thread."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def serving(
    command: Sequence[str], *, port: int, log: Path, cpu: int
) -> Iterator["subprocess.Popen[bytes]"]:
    """A server that opens `port`, on one processor."""
    with log.open("ab") as output, on(cpu):
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        try:
            wait_for_port(port, process)
        except RuntimeError as error:
            raise Unfit(f"{error} within {START_SECONDS} s:\n{log.read_text()}") from error
        yield process
    finally:
        stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask it and its children to end; after a while, end them."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def family(pid: int) -> list[int]:
    """A process and its descendants, as far as they live."""
    found, waiting = [], [pid]
    while waiting:
        each = waiting.pop()
        found.append(each)
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                waiting += map(int, task.read_text().split())
            except OSError:
                continue
    return found


def cpu_seconds(pid: int) -> float:
    """What a process and its descendants have used of processors so far."""
    total = 0
    for each in family(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        total += sum(map(int, fields[11:15]))
    return total / TICKS


def connections_accepted() -> int:
    """How many TCP connections have been accepted on this machine so far."""
    lines = Path("/proc/net/snmp").read_text().splitlines()
    names, values = (line.split() for line in lines if line.startswith("Tcp:"))
    return int(values[names.index("PassiveOpens")])


def peak_memory(
    process: "subprocess.Popen[str]", children: str, *, pause: float = 0.004
) -> tuple[int, int]:
    """Bytes that a process had at once, and the largest of its descendants; looks until it ends.

    Of the descendants those count that run the program `children`: before a child has begun to, it
    has its parent's memory.
    """
    own = largest = 0
    while process.poll() is None:
        for pid in family(process.pid):
            name, peak = _memory(pid)
            if pid == process.pid:
                own = max(own, peak)
            elif name == children:
                largest = max(largest, peak)
        time.sleep(pause)
    return own, largest


def _memory(pid: int) -> tuple[str, int]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return "", 0
    facts = dict(line.split(":", 1) for line in lines)
    return facts["Name"].strip(), int(facts.get("VmHWM", "0").split()[0]) * 1024
