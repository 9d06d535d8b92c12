"""Webhooks and what they deliver"""

import sqlalchemy as sa
from alembic import op
import packistry.models.base

revision = '0003'
down_revision = '0002'


def upgrade() -> None:
    op.create_table('webhooks',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('uid', sa.String(length=32), nullable=False),
    sa.Column('project_id', sa.Integer(), nullable=True),
    sa.Column('source_id', sa.Integer(), nullable=True),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('secret', sa.Text(), nullable=False),
    sa.Column('host_id', sa.String(length=500), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('state', sa.Enum('none', 'active', 'broken', name='webhookstate', native_enum=False, length=20), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('due_at', packistry.models.base.UTCDateTime(), nullable=True),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('renew', sa.Boolean(), nullable=False),
    sa.Column('checked_at', packistry.models.base.UTCDateTime(), nullable=True),
    sa.Column('farewell', sa.Text(), nullable=False),
    sa.Column('created_at', packistry.models.base.UTCDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['project_id'], ['projects.id'], name=op.f('fk_webhooks_project_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['source_id'], ['sources.id'], name=op.f('fk_webhooks_source_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhooks')),
    sa.UniqueConstraint('key', name=op.f('uq_webhooks_key')),
    sa.UniqueConstraint('project_id', name=op.f('uq_webhooks_project_id')),
    sa.UniqueConstraint('uid', name=op.f('uq_webhooks_uid')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('webhooks', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_webhooks_due_at'), ['due_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_webhooks_source_id'), ['source_id'], unique=False)

    op.create_table('deliveries',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('source_id', sa.Integer(), nullable=False),
    sa.Column('project_id', sa.Integer(), nullable=True),
    sa.Column('door', sa.Integer(), nullable=False),
    sa.Column('delivery', sa.String(length=64), nullable=True),
    sa.Column('event', sa.String(length=100), nullable=False),
    sa.Column('label', sa.String(length=100), nullable=False),
    sa.Column('changes', packistry.models.base.JSONText(), nullable=False),
    sa.Column('verdict', sa.Enum('accepted', 'ignored', 'refused', 'unreadable', 'unknown', 'failed', name='deliveryverdict', native_enum=False, length=20), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('sync_id', sa.Integer(), nullable=True),
    sa.Column('received_at', packistry.models.base.UTCDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['project_id'], ['projects.id'], name=op.f('fk_deliveries_project_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['source_id'], ['sources.id'], name=op.f('fk_deliveries_source_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['sync_id'], ['syncs.id'], name=op.f('fk_deliveries_sync_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deliveries')),
    sa.UniqueConstraint('source_id', 'door', 'delivery', name=op.f('uq_deliveries_source_id_door_delivery')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.create_index('ix_deliveries_project', ['project_id', 'id'], unique=False)
        batch_op.create_index(batch_op.f('ix_deliveries_received_at'), ['received_at'], unique=False)

    with op.batch_alter_table('projects', schema=None) as batch_op:
        batch_op.add_column(sa.Column('missing_since', packistry.models.base.UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column('missed_looks', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('lost_at', packistry.models.base.UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column('told_gone', sa.Boolean(), nullable=False, server_default=sa.false()))

    with op.batch_alter_table('sources', schema=None) as batch_op:
        batch_op.add_column(sa.Column('webhook_secret', sa.Text(), nullable=True))

    # Not every database knows a default for a text.
    op.execute("UPDATE sources SET webhook_secret = ''")
    with op.batch_alter_table('sources', schema=None) as batch_op:
        batch_op.alter_column('webhook_secret', existing_type=sa.Text(), nullable=False)



def downgrade() -> None:
    with op.batch_alter_table('sources', schema=None) as batch_op:
        batch_op.drop_column('webhook_secret')

    with op.batch_alter_table('projects', schema=None) as batch_op:
        batch_op.drop_column('told_gone')
        batch_op.drop_column('lost_at')
        batch_op.drop_column('missed_looks')
        batch_op.drop_column('missing_since')

    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_deliveries_received_at'))
        batch_op.drop_index('ix_deliveries_project')

    op.drop_table('deliveries')
    with op.batch_alter_table('webhooks', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_webhooks_source_id'))
        batch_op.drop_index(batch_op.f('ix_webhooks_due_at'))

    op.drop_table('webhooks')
