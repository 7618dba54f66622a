"""Albumentations, without its question for newer versions at every import. Other files import it from here.

OpenCV's own threads are off: batches are prepared side by side as it is, and the threads would wait for each other.
"""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
import albumentations as A
import cv2

cv2.setNumThreads(1)

__all__ = ["A"]
