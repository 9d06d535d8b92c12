"""git commands: lists of arguments, a closed environment, bounded output."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from packistry.git.environment import configuration, environment
from packistry.git.errors import TooLarge
from packistry.git.process import Limits, Process
from packistry.git.redaction import redact

MAX_OUTPUT = 64 * 1024 * 1024


class CommandFailed(Exception):
    """git ended with a status other than 0. `stderr` is redacted, but otherwise as git wrote it."""

    def __init__(self, status: int, stderr: str) -> None:
        super().__init__(stderr)
        self.status = status
        self.stderr = stderr


@dataclass(frozen=True, kw_only=True)
class Git:
    """How git is started: where, with which environment and settings beside the fixed ones.

    `git_dir` None: outside of any repository. `inherited` are open files the process may use,
    `secrets` are hidden from what it says.
    """

    directory: Path
    git_dir: Path | None = None
    variables: dict[str, str] = field(default_factory=dict, repr=False)
    settings: tuple[str, ...] = ()
    inherited: tuple[int, ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def start(
        self,
        arguments: list[str],
        limits: Limits,
        *,
        output: BinaryIO | None = None,
        interactive: bool = False,
        watch: Callable[[], None] | None = None,
    ) -> Process:
        """A running git; the caller reads it and closes it."""
        where = [] if self.git_dir is None else [f"--git-dir={self.git_dir}"]
        variables = {"GIT_CEILING_DIRECTORIES": str(self.directory.parent), **self.variables}
        return Process(
            ["git", *where, *configuration(self.settings), *arguments],
            environment=environment(str(self.directory), variables),
            directory=self.directory,
            limits=limits,
            output=output,
            interactive=interactive,
            inherited=self.inherited,
            watch=watch,
        )

    def output(
        self,
        arguments: list[str],
        limits: Limits,
        *,
        watch: Callable[[], None] | None = None,
        max_output: int = MAX_OUTPUT,
    ) -> bytes:
        """What git writes. Raises CommandFailed, TimedOut, TooLarge."""
        pieces: list[bytes] = []
        size = 0
        with self.start(arguments, limits, watch=watch) as process:
            for piece in process.chunks():
                size += len(piece)
                if size > max_output:
                    raise TooLarge(f"git answered with more than {max_output} bytes.")
                pieces.append(piece)
            self.expect_success(process)
        return b"".join(pieces)

    def expect_success(self, process: Process) -> None:
        """Wait for the end of a process. Raises CommandFailed, TimedOut, TooLarge."""
        status = process.finish()
        if status:
            raise CommandFailed(status, redact(process.stderr, self.secrets))
