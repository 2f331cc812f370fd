"""Large values of instances, kept once each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "instance_value",
        sa.Column("instance_id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("is_on_record", sa.Boolean(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("instance_id", "digest", name=op.f("pk_instance_value")),
    )


def downgrade() -> None:
    kept = op.get_bind().scalar(sa.text("SELECT count(*) FROM instance_value"))
    if kept:
        raise RuntimeError(
            f"{kept} large values are kept by reference, which the version before cannot read; "
            "restore a backup from before the upgrade instead."
        )
    op.drop_table("instance_value")
