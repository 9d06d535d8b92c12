"""What every source provider with webhooks must do, as tests to inherit."""

from collections.abc import Sequence
from typing import Any

import pytest

from packistry.plugin import Change, InvalidWebhook, Project, SourceProvider, WebhookRequest

WEBHOOK_URL = "https://packages.example.org/incoming/host/1/a1b2c3"
"""The address the contract has webhooks sent to; a `FakeHost` must answer for it."""


class WebhookContract:
    """Inherit it beside `SourceProviderContract` and give two fixtures more.

    `delivery`: a genuine delivery, signed with the fixture `webhook_secret`. `expected_changes`:
    what it means. The host behind `provider` must let a webhook be made for `project` with
    `WEBHOOK_URL`, be deleted, and then answer that it is gone.
    """

    @pytest.fixture
    def webhook_secret(self) -> str:
        """What the delivery is signed with; override it for a recorded delivery."""
        return "It's a Secret to Everybody"

    @pytest.fixture
    def delivery(self, webhook_secret: str) -> WebhookRequest:
        """A delivery that is signed with `webhook_secret`."""
        pytest.fail("give the fixture `delivery`")

    @pytest.fixture
    def expected_changes(self) -> Sequence[Change]:
        """What the delivery means."""
        pytest.fail("give the fixture `expected_changes`")

    def test_it_says_that_it_has_webhooks(self, provider: SourceProvider[Any]) -> None:
        assert provider.supports_webhooks

    def test_a_webhook_is_made_and_deleted_twice(
        self, provider: SourceProvider[Any], project: Project, webhook_secret: str
    ) -> None:
        made = provider.create_webhook(project, WEBHOOK_URL, webhook_secret)
        assert isinstance(made, str)
        provider.delete_webhook(project, made)
        provider.delete_webhook(project, made)

    def test_a_delivery_is_understood(
        self,
        provider: SourceProvider[Any],
        delivery: WebhookRequest,
        webhook_secret: str,
        expected_changes: Sequence[Change],
    ) -> None:
        assert list(provider.receive_webhook(delivery, webhook_secret)) == list(expected_changes)

    def test_header_names_may_be_written_in_any_case(
        self,
        provider: SourceProvider[Any],
        delivery: WebhookRequest,
        webhook_secret: str,
        expected_changes: Sequence[Change],
    ) -> None:
        headers = {name.lower(): value for name, value in delivery.headers.items()}
        lowered = WebhookRequest(headers=headers, body=delivery.body)
        assert list(provider.receive_webhook(lowered, webhook_secret)) == list(expected_changes)

    @pytest.mark.parametrize("secret", ["", "another project's", "ünïcödé", "\ud800"], ids=ascii)
    def test_a_delivery_for_another_secret_is_refused(
        self, provider: SourceProvider[Any], delivery: WebhookRequest, secret: str
    ) -> None:
        with pytest.raises(InvalidWebhook):
            provider.receive_webhook(delivery, secret)

    def test_a_delivery_without_headers_is_refused(
        self, provider: SourceProvider[Any], delivery: WebhookRequest, webhook_secret: str
    ) -> None:
        with pytest.raises(InvalidWebhook):
            provider.receive_webhook(WebhookRequest(headers={}, body=delivery.body), webhook_secret)

    @pytest.mark.parametrize("value", ["", "x", "é", "\ud800", "0" * 64], ids=ascii)
    def test_a_wrong_signature_is_refused(
        self,
        provider: SourceProvider[Any],
        delivery: WebhookRequest,
        webhook_secret: str,
        value: str,
    ) -> None:
        forged = WebhookRequest(headers=dict.fromkeys(delivery.headers, value), body=delivery.body)
        with pytest.raises(InvalidWebhook):
            provider.receive_webhook(forged, webhook_secret)

    def test_a_signed_header_under_an_empty_secret_is_refused(
        self, provider: SourceProvider[Any], delivery: WebhookRequest
    ) -> None:
        empty = WebhookRequest(headers=dict.fromkeys(delivery.headers, ""), body=delivery.body)
        with pytest.raises(InvalidWebhook):
            provider.receive_webhook(empty, "")

    @pytest.mark.parametrize(
        "body",
        [b"", b"not JSON", b"\xff", b"[" * 100_000],
        ids=("empty", "text", "not UTF-8", "deep"),
    )
    def test_a_body_that_cannot_be_read_is_refused(
        self,
        provider: SourceProvider[Any],
        delivery: WebhookRequest,
        webhook_secret: str,
        body: bytes,
    ) -> None:
        broken = WebhookRequest(headers=delivery.headers, body=body)
        with pytest.raises(InvalidWebhook):
            provider.receive_webhook(broken, webhook_secret)

    def test_a_delivery_keeps_its_id(
        self, provider: SourceProvider[Any], delivery: WebhookRequest
    ) -> None:
        again = WebhookRequest(headers=dict(delivery.headers), body=delivery.body)
        assert provider.delivery_id(again) == provider.delivery_id(delivery)
