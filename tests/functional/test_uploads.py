"""Uploads: who may, what is accepted, and that nothing is left of what is not."""

import errno
import io
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from webtest import TestApp, Upload

from packistry.app import make_app
from packistry.builtin.storage import Local
from packistry.composer.minifier import expand
from packistry.models import Dist, Intent, Package, UploadDay, Version
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.services.dists import Dists
from packistry.settings import Settings
from tests.functional.conftest import Stock, bearer, zip_of

LIB = {"name": "acme/lib", "version": "1.0.0", "description": "A library"}


@pytest.fixture
def writer(stock: Stock) -> dict[str, str]:
    stock.repository()
    return bearer(stock.token(repositories=("",), write=True))


def send(app: TestApp, content: bytes, path: str = "/acme/lib", version: str = "", **more):
    fields = {"file": Upload("lib.zip", content, "application/zip")}
    if version:
        fields["version"] = version
    return app.post(path, fields, **more)


def rows(stock: Stock) -> dict[str, int]:
    with stock.runtime.transaction() as services:
        return {
            model.__name__: services.session.scalar(select(func.count()).select_from(model)) or 0
            for model in (Package, Version, Dist, Intent)
        } | {"files": len(list(stock.runtime.storage.keys()))}


NOTHING = {"Package": 0, "Version": 0, "Dist": 0, "Intent": 0, "files": 0}


def test_an_uploaded_zip_is_served(app: TestApp, writer: dict[str, str]) -> None:
    content = zip_of(LIB)
    answer = send(app, content, headers=writer, status=201)
    assert answer.json["name"] == "1.0.0"
    assert {"id", "package_id", "shasum", "total_downloads", "created_at", "updated_at"} <= set(
        answer.json
    )
    document = app.get("/p2/acme/lib.json", headers=writer).json["packages"]["acme/lib"]
    (version,) = expand(document)
    assert version["dist"]["shasum"] == answer.json["shasum"]
    assert version["description"] == "A library"
    assert app.get(version["dist"]["url"], headers=writer).body == content
    assert app.get("/search.json?q=library", headers=writer).json["total"] == 1


def test_the_form_says_the_version_when_composer_json_does_not(
    app: TestApp, writer: dict[str, str]
) -> None:
    send(app, zip_of({"name": "acme/lib"}), version="v2.1", headers=writer, status=201)
    missing = send(app, zip_of({"name": "acme/lib"}), headers=writer, status=422)
    assert "version" in missing.json["errors"]


def test_the_same_zip_again_changes_nothing(
    app: TestApp, stock: Stock, writer: dict[str, str]
) -> None:
    first = send(app, zip_of(LIB), headers=writer, status=201)
    before = app.get("/p2/acme/lib.json", headers=writer).headers["Last-Modified"]
    second = send(app, zip_of(LIB), headers=writer, status=200)
    after = app.get("/p2/acme/lib.json", headers=writer).headers["Last-Modified"]
    assert (first.json["id"], before) == (second.json["id"], after)


def test_another_zip_for_a_stable_version_is_a_conflict(
    app: TestApp, stock: Stock, writer: dict[str, str]
) -> None:
    send(app, zip_of(LIB), headers=writer, status=201)
    before = rows(stock)
    answer = send(app, zip_of(LIB | {"description": "Other"}), headers=writer, status=409)
    assert "1.0.0" in answer.json["message"]
    assert rows(stock) == before


def test_a_dev_version_moves_and_its_old_dist_stays(app: TestApp, writer: dict[str, str]) -> None:
    name = {"name": "acme/lib"}
    old = send(app, zip_of(name, a="1"), version="dev-main", headers=writer, status=201)
    send(app, zip_of(name, a="2"), version="dev-main", headers=writer, status=201)
    url = f"/dists/acme/lib/dev-main/{old.json['shasum']}.zip"
    assert app.get(url, headers=writer).body == zip_of(name, a="1")


def test_a_version_from_git_is_not_overwritten(
    app: TestApp, stock: Stock, writer: dict[str, str]
) -> None:
    stock.version("acme/lib", "1.0.0")
    stock.version("acme/lib", "dev-main")
    send(app, zip_of(LIB), headers=writer, status=409)
    send(app, zip_of({"name": "acme/lib"}), version="dev-main", headers=writer, status=409)


def test_more_zeros_make_no_other_version(app: TestApp, writer: dict[str, str]) -> None:
    send(app, zip_of(LIB), version="1.1", headers=writer, status=201)
    send(app, zip_of(LIB, a="2"), version="1.01", headers=writer, status=409)


