import base64
import stat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.errors import ConfigurationError, Conflict
from packistry.inputs import NewSource, read
from packistry.services.rotation import Rotation, drop_old_keys, put_new_key_first
from packistry.services.secrets import KEY_FILE, SecretBox, load_keys, new_key
from packistry.services.sources import Sources

KEY, OTHER = b"k" * 32, b"o" * 32
VALUES = {"token": "canary"}


def source(services: Any, name: Any = "git", **config: Any) -> Any:
    return services.sources.add(
        read(NewSource, name=name, provider="git", config={"password": "canary", **config})
    )


@given(st.dictionaries(st.text(), st.text()), st.text())
def test_what_was_sealed_opens_at_its_place(values, place):
    box = SecretBox([KEY])
    assert box.open(box.seal(values, place), place) == values


def test_a_ciphertext_copied_to_another_row_or_field_does_not_decrypt():
    box = SecretBox([KEY])
    with pytest.raises(ConfigurationError, match="altered or moved"):
        box.open(box.seal(VALUES, "sources/1/config"), "sources/2/config")


def test_an_altered_ciphertext_does_not_decrypt():
    box = SecretBox([KEY])
    name, _, body = box.seal(VALUES, "x").partition(":")
    raw = bytearray(base64.b64decode(body))
    raw[-1] ^= 1
    with pytest.raises(ConfigurationError):
        box.open(f"{name}:{base64.b64encode(raw).decode()}", "x")


def test_two_ciphertexts_of_one_secret_differ():
    box = SecretBox([KEY])
    assert box.seal(VALUES, "x") != box.seal(VALUES, "x")


def test_any_key_of_the_ring_decrypts_and_the_first_encrypts():
    old = SecretBox([KEY]).seal(VALUES, "x")
    ring = SecretBox([OTHER, KEY])
    assert ring.open(old, "x") == VALUES
    assert not ring.is_current(old)
    assert ring.is_current(ring.seal(VALUES, "x"))


def test_a_missing_key_is_named_and_the_remedy_said():
    with pytest.raises(ConfigurationError, match="Put the old key back"):
        SecretBox([OTHER]).open(SecretBox([KEY]).seal(VALUES, "x"), "x")


def test_the_key_file_is_made_private(tmp_path):
    keys = load_keys("", tmp_path)
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert load_keys("", tmp_path) == keys


@pytest.mark.parametrize("setting", ["x", "AAAA", "a" * 43, f"{'A' * 43}=,x"])
def test_a_key_that_is_none_is_refused_without_being_shown(tmp_path, setting):
    with pytest.raises(ConfigurationError) as caught:
        load_keys(setting, tmp_path)
    assert setting not in str(caught.value).replace("exactly", "").split()


def test_keys_from_the_setting_leave_no_file(tmp_path):
    load_keys(f"{new_key()},{new_key()}", tmp_path)
    assert not (tmp_path / KEY_FILE).exists()


@pytest.fixture
def ring(runtime, services):
    """The keys of the installation, read anew as a process of its own would."""

    def box() -> Any:
        return SecretBox(load_keys("", runtime.settings.root))

    assert runtime.secrets
    return box


def rotation(services: Any, box: Any) -> Any:
    return Rotation(services.session, box)


def test_rotation_encrypts_everything_with_the_new_key(runtime, services, ring):
    sources = [source(services, name) for name in ("a", "b")]
    put_new_key_first(runtime.settings.root)
    assert rotation(services, ring()).reseal() == 2
    drop_old_keys(runtime.settings.root, rotation(services, ring()).keys_in_use())
    after = Sources(services.session, runtime.plugins, ring(), services.webhooks)
    assert [after.secrets(each) for each in sources] == [{"password": "canary"}] * 2


def test_rotation_again_changes_nothing(runtime, services, ring):
    source(services)
    put_new_key_first(runtime.settings.root)
    rotation(services, ring()).reseal()
    assert rotation(services, ring()).reseal() == 0


def test_a_key_in_use_is_not_dropped(runtime, services, ring):
    source(services)
    put_new_key_first(runtime.settings.root)
    with pytest.raises(Conflict, match="secrets rotate"):
        drop_old_keys(runtime.settings.root, rotation(services, ring()).keys_in_use())
    assert len(load_keys("", runtime.settings.root)) == 2


def test_rotation_in_mid_use_loses_no_secret(runtime, services, ring):
    def keys() -> Any:
        return load_keys("", runtime.settings.root)

    box = SecretBox(keys(), reload=keys)
    running = Sources(services.session, runtime.plugins, box, services.webhooks)
    first = running.add(read(NewSource, name="first", provider="git", config={"password": "one"}))
    put_new_key_first(runtime.settings.root)
    rotation(services, ring()).reseal()
    # A process that was there before reads what the new key sealed …
    assert running.secrets(first) == {"password": "one"}
    # … and seals with the new key itself.
    second = running.add(read(NewSource, name="second", provider="git", config={"password": "two"}))
    drop_old_keys(runtime.settings.root, rotation(services, ring()).keys_in_use())
    assert running.secrets(second) == {"password": "two"}


def test_a_rotation_that_cannot_decrypt_changes_nothing(runtime, services, ring):
    good, bad = source(services, "a"), source(services, "b")
    before = good.secrets
    bad.secrets = good.secrets
    services.session.flush()
    put_new_key_first(runtime.settings.root)
    with pytest.raises(ConfigurationError):
        rotation(services, ring()).reseal()
    assert good.secrets == before


def test_a_rotated_key_file_stays_private(runtime, services, ring):
    put_new_key_first(runtime.settings.root)
    mode = (runtime.settings.root / KEY_FILE).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
