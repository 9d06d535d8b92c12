"""What a plugin's own tests may import. `docs/plugins.md` describes every name here."""

import pytest

# Before the contracts are imported, so that their assertions show what was compared.
for _module in ("auth", "source", "storage", "webhooks"):
    pytest.register_assert_rewrite(f"{__name__}.{_module}")

from packistry.testing.auth import CALLBACK_URL, AuthBackendContract, sign_in  # noqa: E402 - see above
from packistry.testing.host import FakeHost, HostRequest, UnexpectedRequest  # noqa: E402 - see above
from packistry.testing.source import SourceProviderContract  # noqa: E402 - see above
from packistry.testing.storage import StorageContract  # noqa: E402 - see above
from packistry.testing.webhooks import WEBHOOK_URL, WebhookContract  # noqa: E402 - see above

__all__ = [
    "CALLBACK_URL",
    "WEBHOOK_URL",
    "AuthBackendContract",
    "FakeHost",
    "HostRequest",
    "SourceProviderContract",
    "StorageContract",
    "UnexpectedRequest",
    "WebhookContract",
    "sign_in",
]
