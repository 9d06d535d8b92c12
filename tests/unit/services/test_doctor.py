import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text

from packistry import plugin
from packistry.database import connect
from packistry.git.version import check_version, version
from packistry.inputs import NewPackage, NewRepository, NewSource, SourceChange, read
from packistry.models import AuthenticationSource, Purpose
from packistry.plugin import Storage, Unavailable
from packistry.services.doctor import CHECKS, Level, data, examine, machine, network
from packistry.services.plugins import Plugins
from packistry.services.secrets import KEY_FILE, SecretBox, load_keys, new_key
from packistry.settings import Settings
from tests.posting import post_office


@dataclass(frozen=True, kw_only=True)
class Patient:
    settings: Settings
    engine: Engine
    plugins: Plugins
    storage: Storage[Any]
    secrets: SecretBox


@pytest.fixture
def patient(runtime):
    return Patient(
        settings=runtime.settings,
        engine=runtime.engine,
        plugins=runtime.plugins,
        storage=runtime.storage,
        secrets=runtime.secrets,
    )


def with_settings(patient: Any, **changes: Any) -> Any:
    values = {name: getattr(patient.settings, name) for name in Settings.model_fields}
    return replace(patient, settings=Settings(**{**values, **changes}))


def levels(patient: Any, check: Any) -> Any:
    return [finding.level for finding in check(patient)]


def faults(patient: Any, check: Any) -> Any:
    """The faults a check finds, each with a remedy."""
    found = [each for each in check(patient) if each.level is not Level.OK]
    assert all(each.remedy for each in found)
    return " ".join(f"{each.level}: {each.title}" for each in found)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_sound_installation_has_no_error(patient, check):
    assert Level.ERROR not in levels(patient, check)


def test_a_check_that_cannot_be_made_is_a_finding(patient):
    def broken(_patient: Any) -> Any:
        raise Unavailable("The moon is away.")
        yield

    (finding,) = examine(patient, (broken,))
    assert (finding.level, finding.title) == (Level.ERROR, "Broken: The moon is away.")


def test_a_data_directory_that_others_can_enter_is_an_error(patient):
    patient.settings.root.chmod(0o755)
    assert "error: Other users" in faults(patient, machine.data_directory)


def test_a_data_directory_that_is_a_file_is_an_error(patient, tmp_path):
    (tmp_path / "file").touch()
    sick = with_settings(patient, data_dir=tmp_path / "file")
    assert "error: The data directory" in faults(sick, machine.data_directory)


def test_a_data_directory_that_is_missing_is_said_and_not_made(patient, tmp_path):
    sick = with_settings(patient, data_dir=tmp_path / "none")
    assert "does not exist yet" in faults(sick, machine.data_directory)
    assert not (tmp_path / "none").exists()


def test_space_is_measured_where_the_data_directory_will_be(patient, tmp_path):
    assert levels(with_settings(patient, data_dir=tmp_path / "a" / "b"), machine.disk_space)


def test_little_space_is_a_warning_and_none_an_error(patient, monkeypatch):
    monkeypatch.setattr(machine, "LITTLE_SPACE", 2**62)
    assert levels(patient, machine.disk_space) == [Level.WARNING]
    monkeypatch.setattr(machine, "NO_SPACE", 2**62)
    assert levels(patient, machine.disk_space) == [Level.ERROR]


def test_a_key_file_that_others_can_read_is_an_error(patient):
    (patient.settings.root / KEY_FILE).chmod(0o640)
    assert "error: Other users" in faults(patient, machine.key)


def test_a_key_file_that_holds_no_key_is_an_error(patient):
    (patient.settings.root / KEY_FILE).write_text("nonsense\n")
    (finding,) = examine(patient, (machine.key,))
    assert finding.level is Level.ERROR


