"""Run by another interpreter: `python predict_masks.py MODEL IMAGES.npy MASKS.npy`, with nothing of this project."""

import sys

import keras
import numpy as np

model = keras.models.load_model(sys.argv[1], compile=False, safe_mode=True)
np.save(sys.argv[3], model.predict(np.load(sys.argv[2]), verbose=0).argmax(-1).astype(np.uint8))
