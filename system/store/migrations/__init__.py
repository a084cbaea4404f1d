"""The schema's history: one numbered SQL file per step, applied by alembic."""
