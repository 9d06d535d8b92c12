"""Dists: statements 38 to 45 of the conformance list, ranges, and what is counted."""

import hashlib
import io
import threading
import time
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update
from webtest import TestApp

from packistry.app import Application, make_app
from packistry.composer.minifier import expand
from packistry.models import Dist, Download
from packistry.runtime import Runtime
from packistry.services.downloads import Tally
from packistry.settings import Settings
from tests.functional.conftest import Shipped, Stock, bearer

pytestmark = pytest.mark.any_database


@pytest.fixture
def shipped(stock: Stock) -> Shipped:
    stock.repository(public=True)
    return stock.version("acme/lib", "1.0.0", text="hello")


def counts(application: Application, stock: Stock) -> list[tuple[str, int, int]]:
    application.parts.tally.flush()
    with stock.runtime.transaction() as services:
        rows = services.session.scalars(select(Download)).all()
        return [(row.version, row.downloads, row.installs) for row in rows]


def test_the_url_of_a_dist_holds_the_reference_and_gives_the_same_bytes(
    app: TestApp, shipped: Shipped
) -> None:
    """Statement 38."""
    version = expand(app.get("/p2/acme/lib.json").json["packages"]["acme/lib"])[0]
    url = version["dist"]["url"]
    assert shipped.reference in url
    assert url == f"http://packages.test{shipped.path}"
    assert app.get(url).body == app.get(url).body == shipped.content


def test_the_shasum_is_that_of_the_bytes(app: TestApp, shipped: Shipped) -> None:
    """Statement 39."""
    dist = expand(app.get("/p2/acme/lib.json").json["packages"]["acme/lib"])[0]["dist"]
    assert hashlib.sha1(app.get(dist["url"]).body).hexdigest() == dist["shasum"]


def test_a_dist_is_a_zip_of_one_folder_and_not_encoded(app: TestApp, shipped: Shipped) -> None:
    """Statement 40."""
    answer = app.get(shipped.path, headers={"Accept-Encoding": "gzip"})
    names = zipfile.ZipFile(io.BytesIO(answer.body)).namelist()
    assert {name.split("/")[0] for name in names} == {"top"}
    assert "top/composer.json" in names
    assert "Content-Encoding" not in answer.headers


def test_who_may_have_a_dist(app: TestApp, stock: Stock) -> None:
    """Statement 41."""
    stock.repository()
    mine = stock.version("acme/mine", "1.0.0")
    other = stock.version("acme/other", "1.0.0")
    token = bearer(stock.token(packages=(("", "acme/mine"),)))
    app.get(mine.path, headers=token, status=200)
    app.get(mine.path, status=401)
    hidden = app.get(other.path, headers=token, status=404)
    absent = app.get(other.path.replace("other", "never"), headers=token, status=404)
    assert (hidden.body, hidden.headerlist) == (absent.body, absent.headerlist)


