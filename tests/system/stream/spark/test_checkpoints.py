"""A checkpoint belongs to one life of the driver."""

from __future__ import annotations

from system.stream.spark.checkpoints import own_checkpoint


def test_a_life_begins_with_an_empty_folder_and_without_those_of_earlier_lives(tmp_path):
    parent = tmp_path / "checkpoints"
    (parent / "fence-3").mkdir(parents=True)
    (parent / "fence-3" / "offsets").write_text("old")
    with own_checkpoint(parent, 4) as folder:
        assert list(parent.iterdir()) == [folder]
        assert list(folder.iterdir()) == []
        (folder / "offsets").write_text("new")
    assert not folder.exists()


def test_a_life_that_restarts_with_its_fence_reads_nothing_of_before(tmp_path):
    (tmp_path / "fence-4").mkdir()
    (tmp_path / "fence-4" / "offsets").write_text("old")
    with own_checkpoint(tmp_path, 4) as folder:
        assert list(folder.iterdir()) == []
