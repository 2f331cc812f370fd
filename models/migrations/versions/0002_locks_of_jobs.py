"""Several locks for a job, in a table of their own, instead of the one key of its row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

HELD = "state = 'leased' AND lock_key IS NOT NULL"


def upgrade() -> None:
    op.create_table(
        "job_lock",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("lock_key", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.Column("lease_token", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "lock_key", name=op.f("pk_job_lock")),
    )
    op.drop_index("uq_job_lock_key", table_name="job")
    op.drop_column("job", "lock_key")


def downgrade() -> None:
    op.add_column("job", sa.Column("lock_key", sa.String(), nullable=True))
    op.create_index(
        "uq_job_lock_key",
        "job",
        ["tenant_id", "lock_key"],
        unique=True,
        sqlite_where=sa.text(HELD),
        postgresql_where=sa.text(HELD),
    )
    op.drop_table("job_lock")
