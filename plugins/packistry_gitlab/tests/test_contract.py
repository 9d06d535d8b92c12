from collections.abc import Iterator
from pathlib import Path

import pytest

from packistry.plugin import GitPolicy, Project, RefKind, RefPushed, WebhookRequest, load_config
from packistry.testing import SourceProviderContract, WebhookContract
from packistry_gitlab.config import GitLabConfig
from packistry_gitlab.source import GitLab
from plugins.packistry_gitlab.tests.host import TOKEN, GitLabHost
from plugins.packistry_gitlab.tests.test_webhooks import PROJECT, RECORDED, signed
from tests.hosts.serving import serve
from tests.repositories import GitRepository


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a GitLab below a sub-path that serves acme/php/lib by git."""
    repository = GitRepository(tmp_path_factory.mktemp("gitlab") / "lib")
    repository.commit({"name": "acme/lib"}, files={"README.md": "# Lib"})
    repository.tag("v1.0.0", annotated=True)
    repository.branch("feature/x")
    folder: Path = repository.path / ".git"
    with serve(GitLabHost(), {"acme/php/lib": folder}, sub_path="/code") as url:
        yield url


class TestGitLab(SourceProviderContract, WebhookContract):
    @pytest.fixture
    def provider(self, served: str) -> GitLab:
        host = GitLabHost(served)
        host.add("acme/php/lib", int(PROJECT))
        config = load_config(GitLabConfig, {"url": served, "token": TOKEN})
        provider = GitLab(config, host.client())
        provider.git_policy = GitPolicy(allow_http=True, netguard=None)
        return provider

    @pytest.fixture
    def project(self, provider: GitLab) -> Project:
        return provider.project(PROJECT)

    @pytest.fixture
    def expected_refs(self) -> dict[str, set[str]]:
        return {"branch": {"main", "feature/x"}, "tag": {"v1.0.0"}}

    @pytest.fixture
    def delivery(self, webhook_secret: str) -> WebhookRequest:
        return signed(RECORDED["tag_create"], secret=webhook_secret)

    @pytest.fixture
    def expected_changes(self) -> list[RefPushed]:
        return [RefPushed(project_id=PROJECT, kind=RefKind.TAG, name="v1.0.0")]
