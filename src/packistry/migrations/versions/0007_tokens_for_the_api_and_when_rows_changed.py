"""Tokens for the API, and when rows changed"""

import sqlalchemy as sa
from alembic import op
import packistry.models.base

revision = '0007'
down_revision = '0006'

DATED = ('repositories', 'users', 'sources', 'tokens', 'packages', 'authentication_sources')


def upgrade() -> None:
    with op.batch_alter_table('tokens', schema=None) as batch_op:
        batch_op.add_column(sa.Column('can_call_api', sa.Boolean(), server_default=sa.false(), nullable=False))

    for name in DATED:
        with op.batch_alter_table(name, schema=None) as batch_op:
            batch_op.add_column(sa.Column('updated_at', packistry.models.base.UTCDateTime(), nullable=True))
        table = sa.table(name, sa.column('updated_at'), sa.column('created_at'))
        op.execute(table.update().values(updated_at=table.c.created_at))
        with op.batch_alter_table(name, schema=None) as batch_op:
            batch_op.alter_column('updated_at', existing_type=packistry.models.base.UTCDateTime(), nullable=False)
