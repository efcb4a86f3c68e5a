"""Which consensus rule a project has, since when, and who chose it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consensus_rules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("reader_id", sa.Integer(), nullable=True),
        sa.Column("set_by", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_consensus_rules_project_id_projects"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["reader_id"], ["readers.id"], name=op.f("fk_consensus_rules_reader_id_readers")),
        sa.ForeignKeyConstraint(["set_by"], ["readers.id"], name=op.f("fk_consensus_rules_set_by_readers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consensus_rules")),
    )
    op.create_index(op.f("ix_consensus_rules_project_id"), "consensus_rules", ["project_id"], unique=False)
