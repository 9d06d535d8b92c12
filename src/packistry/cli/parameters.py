"""What options and commands are given: each says in a sentence what it takes."""

from datetime import datetime, timedelta
from typing import Any

import click
from click.core import ParameterSource

from packistry.errors import Invalid
from packistry.inputs.times import duration, expiry
from packistry.models.base import now

# They say which one is meant, and change nothing.
WHICH = frozenset({"--repository"})
# What every database can count to.
MOST = 2**31 - 1


class Number(click.IntRange):
    """A whole number between two, or from one on."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number: int = super().convert(value, param, ctx)
        except click.BadParameter:
            number = MOST + 1
        if number > MOST:
            span = "on" if self.max is None else f"to {self.max}"
            self.fail(f"write a number from {self.min} {span}, not {value!r}.", param, ctx)
        return number


def read_duration(ctx: click.Context, param: click.Parameter, value: str) -> timedelta:
    """A callback: how long something goes on."""
    try:
        return duration(value)
    except Invalid as error:
        raise click.BadParameter(f"{error}, not {value!r}.", ctx, param) from None


def read_end(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """A callback: when something ends; None for never."""
    if value is None:
        return None
    try:
        return expiry(value, now())
    except Invalid as error:
        raise click.BadParameter(str(error), ctx, param) from None


class Edit(click.Command):
    """A command that changes what its options say. Without any there is nothing to change."""

    def invoke(self, ctx: click.Context) -> Any:
        changes = (
            each
            for each in self.params
            if isinstance(each, click.Option) and not WHICH.intersection(each.opts)
        )
        given = (ctx.get_parameter_source(each.name or "") for each in changes)
        if ParameterSource.COMMANDLINE not in given:
            raise click.UsageError("Say what to change: no option is given.", ctx)
        return super().invoke(ctx)
