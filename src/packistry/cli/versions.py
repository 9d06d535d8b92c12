"""The versions of a package: how they are shown, yanked and restored."""

from collections.abc import Mapping
from typing import Any

import click

from packistry.cli.asking import confirm, yes_option
from packistry.cli.installation import Installation, pass_installation
from packistry.cli.output import json_option, moment_text, write_json
from packistry.cli.policy import REPOSITORY_HELP
from packistry.inputs import read
from packistry.inputs.yanking import Yank
from packistry.models import Dist, Package, Version
from packistry.services import Services
from packistry.services.provenance import YANKED, provenance


@click.command("yank")
@click.argument("name")
@click.argument("version")
@click.option("--reason", default="", help="Why: whoever may read the version is told.")
@click.option("--repository", "path", metavar="PATH", help=REPOSITORY_HELP)
@yes_option
@json_option
@pass_installation
def yank(
    installation: Installation,
    name: str,
    version: str,
    reason: str,
    path: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Have composer choose VERSION of the package NAME no more.

    Lock files that name it still install it.
    """
    said = read(Yank, reason=reason)
    with installation.reading() as services:
        package, found = _find(services, name, path, version)
        question = f"Yank {package.name} {found.name}? Lock files that name it still install it."
    confirm(question, yes=yes)

    def work(services: Services) -> dict[str, Any]:
        package, found = _find(services, name, path, version)
        services.versions.yank(package, found)
        if said.reason:
            services.audit.note(YANKED, found, note=said.reason)
        return _facts(services, package, found)

    facts = installation.attempt(work)
    if as_json:
        write_json(facts)
    else:
        click.echo(f"{facts['version']} is yanked. Lock files that name it still install it.")


@click.command("restore")
@click.argument("name")
@click.argument("version")
@click.option("--repository", "path", metavar="PATH", help=REPOSITORY_HELP)
@json_option
@pass_installation
def restore(
    installation: Installation, name: str, version: str, path: str | None, as_json: bool
) -> None:
    """Let composer choose VERSION of the package NAME again, which was yanked."""

    def work(services: Services) -> dict[str, Any]:
        package, found = _find(services, name, path, version)
        services.versions.restore(package, found)
        return _facts(services, package, found)

    facts = installation.attempt(work)
    if as_json:
        write_json(facts)
    else:
        click.echo(f"{facts['version']} may be installed again.")


def version_facts(services: Services, version: Version, dist: Dist | None) -> dict[str, Any]:
    """The version as JSON has it."""
    yanked = provenance(services.session, version).yanked if version.yanked_at else None
    return {
        "version": version.name,
        "normalized": version.normalized,
        "kind": version.kind,
        "reference": version.reference,
        "committed_at": version.committed_at,
        "yanked_at": version.yanked_at,
        "yanked_because": yanked.why if yanked else "",
        "dist_bytes": dist.size if dist and dist.built else None,
        "dist_failure": dist.failure or None if dist else None,
        "dist_notices": dist.notices if dist else [],
    }


def remark(facts: Mapping[str, Any]) -> str:
    """What there is to say of the version beside what each has."""
    yanked = f"Yanked {moment_text(facts['yanked_at'])}" if facts["yanked_at"] else ""
    if yanked:
        yanked += f": {facts['yanked_because']}" if facts["yanked_because"] else "."
    words = (yanked, facts["dist_failure"] or "", *facts["dist_notices"])
    return " ".join(word for word in words if word)


def _find(services: Services, name: str, path: str | None, version: str) -> tuple[Package, Version]:
    home = None if path is None else services.repositories.get(path)
    package = services.packages.get(name, home)
    return package, services.versions.named(package, version)


def _facts(services: Services, package: Package, version: Version) -> dict[str, Any]:
    (found,) = services.versions.facts(package, [version.id])
    return {"package": package.name, **version_facts(services, found.version, found.dist)}
