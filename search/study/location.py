"""Where the data of a study lie on a host, as one text: a path, or the folders of images and of masks in two lines."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainer.config import DataConfig

PATHS = ("data.path", "data.images", "data.masks")  # of the configuration; they differ between hosts


def get_location(config: "DataConfig") -> str | None:
    """The location of the data; None where none is named."""
    if config.images is None or config.masks is None:
        return config.path
    return f"{config.images}\n{config.masks}"


def location_changes(location: str | None) -> dict[str, Any]:
    """The values of the configuration that a location stands for: the inverse of `get_location`."""
    first, is_pair, second = (location or "").partition("\n")
    if is_pair:
        return {"data.path": None, "data.images": first, "data.masks": second}
    return {"data.path": location, "data.images": None, "data.masks": None}
