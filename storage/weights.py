"""Weights of a study's trials, beside their checkpoints: weights/STUDY/NUMBER.keras."""

from storage.artifacts import FOLDERS, Artifacts, folder_name


def weights_key(study: str, number: int) -> str:
    """The key of a trial's weights."""
    return f"weights/{folder_name(study)}/{number}.keras"


def list_weights(artifacts: Artifacts, study: str) -> dict[int, str]:
    """The keys of the weights that are there, by their trial's number."""
    found = {key: key.rpartition("/")[2] for key in artifacts.sizes(f"weights/{folder_name(study)}")}
    return {int(name.removesuffix(".keras")): key for key, name in found.items() if FOLDERS["weights"].fullmatch(name)}