def test_nobody_writes_without_a_write_grant(app: TestApp, stock: Stock) -> None:
    """A public repository gives nobody write."""
    stock.repository(public=True)
    stock.repository("secret")
    stock.version("acme/known", "1.0.0")
    reader = bearer(stock.token(repositories=("",)))
    stranger = bearer(stock.token())
    send(app, zip_of(LIB), status=401)
    send(app, zip_of(LIB), headers={"Authorization": "Bearer x"}, status=401)
    send(app, zip_of(LIB), headers=reader, status=403)
    hidden = send(app, zip_of(LIB), "/r/secret/acme/lib", headers=stranger, status=404)
    absent = send(app, zip_of(LIB), "/r/absent/acme/lib", headers=stranger, status=404)
    assert hidden.body == absent.body
    assert rows(stock)["Package"] == 1


def test_a_token_for_one_package_touches_no_other(app: TestApp, stock: Stock) -> None:
    """A token for `acme/a` cannot create, rename into or overwrite `acme/b`."""
    stock.repository()
    stock.package("acme/a")
    stock.package("acme/b")
    token = bearer(stock.token(packages=(("", "acme/a"),), write=True))
    a, b, new = ({"name": f"acme/{name}", "version": "1.0"} for name in ("a", "b", "new"))
    send(app, zip_of(b), "/acme/b", headers=token, status=403)
    send(app, zip_of(new), "/acme/new", headers=token, status=403)
    send(app, zip_of(b), "/acme/a", headers=token, status=422)
    send(app, zip_of(a), "/acme/a", headers=token, status=201)


def broken_zip() -> bytes:
    return zip_of(LIB)[:-30]


def climbing_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("composer.json", '{"name":"acme/lib","version":"1.0"}')
        archive.writestr("../../evil.php", "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a zip",
        broken_zip(),
        climbing_zip(),
        b"GIF89a" + zip_of(LIB),
        zip_of({"name": "acme/lib", "version": "not a version"}),
        zip_of({"name": "acme/lib", "version": "1.0", "require": {"a/b": "~>x"}}),
        zip_of({"name": "Acme/Other", "version": "1.0"}),
        zip_of({"version": "1.0"}),
    ],
    ids=["empty", "text", "cut", "climbs", "prefixed", "version", "links", "name", "nameless"],
)
def test_nothing_is_left_of_a_zip_that_cannot_be_served(
    app: TestApp, stock: Stock, writer: dict[str, str], content: bytes
) -> None:
    answer = send(app, content, headers=writer, status=422)
    assert answer.json["errors"]
    assert rows(stock) == NOTHING


MULTIPART = "multipart/form-data; boundary=x"


def post_form(app: TestApp, body: bytes, headers, status: int, kind: str = MULTIPART):
    """As it stands: WebTest's own `post` would encode it."""
    return app.request(
        "/acme/lib", method="POST", body=body, content_type=kind, headers=headers, status=status
    )


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/zip", b"PK", 415),
        ("multipart/form-data", b"--x--", 415),
        ("multipart/form-data; boundary=\xe9", b"--x--", 415),
        (MULTIPART, b"", 400),
        (MULTIPART, b"--x\r\nContent-Disposition: form-data; name=v\r\n\r\n1\r\n--x--\r\n", 422),
        (MULTIPART, b"--x\r\n", 400),
        (MULTIPART, b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\nabc", 400),
        (MULTIPART, b"--x\r\nContent-Disposition: attachment\r\n\r\nabc\r\n--x--", 400),
        (MULTIPART, b"--x\r\n" + b"A: b\r\n" * 100 + b"\r\n\r\n--x--", 413),
    ],
)
def test_a_malformed_form_is_refused_in_words(
    app: TestApp, stock: Stock, writer: dict[str, str], kind: str, body: bytes, status: int
) -> None:
    answer = post_form(app, body, writer, status, kind)
    assert answer.json["message"]
    assert rows(stock) == NOTHING


def test_a_form_of_200_000_fields_is_refused(
    app: TestApp, stock: Stock, writer: dict[str, str]
) -> None:
    part = b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n"
    answer = post_form(app, part * 200_000 + b"--x--\r\n", writer, 413)
    assert "limit" in answer.json["message"]


def test_two_files_in_a_form_are_refused(app: TestApp, writer: dict[str, str]) -> None:
    part = b"--x\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\nPK\r\n"
    post_form(app, part * 2 + b"--x--\r\n", writer, 400)


