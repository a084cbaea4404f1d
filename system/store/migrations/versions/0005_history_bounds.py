"""Bounds of rejected messages and of pinned snapshots, in bytes."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add sizes, hashes and the indexes that sum them."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
