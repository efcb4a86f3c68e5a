"""Synthetic patches: what each was made of, by which weights and settings, and what the gate said of it."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "augmentations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.Column("origin", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_augmentations_project_id_projects"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_augmentations_job_id_jobs"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_augmentations")),
    )
    op.create_index(op.f("ix_augmentations_project_id"), "augmentations", ["project_id"], unique=False)
    op.create_table(
        "synthetic_patches",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("augmentation_id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("grades", sa.JSON(), nullable=False),
        sa.Column("prompt", sa.String(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("judged", sa.Boolean(), nullable=False),
        sa.Column("refused", sa.String(), nullable=True),
        sa.Column("gate_values", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["augmentation_id"],
            ["augmentations.id"],
            name=op.f("fk_synthetic_patches_augmentation_id_augmentations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["patches.id"], name=op.f("fk_synthetic_patches_parent_id_patches"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_synthetic_patches")),
        sa.UniqueConstraint(
            "augmentation_id", "parent_id", "number", name=op.f("uq_synthetic_patches_augmentation_id")
        ),
    )
    op.create_index(op.f("ix_synthetic_patches_parent_id"), "synthetic_patches", ["parent_id"], unique=False)
    op.create_table(
        "synthetic_looks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("augmentation_id", sa.Integer(), nullable=False),
        sa.Column("reader_id", sa.Integer(), nullable=False),
        sa.Column("patch_id", sa.Integer(), nullable=True),
        sa.Column("synthetic_id", sa.Integer(), nullable=True),
        sa.Column("said_synthetic", sa.Boolean(), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["augmentation_id"],
            ["augmentations.id"],
            name=op.f("fk_synthetic_looks_augmentation_id_augmentations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["reader_id"], ["readers.id"], name=op.f("fk_synthetic_looks_reader_id_readers")),
        sa.ForeignKeyConstraint(
            ["patch_id"], ["patches.id"], name=op.f("fk_synthetic_looks_patch_id_patches"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["synthetic_id"],
            ["synthetic_patches.id"],
            name=op.f("fk_synthetic_looks_synthetic_id_synthetic_patches"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_synthetic_looks")),
        sa.UniqueConstraint(
            "augmentation_id", "reader_id", "patch_id", "synthetic_id", name=op.f("uq_synthetic_looks_augmentation_id")
        ),
    )
