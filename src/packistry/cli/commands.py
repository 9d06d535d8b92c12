"""The group of all commands. Each is loaded, with what it works on, when it is called."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click


@dataclass(frozen=True, kw_only=True)
class Later:
    """A command of a module beside this one, where it has its own name; its first sentence."""

    module: str
    help: str


class Commands(click.Group):
    """The commands. What we raise becomes one sentence on stderr and exit code 1."""

    def __init__(self, *args: Any, later: Mapping[str, Later], **options: Any) -> None:
        super().__init__(*args, **options)
        self._later = later

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._later)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._later:
            return None
        module = import_module(f"packistry.cli.{self._later[cmd_name].module}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, later.help) for name, later in sorted(self._later.items())])

    def invoke(self, ctx: click.Context) -> Any:
        from packistry.cli.installation import installed

        with installed(ctx):
            return super().invoke(ctx)
