"""Albumentations, without its question for newer versions at every import. Other files import it from here."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
import albumentations as A

__all__ = ["A"]
