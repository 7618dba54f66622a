"""Run by another interpreter: `python predict_logits.py IMAGES.npy MODEL.keras...`, with nothing of this project.

The logits of MODEL.keras are written to MODEL.npy.
"""

import sys

import keras
import numpy as np

images = np.load(sys.argv[1])
for path in sys.argv[2:]:
    model = keras.models.load_model(path, compile=False, safe_mode=True)
    np.save(path.removesuffix(".keras") + ".npy", np.asarray(model(images)))