def test_a_direct_link_is_redirected_to_and_not_kept(
    app: TestApp, stock: Stock, shipped: Shipped, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statement 42."""

    def url(key: str, *, expires: timedelta) -> str:
        return f"https://bucket.test/{key}?signed-for={expires.seconds}"

    monkeypatch.setattr(stock.runtime.storage, "url", url)
    answer = app.get(shipped.path, status=302)
    assert answer.headers["Location"].startswith("https://bucket.test/")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "?" not in shipped.path


def test_a_dist_that_can_never_be_built_is_a_404_with_a_warning(app: TestApp, stock: Stock) -> None:
    """Statement 43."""
    stock.repository(public=True)
    shipped = stock.version("acme/lib", "1.0.0", lazy=True)
    with stock.runtime.transaction() as services:
        services.session.execute(update(Dist).values(failure="it links out of its tree"))
    answer = app.get(shipped.path, status=404)
    assert "it links out of its tree" in answer.json["warning"]


def test_old_lock_files_go_on_installing(app: TestApp, stock: Stock) -> None:
    """Statement 44: a tag that was made again elsewhere, or is gone from p2."""
    stock.repository(public=True)
    old = stock.version("acme/lib", "1.0.0", text="old")
    new = stock.version("acme/lib", "1.0.0", text="new")
    assert app.get(old.path).body == old.content
    assert app.get(new.path).body == new.content


def test_the_old_commit_of_a_branch_goes_on_installing(app: TestApp, stock: Stock) -> None:
    """Statement 45."""
    stock.repository(public=True)
    old = stock.version("acme/lib", "dev-feature/x", text="old")
    stock.version("acme/lib", "dev-feature/x", text="new")
    assert app.get(old.path).body == old.content


def test_expired_and_revoked_tokens_get_no_dist(app: TestApp, stock: Stock) -> None:
    """Statement 50."""
    stock.repository()
    shipped = stock.version("acme/lib", "1.0.0")
    soon = datetime.now(UTC) + timedelta(seconds=1)
    short, long = (
        bearer(stock.token(repositories=("",), expires_at=soon)),
        bearer(stock.token(repositories=("",))),
    )
    for token in (short, long):
        app.get(shipped.path, headers=token, status=200)
        app.get("/p2/acme/lib.json", headers=token, status=200)
    time.sleep(max(0.0, (soon - datetime.now(UTC)).total_seconds()) + 0.05)
    stock.revoke_all()
    for token in (short, long):
        app.get(shipped.path, headers=token, status=401)
        app.get("/p2/acme/lib.json", headers=token, status=401)


def test_an_expired_token_is_refused_though_its_answer_is_kept(app: TestApp, stock: Stock) -> None:
    stock.repository()
    stock.version("acme/lib", "1.0.0")
    soon = datetime.now(UTC) + timedelta(seconds=1)
    token = bearer(stock.token(repositories=("",), expires_at=soon))
    app.get("/p2/acme/lib.json", headers=token, status=200)
    time.sleep(max(0.0, (soon - datetime.now(UTC)).total_seconds()) + 0.05)
    app.get("/p2/acme/lib.json", headers=token, status=401)


def test_the_addresses_of_the_php_packistry_answer(app: TestApp, stock: Stock) -> None:
    stock.repository(public=True)
    stock.repository("team", public=True)
    tag = stock.version("acme/lib", "v1.0.0")
    branch = stock.version("acme/lib", "dev-feature/x", "team")
    assert app.get("/acme/lib/v1.0.0").body == tag.content
    assert app.get("/acme/lib/1.0").body == tag.content
    assert app.get("/r/team/acme/lib/dev-feature/x").body == branch.content
    app.get("/acme/lib/2.0", status=404)
    app.get("/acme/lib/not a version", status=404)


def test_a_dist_is_never_shown_as_a_page(app: TestApp, stock: Stock) -> None:
    """A dist whose bytes are HTML downloads and does not render."""
    stock.repository(public=True)
    headers = app.get(stock.version("acme/lib", "dev-a/../b").path, status="*").headers
    shipped = stock.version("acme/lib", "1.0.0")
    headers = app.get(shipped.path).headers
    assert headers["Content-Type"] == "application/zip"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox"
    disposition = headers["Content-Disposition"]
    assert disposition == f'attachment; filename="acme-lib-1.0.0-{shipped.reference[:12]}.zip"'


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=10-", 10, None),
        ("bytes=-7", -7, None),
        ("bytes=5-999999999", 5, None),
    ],
)
def test_a_range_is_that_part(
    app: TestApp, shipped: Shipped, wanted: str, start: int, end: int | None
) -> None:
    answer = app.get(shipped.path, headers={"Range": wanted}, status=206)
    size = len(shipped.content)
    first = start if start >= 0 else size + start
    assert answer.body == shipped.content[start:end]
    assert answer.headers["Content-Range"] == f"bytes {first}-{(end or size) - 1}/{size}"


@pytest.mark.parametrize(
    "wanted", ["bytes=0-1,4-5", "bytes=9-5", "bytes=-", "lines=1-2", "bytes=x-y", "bytes=²-3"]
)
def test_a_range_that_makes_no_sense_is_ignored(
    app: TestApp, shipped: Shipped, wanted: str
) -> None:
    answer = app.get(shipped.path, headers={"Range": wanted.encode().decode("latin-1")}, status=200)
    assert answer.body == shipped.content


@pytest.mark.parametrize("wanted", ["bytes=99999999-", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(app: TestApp, shipped: Shipped, wanted: str) -> None:
    answer = app.get(shipped.path, headers={"Range": wanted}, status=416)
    assert answer.headers["Content-Range"] == f"bytes */{len(shipped.content)}"


def test_an_interrupted_download_goes_on_only_with_the_same_bytes(
    app: TestApp, shipped: Shipped
) -> None:
    etag = app.head(shipped.path).headers["ETag"]
    app.get(shipped.path, headers={"Range": "bytes=5-", "If-Range": etag}, status=206)
    app.get(shipped.path, headers={"Range": "bytes=5-", "If-Range": '"other"'}, status=200)


def test_head_and_304_have_no_body(app: TestApp, shipped: Shipped) -> None:
    head = app.head(shipped.path)
    assert head.body == b""
    assert head.headers["Content-Length"] == str(len(shipped.content))
    kept = app.get(shipped.path, headers={"If-None-Match": head.headers["ETag"]}, status=304)
    assert kept.body == b""


def test_one_download_is_counted_a_get(
    app: TestApp, application: Application, stock: Stock, shipped: Shipped
) -> None:
    etag = app.head(shipped.path).headers["ETag"]
    app.get(shipped.path)
    app.get(shipped.path, headers={"Range": "bytes=0-3"})
    app.get(shipped.path, headers={"Range": "bytes=4-"})
    app.get(shipped.path, headers={"If-None-Match": etag})
    assert counts(application, stock) == [("1.0.0.0", 2, 0)]


def test_downloads_add_up_over_flushes_and_processes(
    application: Application, stock: Stock, shipped: Shipped
) -> None:
    other = make_app(stock.runtime)
    for each in (application, other):
        TestApp(each).get(shipped.path)
        each.parts.tally.flush()
    other.close()
    assert counts(application, stock) == [("1.0.0.0", 2, 0)]


def test_a_download_of_a_version_that_has_gone_is_counted_for_none(
    app: TestApp, application: Application, stock: Stock
) -> None:
    stock.repository(public=True)
    old = stock.version("acme/lib", "dev-main", text="old")
    stock.version("acme/lib", "dev-main", text="new")
    app.get(old.path.replace("dev-main", "made-up"))
    assert counts(application, stock) == [("", 1, 0)]


def test_counts_of_a_package_that_is_removed_meanwhile_are_forgotten(
    app: TestApp, application: Application, stock: Stock, shipped: Shipped
) -> None:
    app.get(shipped.path)
    stock.remove("acme/lib")
    assert counts(application, stock) == []


def test_the_last_use_of_a_token_is_written_once_a_minute(
    app: TestApp, application: Application, stock: Stock
) -> None:
    stock.repository()
    stock.version("acme/lib", "1.0.0")
    token = bearer(stock.token(repositories=("",)))
    generation = application.parts.reads.generation()
    for _ in range(3):
        app.get("/p2/acme/lib.json", headers=token)
        application.parts.tally.flush()
    with stock.runtime.transaction() as services:
        (row,) = services.tokens.all()
        assert row.last_used_at is not None
    assert application.parts.reads.generation() == generation


def test_events_are_written_without_being_asked(runtime: Runtime, stock: Stock) -> None:
    stock.repository(public=True)
    stock.version("acme/lib", "1.0.0")
    tally = Tally(runtime, seconds=0.05)
    with runtime.transaction() as services:
        dist_id = services.session.scalars(select(Dist.id)).one()
        package_id = services.session.scalars(select(Dist.package_id)).one()
    tally.downloaded(package_id, dist_id, "1.0.0")
    deadline = time.monotonic() + 10
    written = 0
    while not written and time.monotonic() < deadline:
        time.sleep(0.05)
        with runtime.transaction() as services:
            written = len(services.session.scalars(select(Download)).all())
    tally.close()
    assert written == 1


def test_a_lazy_dist_is_waited_for(app: TestApp, stock: Stock) -> None:
    stock.repository(public=True)
    shipped = stock.version("acme/lib", "1.0.0", lazy=True)

    def build() -> None:
        time.sleep(0.2)
        stock.store_dist("acme/lib", shipped)

    job = threading.Thread(target=build)
    job.start()
    answer = app.get(shipped.path)
    job.join()
    assert answer.body == shipped.content


def test_a_lazy_dist_that_takes_too_long_is_asked_for_again_later(
    settings: Settings, stock: Stock
) -> None:
    stock.repository(public=True)
    shipped = stock.version("acme/lib", "1.0.0", lazy=True)
    hasty = Runtime(settings.model_copy(update={"dist_wait_seconds": 0.05}))
    application = make_app(hasty)
    answer = TestApp(application).get(shipped.path, status=503)
    application.close()
    hasty.close()
    assert int(answer.headers["Retry-After"]) >= 1
    with stock.runtime.transaction() as services:
        assert services.session.scalars(select(Dist.wanted_at)).one() is not None


def test_a_dist_the_storage_has_lost_is_said_so(
    app: TestApp, stock: Stock, shipped: Shipped
) -> None:
    for key in list(stock.runtime.storage.keys()):
        stock.runtime.storage.delete(key)
    assert "lost" in app.get(shipped.path, status=404).json["warning"]
