"""The web admin: how soon each page comes where there is much, against where there is little."""

from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any
from wsgiref.util import setup_testing_defaults

from packistry.app import make_app
from packistry.models import Role, User
from packistry.services import Services
from packistry.web.cookies import SESSION
from tests.bench import data, town
from tests.bench.machine import Unfit
from tests.bench.rounds import Effort, interleave
from tests.bench.table import Figure, Target
from tests.servers import folder

URL = "http://packages.bench"
FEW = 20
MANY = 20_000
VIEWS = 15
# Where time does not depend on how many packages there are.
FLAT = Target(must=1.5, aim=1.15)
# What is sorted by a sum, and what looks for words anywhere, reads something of every package.
READS_ALL = Target(must=5.0, aim=2.0)
PAGES = {
    "overview": ("/", FLAT),
    "repositories": ("/admin/repositories", FLAT),
    "repository": ("/admin/repositories/1", FLAT),
    "packages": ("/admin/packages", FLAT),
    "packages, last changed first": ("/admin/packages?sort=-changed", READS_ALL),
    "packages, most installed first": ("/admin/packages?sort=-installs", READS_ALL),
    "packages with a word": ("/admin/packages?q=package-7", READS_ALL),
    "package": ("/admin/packages/7", FLAT),
    "versions": ("/admin/packages/7/versions", FLAT),
    "sources": ("/admin/sources", READS_ALL),
    "source": ("/admin/sources/1", READS_ALL),
    "imports": ("/admin/imports", FLAT),
    "import": ("/admin/imports/7", FLAT),
    "members": ("/admin/members", FLAT),
    "member": ("/admin/members/2", FLAT),
    "tokens": ("/admin/tokens", FLAT),
    "audit": ("/admin/audit", FLAT),
    "settings": ("/admin/settings", FLAT),
    "search": ("/admin/search?q=package-7", READS_ALL),
}


def measure(effort: Effort) -> list[Figure]:
    with folder() as path, ExitStack() as stack:
        few = stack.enter_context(closing(Town(path / "few", FEW)))
        many = stack.enter_context(closing(Town(path / "many", MANY)))
        for where, _ in PAGES.values():
            # What a process keeps for a minute it has made by then.
            few.view(where)
            many.view(where)
        return [_figure(effort, few, many, name) for name in PAGES]


def _figure(effort: Effort, few: "Town", many: "Town", name: str) -> Figure:
    where, target = PAGES[name]
    views = {"few": partial(few.view, where), "many": partial(many.view, where)}
    # So short that others on this machine disturb single ones: more rounds.
    measured = interleave(max(effort.rounds, VIEWS), views)
    what = f"{name}: {MANY:,} packages of {town.VERSIONS} versions / {FEW}"
    return measured.figure(what, ours="many", baseline="few", unit="ms", target=target)


class Town:
    """An installation with so many packages, and an administrator who looks at its pages."""

    def __init__(self, path: Path, packages: int) -> None:
        self._runtime = data.runtime(path, URL)
        town.build(self._runtime, packages)
        self._application = make_app(self._runtime)
        cookie = self._runtime.attempt(_administrator)
        self._environ = {"HTTP_COOKIE": f"{SESSION}={cookie}", "HTTP_ACCEPT": "text/html"}

    def view(self, path: str) -> float:
        """Milliseconds until the page's first byte. Raises Unfit when it is another page."""
        where, _, query = path.partition("?")
        environ: dict[str, Any] = {**self._environ, "PATH_INFO": where, "QUERY_STRING": query}
        setup_testing_defaults(environ)
        answers: list[str] = []
        start = perf_counter()
        body = self._application(environ, lambda status, *_: answers.append(status))
        first = next(iter(body), b"")
        took = perf_counter() - start
        if answers != ["200 OK"] or not first:
            raise Unfit(f"{path}: {answers}")
        return took * 1000

    def close(self) -> None:
        self._application.close()
        self._runtime.close()


def _administrator(services: Services) -> str:
    user = User(name="Root", email="root@bench.example", role=Role.ADMIN)
    services.session.add(user)
    services.session.flush()
    return services.sessions.begin(user, address="127.0.0.1", agent="bench")
