"""What git may contact, and how much it may use."""

from dataclasses import dataclass, field
from pathlib import Path

from packistry.netguard import NetGuard

MIB = 1024 * 1024
GIB = 1024 * MIB


def _private_networks_allowed() -> NetGuard:
    return NetGuard(private=True)


@dataclass(frozen=True, kw_only=True)
class GitPolicy:
    """Limits of everything `packistry.git` starts. Times are seconds, sizes bytes.

    `netguard` None: hosts are contacted unchecked and unpinned, for a machine that reaches the
    world only through something that checks. `max_bytes` is of a mirror on disk,
    `max_archive_bytes` and `max_files` of the files of one dist before compression.
    `ca_file` holds the certificates to trust instead of the system's.
    """

    allow_http: bool = False
    local_roots: tuple[Path, ...] = ()
    netguard: NetGuard | None = field(default_factory=_private_networks_allowed)
    ca_file: Path | None = None
    timeout: float = 900.0
    connect_timeout: float = 30.0
    lock_timeout: float = 900.0
    max_bytes: int = 8 * GIB
    max_archive_bytes: int = GIB
    max_files: int = 50_000
    max_refs: int = 20_000
    max_manifest_bytes: int = MIB
    max_readme_bytes: int = 512 * 1024
