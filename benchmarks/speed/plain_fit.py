"""A fresh process that trains the same network by plain Keras: arrays, `fit`, `MeanIoU`, checkpoints, `model.save`.

python -m benchmarks.speed.plain_fit DATA FOLDER STEPS EPOCHS
"""

import sys
from pathlib import Path
from typing import Any

from benchmarks.speed.marks import mark


def main(data: Path, folder: Path, steps: int, epochs: int) -> None:
    """Trains so many epochs of so many steps, and validates after each."""
    import keras
    import numpy as np

    from trainer.config import TrainConfig
    from trainer.model.unet import build_networks

    mark("import")
    with np.load(data) as file:
        images, masks = file["training_set"][:, 0, ..., None], file["training_set"][:, 1]
    size, classes, shown = TrainConfig().optimizer.batch_size, int(masks.max()) + 1, len(images) * 85 // 100
    mark("start, data")
    model, _ = build_networks(TrainConfig().model, images.shape[1:], classes)
    model.compile(
        keras.optimizers.AdamW(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0),
        metrics=[keras.metrics.MeanIoU(classes, ignore_class=0, sparse_y_pred=False)],
    )

    class Marks(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
        """Notes when each part ends."""

        def __init__(self) -> None:
            super().__init__()
            self.epochs = 0

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if batch == 0:
                mark("checkpoint" if self.epochs else "build, first batch")

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 0 and not self.epochs:
                mark("first step")

        def on_test_begin(self, logs: Any = None) -> None:
            mark("steps")

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            mark("validation" if self.epochs else "first validation")
            self.epochs += 1

    model.fit(
        images[:shown],
        masks[:shown],
        batch_size=size,
        steps_per_epoch=steps,
        epochs=epochs,
        validation_data=(images[shown:], masks[shown:]),
        validation_batch_size=size,
        callbacks=[Marks(), keras.callbacks.ModelCheckpoint(folder / "last.weights.h5", save_weights_only=True)],
        verbose=0,
    )
    mark("checkpoint")
    model.save(folder / "model.keras")
    mark("model's file")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