def test_a_file_beyond_the_limit_is_refused(
    settings: Settings, stock: Stock, writer: dict[str, str]
) -> None:
    small = Runtime(settings.model_copy(update={"max_archive_bytes": 1000}))
    application = make_app(small)
    send(TestApp(application), b"x" * 2000, headers=writer, status=413)
    application.close()
    small.close()
    assert rows(stock) == NOTHING


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        (Local, OSError(errno.ENOSPC, "No space left on device")),
        (Dists, OperationalError("INSERT", {}, Exception("database or disk is full"))),
    ],
    ids=["storage", "database"],
)
def test_an_upload_to_a_full_disk_is_refused_in_words_and_makes_nothing(
    app: TestApp,
    stock: Stock,
    writer: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    where: type,
    fault: Exception,
) -> None:
    def full(*_arguments: object) -> None:
        raise fault

    monkeypatch.setattr(where, "put", full)
    answer = send(app, zip_of(LIB), headers=writer, status=507)
    assert "no room left" in answer.json["message"]
    assert {**rows(stock), "Intent": 0} == NOTHING
    monkeypatch.undo()
    send(app, zip_of(LIB), headers=writer, status=201)


@pytest.mark.parametrize("name", ["api/users", "p2/lib", "r/x", "nul/lib", "acme/lib.json"])
def test_names_of_our_own_paths_cannot_be_uploaded(
    app: TestApp, stock: Stock, writer: dict[str, str], name: str
) -> None:
    """A package `api/users` cannot be made or imported."""
    manifest = {"name": name, "version": "1.0"}
    answer = send(app, zip_of(manifest), f"/{name}", headers=writer, status="*")
    assert answer.status_int in (401, 404, 422)
    assert rows(stock) == NOTHING


def test_the_highest_version_describes_the_package(app: TestApp, writer: dict[str, str]) -> None:
    for version in ("2.0", "1.0", "dev-main"):
        manifest = {"name": "acme/lib", "description": f"Of {version}", "keywords": [version]}
        send(app, zip_of(manifest), version=version, headers=writer, status=201)
    (found,) = app.get("/search.json?q=lib", headers=writer).json["results"]
    assert found["description"] == "Of 2.0"


def test_a_token_may_upload_so_much_a_day_and_only_what_was_stored_counts(
    settings: Settings, stock: Stock, writer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (zip_of(LIB | {"version": f"1.{number}.0"}) for number in range(3))
    limit = len(first) + len(second) + len(third) - 1
    limited = Runtime(settings.model_copy(update={"upload_bytes_a_day": limit}))
    application = make_app(limited)
    app = TestApp(application)
    send(app, b"no zip", headers=writer, status=422)
    send(app, first, headers=writer, status=201)
    send(app, first, headers=writer, status=200)
    send(app, second, headers=writer, status=201)
    refused = send(app, third, headers=writer, status=429)
    assert 0 < int(refused.headers["Retry-After"]) <= 86400
    assert "after midnight UTC" in refused.json["message"]
    other = bearer(stock.token(repositories=("",), write=True))
    assert "may upload in a day" in send(app, b"x" * (limit + 1), headers=other, status=413).text
    # Much too long: nothing of it is read.
    monkeypatch.setattr("packistry.web.uploads.read_form", None)
    app.post("/acme/lib", b"x" * (limit + 1024**2 + 1), headers=other, status=413)
    monkeypatch.undo()
    tomorrow = now() + timedelta(days=1)
    monkeypatch.setattr("packistry.services.quotas.now", lambda: tomorrow)
    send(app, third, headers=writer, status=201)
    with limited.transaction() as services:
        counted = services.session.scalars(select(UploadDay.bytes).order_by(UploadDay.id)).all()
        assert counted == [len(first) + len(second), len(third)]
    application.close()
    limited.close()


def test_uploads_at_once_do_not_pass_the_limit_together(
    settings: Settings, stock: Stock, writer: dict[str, str]
) -> None:
    contents = [zip_of(LIB | {"version": f"1.{number}.0"}) for number in range(6)]
    limited = Runtime(
        settings.model_copy(update={"upload_bytes_a_day": 3 * max(len(each) for each in contents)})
    )
    application = make_app(limited)
    app = TestApp(application)

    def upload(content: bytes) -> int:
        return int(send(app, content, headers=writer, expect_errors=True).status_int)

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(upload, contents)) == [201, 201, 201, 429, 429, 429]
    application.close()
    limited.close()
