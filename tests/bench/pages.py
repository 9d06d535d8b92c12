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
from packistry.web.application import Application
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
# A list shows 25 packages where there are so many, and 20 where there are no more.
FLAT = Target(must=1.3, aim=1.15)
PAGES = {
    "overview": "/",
    "repositories": "/admin/repositories",
    "repository": "/admin/repositories/1",
    "packages": "/admin/packages",
    "packages, last changed first": "/admin/packages?sort=-changed",
    "packages, most installed first": "/admin/packages?sort=-installs",
    "packages with a word of one": "/admin/packages?q=package-{last}",
    "packages with a word of all": "/admin/packages?q=sockets",
    "package": "/admin/packages/7",
    "versions": "/admin/packages/7/versions",
    "sources": "/admin/sources",
    "source": "/admin/sources/1",
    "imports": "/admin/imports",
    "import": "/admin/imports/7",
    "members": "/admin/members",
    "member": "/admin/members/2",
    "tokens": "/admin/tokens",
    "audit": "/admin/audit",
    "settings": "/admin/settings",
    "search for a word of one": "/admin/search?q=package-{last}",
    "search for a word of all": "/admin/search?q=sockets",
}
"""By name; `last` is the number of the last package."""
# For these a process counts something that it keeps until packages change.
COUNTED = ("overview", "repositories", "packages", "sources", "source")


def measure(effort: Effort) -> list[Figure]:
    with folder() as path, ExitStack() as stack:
        few = stack.enter_context(closing(Town(path / "few", FEW)))
        many = stack.enter_context(closing(Town(path / "many", MANY)))
        figures = [_figure(effort, few, many, name) for name in PAGES]
        return figures + [_figure(effort, few, many, name, first=True) for name in COUNTED]


def _figure(effort: Effort, few: "Town", many: "Town", name: str, *, first: bool = False) -> Figure:
    where = PAGES[name]
    views = {
        name: partial(town.first_view if first else town.view, where.format(last=town.packages))
        for name, town in (("few", few), ("many", many))
    }
    for view in views.values():
        # What a process keeps it has made by then.
        view()
    # So short that others on this machine disturb single ones: more rounds.
    measured = interleave(max(effort.rounds, VIEWS), views)
    what = f"{name}{', first since a change' if first else ''}: {MANY:,} packages / {FEW}"
    return measured.figure(what, ours="many", baseline="few", unit="ms", target=FLAT)


class Town:
    """An installation with so many packages, and an administrator who looks at its pages."""

    def __init__(self, path: Path, packages: int) -> None:
        self.packages = packages
        self._runtime = data.runtime(path, URL)
        town.build(self._runtime, packages)
        self._application = make_app(self._runtime)
        cookie = self._runtime.attempt(_administrator)
        self._environ = {"HTTP_COOKIE": f"{SESSION}={cookie}", "HTTP_ACCEPT": "text/html"}

    def view(self, path: str) -> float:
        """Milliseconds until the page's first byte. Raises Unfit when it is another page."""
        return self._view(self._application, path)

    def first_view(self, path: str) -> float:
        """The same in a process that keeps nothing yet."""
        with closing(make_app(self._runtime)) as application:
            return self._view(application, path)

    def _view(self, application: Application, path: str) -> float:
        where, _, query = path.partition("?")
        environ: dict[str, Any] = {**self._environ, "PATH_INFO": where, "QUERY_STRING": query}
        setup_testing_defaults(environ)
        answers: list[str] = []
        start = perf_counter()
        body = application(environ, lambda status, *_: answers.append(status))
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
