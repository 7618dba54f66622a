"""Checkpoints: when they are written, and what is read back."""

from pathlib import Path

import numpy as np
import pytest

from trainer.training import checkpoint as module
from trainer.training.checkpoint import Checkpoint, CheckpointError, CheckpointWriter, load_checkpoint, save_checkpoint


def make_checkpoint(epochs: int = 2) -> Checkpoint:
    """With arrays of several dtypes, scalars, and more than ten of them, so that their order shows."""
    many = [np.full((2, 3), index, np.float32) for index in range(12)]
    return Checkpoint(
        history=[{"epoch": epoch + 1, "miou": 0.1 + 0.2, "iou": [None, 1 / 3]} for epoch in range(epochs)],
        confusions=np.arange(4).reshape(2, 2),
        kept=many,
        first=many[:3],
        variables=[*many, np.array([1, 2], np.uint32)],
        optimizer=[np.array(7), np.array(0.25, np.float32)],
    )


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    saved = make_checkpoint()
    save_checkpoint(tmp_path / "deep" / "c.npz", saved)
    loaded = load_checkpoint(tmp_path / "deep" / "c.npz")
    assert loaded.history == saved.history
    np.testing.assert_array_equal(loaded.confusions, saved.confusions)
    for group in ("kept", "first", "variables", "optimizer"):
        for one, other in zip(getattr(loaded, group), getattr(saved, group), strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["c.npz"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nonsense", None])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "c.npz").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"a checkpoint must be readable; got .*c\.npz.*remove it"):
        load_checkpoint(tmp_path / "c.npz")


def test_a_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c.npz", make_checkpoint())
    whole = (tmp_path / "c.npz").read_bytes()
    (tmp_path / "c.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "c.npz")


def test_pickled_objects_are_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "c.npz", history=np.array([{"epoch": 1}], object), confusions=np.zeros((2, 2)))
    with pytest.raises(CheckpointError, match="allow_pickle"):
        load_checkpoint(tmp_path / "c.npz")


def test_an_epoch_is_saved_unless_the_next_one_ends_within_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Epochs of 25 seconds: two of them unsaved would become 75 seconds of loss with the third."""
    clock = iter([0.0, 25.0, 50.0, 51.0, 75.0, 100.0, 101.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    path = tmp_path / "c.npz"
    writer = CheckpointWriter(path)
    saved = []
    for epochs in (1, 2, 3, 4):
        writer.add(lambda epochs=epochs: make_checkpoint(epochs), 25.0)  # type: ignore[misc]
        saved.append(len(load_checkpoint(path).history) if path.exists() else 0)
    assert saved == [0, 2, 2, 4]


def test_the_last_epoch_is_saved_on_request_and_once(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    writer = CheckpointWriter(path)
    writer.save()
    assert not path.exists()
    writer.add(make_checkpoint, 1.0)
    assert not path.exists()
    writer.save()
    assert len(load_checkpoint(path).history) == 2
    path.unlink()
    writer.save()
    assert not path.exists()


def test_without_a_path_no_snapshot_is_taken() -> None:
    def snapshot() -> Checkpoint:
        raise AssertionError

    writer = CheckpointWriter(None)
    writer.add(snapshot, 100.0)
    writer.save()
