"""Weights of a study's trials, beside their checkpoints: weights/STUDY/NUMBER.keras."""

from pathlib import Path

from storage.artifacts import Artifacts, checkpoint_path


def weights_path(artifacts: Artifacts, study: str, number: int) -> Path:
    """Where a trial's weights are, or shall be; the folder need not exist."""
    name = checkpoint_path(artifacts, study, number).parent.name  # the study's, such that it leads nowhere else
    return artifacts.root / "weights" / name / f"{number}.keras"


def list_weights(artifacts: Artifacts, study: str) -> dict[int, Path]:
    """The weights that are there, by their trial's number."""
    folder = weights_path(artifacts, study, 0).parent
    return {int(path.stem): path for path in folder.glob("*.keras") if path.stem.isdecimal()}
