"""Looking after the installation: doctor, plugins, gc, backup, secrets."""

from dataclasses import asdict, replace
from pathlib import Path

import click

from packistry.cli.installation import Installation, fail, pass_installation
from packistry.cli.output import json_option, size, write_json, write_next, write_table
from packistry.services.backup import back_up
from packistry.services.collector import Collector
from packistry.services.doctor import Finding, Level, examine
from packistry.services.doctor.data import astray
from packistry.services.repair import Repair
from packistry.services.rotation import Rotation, drop_old_keys, put_new_key_first
from packistry.services.secrets import KEY_FILE, SecretBox, load_keys
from packistry.wording import plural

COLORS = {Level.OK: "green", Level.WARNING: "yellow", Level.ERROR: "red"}


@click.command("doctor")
@json_option
@pass_installation
@click.pass_context
def doctor(ctx: click.Context, installation: Installation, as_json: bool) -> None:
    """Find what is wrong, and say the remedy. Exit code 1 when there is an error."""
    findings: list[Finding] = []
    for finding in examine(installation.bare):
        findings.append(finding)
        if not as_json:
            _write(finding)
    if as_json:
        write_json([asdict(finding) for finding in findings])
    if any(finding.level is Level.ERROR for finding in findings):
        ctx.exit(1)


@click.command("plugins")
@json_option
@pass_installation
@click.pass_context
def plugins(ctx: click.Context, installation: Installation, as_json: bool) -> None:
    """Show the plugins that are loaded, and those that failed or that sources miss.

    Exit code 1 when one failed, is missed, or is named in PACKISTRY_PLUGINS and not there.
    """
    bare = installation.bare
    found, strays = bare.plugins, astray(bare)
    missed = [each for each in strays if not each.now]
    if as_json:
        write_json(
            {
                "loaded": [asdict(each) for each in found.loaded],
                "failed": [asdict(each) for each in found.failures],
                "missed": [asdict(each) for each in missed],
                "changed": [asdict(each) for each in strays if each.now],
                "unknown": [asdict(each) for each in found.unknown],
            }
        )
    else:
        write_table(
            ["Plugin", "Package", "Version", "Sources", "Storages", "Sign-in"],
            [
                [
                    each.name,
                    each.distribution,
                    each.version,
                    each.source_providers,
                    each.storages,
                    each.auth_backends,
                ]
                for each in found.loaded
            ],
            "No plugin is loaded.",
        )
        for failure in found.failures:
            click.echo(
                f"{failure.plugin} ({failure.distribution} {failure.version}) failed: "
                f"{failure.error}",
                err=True,
            )
        for name in found.unknown:
            click.echo(f"{name}.", err=True)
        for each in strays:
            click.echo(f"{each} {each.remedy}", err=True)
    if found.failures or found.missing or missed:
        ctx.exit(1)


@click.command("gc")
@click.option("--verify", is_flag=True, help="Read every dist, too, and compare its checksum.")
@click.option("--repair", is_flag=True, help="Verify, and build lost and damaged dists anew.")
@json_option
@pass_installation
@click.pass_context
def gc(
    ctx: click.Context, installation: Installation, verify: bool, repair: bool, as_json: bool
) -> None:
    """Remove what nothing refers to. Safe while the server runs."""
    done = Collector(installation.runtime).collect(verify=verify or repair)
    if repair:
        left = Repair(installation.runtime).run(done.faults)
        done = replace(done, faults=left, repaired=len(done.faults) - len(left))
    if as_json:
        write_json(asdict(done))
    else:
        click.echo(
            f"Removed {plural(done.files, 'file')} that no dist names, "
            f"{plural(done.mirrors, 'mirror')} of projects that are gone and "
            f"{plural(done.syncs, 'old sync')}."
        )
        if done.pruned:
            click.echo(f"Forgot {plural(done.pruned, 'old dist')} of branches (--keep-dists).")
        if verify or repair:
            click.echo(
                f"Read {plural(done.verified, 'dist')}; {len(done.faults)} cannot be served."
            )
        if repair:
            click.echo(f"Built {plural(done.repaired, 'dist')} anew, with the same bytes.")
        elif done.faults:
            click.echo("`packistry gc --repair` builds them anew where their commit is known.")
        for fault in done.faults:
            click.echo(f"{fault.package} at {fault.reference}: {fault.reason}", err=True)
    if done.faults:
        ctx.exit(1)


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@pass_installation
def backup(installation: Installation, file: Path) -> None:
    """Copy the SQLite database to FILE, as it is at one moment. Safe while the server runs.

    The zips and the key of stored secrets are not in it: docs/operations.md has the whole recipe.
    """
    count = back_up(installation.bare.engine.url, file)
    click.echo(f"The database is copied to {file} ({size(count)}).")
    root = installation.bare.settings.root
    beside = [f"{root / KEY_FILE} (keep it apart)"]
    if installation.bare.settings.storage == "local":
        path = installation.bare.settings.storage_options.get("path", root / "dists")
        beside.insert(0, f"{path} (after the database, never before it)")
    write_next("A backup is not whole without:", beside)


@click.group()
def secrets() -> None:
    """The credentials of sources, which are kept encrypted."""


@secrets.command("rotate")
@click.option("--new-key", is_flag=True, help="Write a new key into the key file first.")
@click.option(
    "--drop-old-keys", "drop", is_flag=True, help="Forget the keys that nothing needs any more."
)
@pass_installation
def rotate(installation: Installation, new_key: bool, drop: bool) -> None:
    """Encrypt all stored secrets with the first key."""
    settings = installation.runtime.settings
    if (new_key or drop) and settings.secret_key.get_secret_value():
        fail(
            "The keys come from PACKISTRY_SECRET_KEY: put the new one first there, restart all "
            "processes, run this again, and then take the old ones away."
        )
    if new_key:
        put_new_key_first(settings.root)
    box = SecretBox(load_keys(settings.secret_key.get_secret_value(), settings.root))
    changed = installation.attempt(lambda services: Rotation(services.session, box).reseal())
    secrets_are = plural(changed, "stored secret is", "stored secrets are")
    click.echo(f"{secrets_are} encrypted with the first key now.")
    if drop:
        _drop(installation)


def _drop(installation: Installation) -> None:
    in_use = installation.attempt(
        lambda services: Rotation(services.session, services.context.secrets).keys_in_use()
    )
    dropped = drop_old_keys(installation.runtime.settings.root, in_use)
    click.echo(
        f"{plural(dropped, 'old key is', 'old keys are')} forgotten. Backups made before need them."
    )


def _write(finding: Finding) -> None:
    title = finding.title.replace("\n", f"\n{' ' * 8}")
    click.echo(f"{click.style(f'{finding.level:<7}', fg=COLORS[finding.level])} {title}")
    if finding.remedy:
        click.echo(f"        {finding.remedy}")
