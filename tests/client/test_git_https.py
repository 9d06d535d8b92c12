"""A plain git source over TLS: what is wrong with a host's certificate is told with the remedy."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from packistry.builtin.source import Git, GitConfig
from packistry.netguard import NetGuard
from packistry.plugin import GitPolicy, Unavailable, load_config
from packistry.testing import FakeHost
from tests.client.certificates import DAY, Authority, self_signed
from tests.client.git_server import GitServer
from tests.unit.git.upstream import Upstream

HOST = "git.example"
NAMES = NetGuard([HOST], lookup=lambda _host, _port: ["127.0.0.1"])

Serve = Callable[[Path | None], GitServer]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """One that the machine does not know."""
    return Authority.make(tmp_path)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a server with lib.git and this certificate; None: without TLS."""
    root = tmp_path / "repositories"
    root.mkdir()
    Upstream(root / "lib.git").commit({"composer.json": "{}"})
    with ExitStack() as running:
        yield lambda certificate: running.enter_context(GitServer(root, certificate=certificate))


@pytest.fixture
def branches(tmp_path: Path) -> Callable[..., list[str]]:
    """The branches of lib.git at a server, as a plain git source reads them."""

    def read(server: GitServer, *, trusted: Path | None = None) -> list[str]:
        source = Git(load_config(GitConfig, {}), FakeHost().client())
        source.git_policy = GitPolicy(netguard=NAMES, ca_file=trusted, timeout=30)
        project = source.project(f"https://{HOST}:{server.port}/lib.git")
        workspace = tmp_path / "workspace"
        workspace.mkdir()
        with source.open(project, workspace) as opened:
            return [ref.name for ref in opened.refs()]

    return read


def test_a_certificate_of_an_authority_that_is_trusted_is_good(
    serve, branches, authority, tmp_path
):
    server = serve(authority.certificate(tmp_path, HOST))
    assert branches(server, trusted=authority.path) == ["main"]


def test_one_of_an_unknown_authority_says_to_install_its_ca(serve, branches, authority, tmp_path):
    server = serve(authority.certificate(tmp_path, HOST))
    with pytest.raises(Unavailable, match=rf"^{HOST} has no certificate we trust .*issuer") as told:
        branches(server)
    assert "Install its CA on this machine." in str(told.value)


def test_one_that_is_self_signed_says_to_install_it(serve, branches, tmp_path):
    server = serve(self_signed(tmp_path, HOST))
    with pytest.raises(Unavailable, match=rf"^{HOST} has no certificate we trust \(self") as told:
        branches(server)
    assert "Install that certificate on this machine." in str(told.value)


def test_one_that_has_expired_says_to_renew_it(serve, branches, authority, tmp_path):
    server = serve(authority.certificate(tmp_path, HOST, lasts=-DAY))
    with pytest.raises(Unavailable, match=rf"^{HOST} has a certificate that has expired. Renew it"):
        branches(server, trusted=authority.path)


def test_one_that_is_not_valid_yet_says_to_set_the_clocks(serve, branches, authority, tmp_path):
    server = serve(authority.certificate(tmp_path, HOST, begins=DAY, lasts=2 * DAY))
    with pytest.raises(
        Unavailable, match=rf"^{HOST} has a certificate that is not valid yet\. Set"
    ):
        branches(server, trusted=authority.path)


def test_one_for_another_name_says_to_enter_that(serve, branches, authority, tmp_path):
    server = serve(authority.certificate(tmp_path, "other.example"))
    with pytest.raises(Unavailable, match=rf"^{HOST} has a certificate .* another name\. Enter"):
        branches(server, trusted=authority.path)


def test_what_speaks_no_tls_says_to_look_at_the_port(serve, branches):
    with pytest.raises(Unavailable, match=rf"^{HOST} speaks no TLS .* Is it at http:// or another"):
        branches(serve(None))


def test_git_is_believed_where_we_find_nothing_wrong(
    serve, branches, authority, tmp_path, monkeypatch
):
    monkeypatch.setattr("packistry.git.transport.look_at", lambda *_: "")
    server = serve(authority.certificate(tmp_path, HOST))
    with pytest.raises(Unavailable, match=rf"^{HOST} has no certificate that git trusts\. Install"):
        branches(server)
