"""Which process did something, and whether it still lives: the basis of every lease.

And what is to be done once in every process that lives long.
"""

import gc
import os
import socket
from functools import cache
from pathlib import Path


def identity() -> str:
    """This process, unlike any other ever: "host/boot/pid/start", at most 255 characters."""
    return _identity(os.getpid())


@cache
def _identity(pid: int) -> str:
    return f"{socket.gethostname()[:100]}/{_boot()}/{pid}/{_start(pid)}"


def alive(owner: str) -> bool | None:
    """Whether the process `owner` (an `identity()`) lives; None when it ran on another host."""
    host, _, rest = owner.partition("/")
    if host != socket.gethostname()[:100]:
        return None
    boot, _, rest = rest.partition("/")
    pid, _, start = rest.partition("/")
    if boot != _boot() or not pid.isdigit():
        return False
    return start != "" and _start(int(pid)) == start


def _boot() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip()[:36] if path.exists() else "-"


def _start(pid: int) -> str:
    """When the process started, in clock ticks since boot; "" when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return ""
    # The command name, in parentheses, may itself hold spaces and parentheses.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]


def settle() -> None:
    """To be called when all is loaded: the garbage collector need not look through that again.

    To do so takes it a tenth of a second, in the middle of whatever a server is doing.
    """
    gc.collect()
    gc.freeze()
