"""What dists lack, and where the providers of sources came from"""

import sqlalchemy as sa
from alembic import op

import packistry.models.base

revision = "0014"
down_revision = "0013"

LIST = packistry.models.base.JSONText()


def upgrade() -> None:
    origin = sa.Column("distribution", sa.String(length=255), nullable=False, server_default="")
    op.add_column("sources", origin)
    # Not every database gives a long text a default.
    op.add_column("dists", sa.Column("notices", LIST, nullable=True))
    op.execute("UPDATE dists SET notices = '[]'")
    with op.batch_alter_table("dists") as table:
        table.alter_column("notices", existing_type=LIST, nullable=False)