def test_a_missing_git_is_an_error(patient, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    # What was found before is remembered for the life of a process.
    version.cache_clear()
    assert "error: git is not installed" in faults(patient, machine.git)


def test_an_old_git_is_an_error(patient, monkeypatch):
    monkeypatch.setattr(machine, "check_version", lambda: check_version((2, 39, 0)))
    assert "too old" in faults(patient, machine.git)


def test_a_library_with_known_holes_is_an_error(patient, monkeypatch):
    monkeypatch.setitem(machine.FLOORS, "waitress", (99, 0))
    assert "error: waitress" in faults(patient, machine.software)


def test_root_is_warned(patient, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "warning: This runs as root" in faults(patient, machine.account)


def test_a_database_that_is_not_there_is_said_and_not_made(patient, tmp_path):
    engine = connect(f"sqlite:///{tmp_path}/none.sqlite")
    assert "no database yet" in faults(replace(patient, engine=engine), data.database)
    assert not (tmp_path / "none.sqlite").exists()
    engine.dispose()


def test_a_database_that_does_not_answer_is_an_error_without_its_address(patient):
    engine = connect("postgresql+psycopg://u:canary@127.0.0.1:1/x")
    found = faults(replace(patient, engine=engine), data.database)
    assert "error: The database does not answer" in found
    assert "canary" not in found
    engine.dispose()


@pytest.mark.parametrize(
    ("revision", "title"), [("9999", "newer than this version"), (None, "older than this version")]
)
def test_tables_of_another_version_are_an_error(patient, tmp_path, revision, title):
    engine = connect(f"sqlite:///{tmp_path}/other.sqlite")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        if revision:
            connection.execute(text(f"INSERT INTO alembic_version VALUES ('{revision}')"))
    assert title in faults(replace(patient, engine=engine), data.database)
    assert levels(replace(patient, engine=engine), data.secrets) == []
    engine.dispose()


def stored(runtime: Any, **config: Any) -> Any:
    with runtime.transaction() as services:
        source = services.sources.add(read(NewSource, name="git", provider="git", config=config))
        repository = services.repositories.add(read(NewRepository, name="main"))
        project = plugin.Project(id="https://x.org/a.git", path="team/a")
        services.packages.add(repository, source, [project], NewPackage())


def changed(runtime: Any, statement: Any) -> Any:
    with runtime.engine.begin() as connection:
        connection.execute(text(statement))


def test_a_clock_that_went_back_is_a_warning(patient, runtime):
    stored(runtime)
    changed(runtime, "UPDATE syncs SET requested_at = '2090-01-01 00:00:00'")
    assert "warning: The clock is behind" in faults(patient, data.clock)


def test_a_plugin_that_does_not_load_is_an_error(patient):
    broken = Plugins.load([EntryPoint(name="x", value="no.such.module", group="packistry")])
    assert "error: The plugin x" in faults(replace(patient, plugins=broken), data.plugins)


def test_a_source_without_its_plugin_is_an_error(patient, runtime):
    stored(runtime)
    changed(runtime, "UPDATE sources SET provider = 'gone', distribution = 'packistry-gone'")
    (fault,) = data.plugins(patient)
    assert fault.level is Level.ERROR
    assert "needs the provider gone" in fault.title
    assert fault.remedy == "Install packistry-gone."


def test_a_provider_of_another_distribution_than_before_is_a_warning(patient, runtime):
    """Security §9: a changed one shows a warning."""
    stored(runtime)
    assert faults(patient, data.plugins) == ""
    changed(runtime, "UPDATE sources SET distribution = 'packistry-real'")
    assert "warning: The source" in faults(patient, data.plugins)
    with runtime.transaction() as services:
        services.sources.edit(services.sources.get("git"), SourceChange(accept_plugin=True))
    assert faults(patient, data.plugins) == ""


def test_secrets_without_their_key_are_an_error(patient, runtime):
    stored(runtime, password="canary")
    found = faults(replace(patient, secrets=SecretBox([b"x" * 32])), data.secrets)
    assert 'The secrets of the source "git" cannot be decrypted' in found


def test_secrets_of_an_old_key_are_a_warning(patient, runtime):
    stored(runtime, password="canary")
    keys = (patient.settings.root / KEY_FILE).read_text().split()
    ring = load_keys(",".join([new_key(), *keys]), patient.settings.root)
    assert "old key" in faults(replace(patient, secrets=SecretBox(ring)), data.secrets)


def test_a_storage_that_cannot_be_written_is_an_error(patient):
    folder = patient.settings.root / "dists"
    if folder.exists():
        for each in sorted(folder.rglob("*"), reverse=True):
            each.rmdir() if each.is_dir() else each.unlink()
        folder.rmdir()
    folder.write_text("a file is in the way")
    assert "error: The storage local does not work" in faults(patient, data.storage)


def test_a_project_that_cannot_be_reached_is_a_warning(patient, runtime):
    stored(runtime)
    changed(runtime, "UPDATE projects SET unreachable = 'Wrong password.', away = true")
    assert "team/a cannot be imported: Wrong password." in faults(patient, data.projects)


def test_work_that_nobody_does_is_a_warning(patient, runtime):
    stored(runtime)
    changed(runtime, "UPDATE syncs SET not_before = '2020-01-01 00:00:00'")
    assert "warning: 1 sync waits" in faults(patient, data.work)


def test_a_redis_that_is_away_is_an_error_without_its_address(patient):
    sick = with_settings(patient, redis_url=SecretStr("redis://:canary@127.0.0.1:1/0"))
    found = faults(sick, network.redis)
    assert "error: Redis does not answer" in found
    assert "canary" not in found


@pytest.mark.parametrize(
    ("url", "facts", "policy", "title"),
    [
        ("redis://r.example.org", {"redis_version": "7.0.1"}, "", "error: Redis at r.example.org"),
        ("redis://127.0.0.1", {"redis_version": "4.0.9"}, "", "error: Redis 4.0.9 is too old"),
        ("redis://127.0.0.1", {"redis_version": "7.0.1"}, "allkeys-lru", "warning: Redis may"),
    ],
)
def test_a_redis_that_is_open_old_or_forgetful_is_named(url, facts, policy, title):
    found = network.redis_faults(url, facts, policy)
    assert title in " ".join(f"{each.level}: {each.title}" for each in found)


def test_a_redis_with_a_password_is_sound():
    (finding,) = network.redis_faults(
        "redis://:secret@r.example.org", {"redis_version": "7.2.0"}, "noeviction"
    )
    assert finding.level is Level.OK


def test_an_address_that_is_not_encrypted_is_a_warning(patient):
    found = faults(with_settings(patient, url="http://packages.example.org"), network.public_url)
    assert "warning" in found
    assert "composer refuses it" in found


def test_an_encrypted_address_is_sound(patient):
    sound = with_settings(patient, url="https://packages.example.org")
    assert levels(sound, network.public_url) == [Level.OK]


def test_an_open_server_without_a_public_address_is_a_warning(patient):
    found = faults(with_settings(patient, url="", listen="0.0.0.0:8080"), network.public_url)
    assert "PACKISTRY_URL is not set" in found


def test_a_server_of_this_machine_alone_needs_no_public_address(patient):
    alone = with_settings(patient, url="", listen="127.0.0.1:8080")
    assert levels(alone, network.public_url) == [Level.OK]


def test_links_in_mails_and_ways_to_sign_in_need_a_known_address(patient, runtime):
    with runtime.transaction() as services:
        services.session.add(AuthenticationSource(name="Staff", provider="oidc"))
    with post_office() as post:
        told = with_settings(patient, url="", smtp_url=post.url)
        found = faults(told, network.public_url)
        assert f"links in mails begin with {told.settings.base_url}" in found
        assert "people come back from Staff only where" in found
        assert levels(told, network.mail) == [Level.OK]
        with runtime.transaction() as services:
            services.mails.failed(services.mails.owe("ada@x.org", Purpose.INVITATION), "Full.")
        found = faults(told, network.mail)
        assert "1 link could not be mailed, the first to ada@x.org: Full." in found
    assert "nothing listens there" in faults(told, network.mail)


@pytest.mark.parametrize("networks", [("0.0.0.0/0",), ("127.0.0.1", "::/0")])
def test_trusting_every_proxy_is_an_error(patient, networks):
    sick = with_settings(patient, trusted_proxies=networks)
    assert "error: PACKISTRY_TRUSTED_PROXIES" in faults(sick, network.proxies)


def test_https_without_a_trusted_proxy_is_a_warning(patient):
    sick = with_settings(patient, url="https://x.org", trusted_proxies=())
    assert "warning" in faults(sick, network.proxies)


@contextmanager
def server(status: Any = 200, document: Any = None) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> Any:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(document or {}).encode())

        def log_message(self, *_: Any) -> Any:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"127.0.0.1:{running.server_address[1]}"
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


def test_a_server_that_does_not_run_is_no_fault(patient):
    assert levels(with_settings(patient, listen="127.0.0.1:1"), network.answers) == [Level.OK]


def test_a_public_address_that_leads_elsewhere_is_an_error(patient):
    with server() as here, server(status=404) as elsewhere:
        sick = with_settings(patient, listen=here, url=f"http://{elsewhere}")
        assert "PACKISTRY_URL and the proxy disagree" in faults(sick, network.answers)


def test_a_public_address_where_nothing_answers_is_a_warning(patient):
    with server() as here:
        sick = with_settings(patient, listen=here, url="http://127.0.0.1:1")
        assert "nothing answers at http://127.0.0.1:1" in faults(sick, network.answers)


def test_documents_with_another_address_are_an_error(patient):
    with server(document={"notify-batch": "http://internal:8080/x"}) as here:
        sick = with_settings(patient, listen=here, url=f"http://{here}")
        assert "hands out addresses such as http://internal" in faults(sick, network.answers)


def test_a_public_address_that_leads_here_is_sound(patient):
    with server(document={"packages": []}) as here:
        sound = with_settings(patient, listen=here, url=f"http://{here}")
        assert levels(sound, network.answers) == [Level.OK]
