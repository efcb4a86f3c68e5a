"""Projects and models out of sight, who changed what of a project, the model of its reports, jobs put aside."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("projects", sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("projects", sa.Column("report_model_id", sa.Integer(), nullable=True))
    op.add_column("jobs", sa.Column("dismissed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("models", sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("models", sa.Column("note", sa.String(), server_default="", nullable=False))
    op.create_table(
        "project_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("reader_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["reader_id"], ["readers.id"], name=op.f("fk_project_changes_reader_id_readers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_changes")),
    )
    op.create_index(op.f("ix_project_changes_project_id"), "project_changes", ["project_id"], unique=False)
