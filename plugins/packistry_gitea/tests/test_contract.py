import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from packistry.plugin import (
    Change,
    GitPolicy,
    Project,
    RefKind,
    RefPushed,
    WebhookRequest,
    load_config,
)
from packistry.testing import SourceProviderContract, WebhookContract
from packistry_gitea.config import GiteaConfig
from packistry_gitea.provider import Gitea
from plugins.packistry_gitea.tests.host import DATA, TOKEN, GiteaHost, described
from tests.hosts.serving import serve
from tests.repositories import GitRepository


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GiteaHost]:
    """A Gitea below a path, with real git."""
    lib = GitRepository(tmp_path_factory.mktemp("gitea") / "lib")
    lib.commit({"name": "acme/lib"}, files={"README.md": "# Lib\n", "src/Lib.php": "<?php\n"})
    lib.tag("v1.0.0", annotated=True)
    lib.commit({"name": "acme/lib"}, files={"src/Lib.php": "<?php // 2\n"})
    lib.branch("1.x", at="HEAD~")
    host = GiteaHost()
    with serve(host, {"acme/lib": lib.path / ".git"}, sub_path="/code") as url:
        host.web, host.root_url, host.url = url, url, f"{url}/api/v1"
        host.openapi = described(host.url)
        host.add("acme/lib", 7)
        host.add("acme/tool", 8)
        yield host


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace for all of these tests: each fetches, and few clone."""
    return tmp_path_factory.mktemp("workspace")


class TestGitea(SourceProviderContract, WebhookContract):
    @pytest.fixture
    def provider(self, host: GiteaHost) -> Gitea:
        config = load_config(GiteaConfig, {"url": host.web, "token": TOKEN})
        gitea = Gitea(config, host.client())
        gitea.git_policy = GitPolicy(allow_http=True, netguard=None)
        return gitea

    @pytest.fixture
    def workspace(self, kept: Path) -> Path:
        return kept

    @pytest.fixture
    def project(self, provider: Gitea) -> Project:
        return provider.project("acme/lib")

    @pytest.fixture
    def expected_refs(self) -> Mapping[str, set[str]]:
        return {"branch": {"main", "1.x"}, "tag": {"v1.0.0"}}

    @pytest.fixture
    def missing_id(self) -> str:
        return "31415926"

    @pytest.fixture
    def delivery(self, webhook_secret: str) -> WebhookRequest:
        body = (DATA / "webhooks" / "tag_create.json").read_bytes()
        digest = hmac.new(webhook_secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "X-Gitea-Event": "create",
            "X-Gitea-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
            "X-Gitea-Signature": digest,
        }
        return WebhookRequest(headers=headers, body=body)

    @pytest.fixture
    def expected_changes(self) -> Sequence[Change]:
        return [RefPushed(project_id="61", kind=RefKind.TAG, name="v1.0.0")]
