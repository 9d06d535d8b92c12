from alembic.script import ScriptDirectory

from packistry import schema
from packistry.runtime import Runtime


def test_the_newest_file_is_the_revision_that_alembic_ends_at() -> None:
    scripts = ScriptDirectory.from_config(schema.configuration())
    assert schema.head() == scripts.get_current_head()


def test_a_prepared_installation_is_at_that_revision(runtime: Runtime) -> None:
    assert schema.revision(runtime.engine) == schema.head()
