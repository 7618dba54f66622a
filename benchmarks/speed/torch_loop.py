"""A plain PyTorch loop: the same network, the same batches from the product's pipeline through a `DataLoader`."""

from collections.abc import Iterator

import torch
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from benchmarks.speed.rows import find_row, open_row
from benchmarks.speed.torch_unet import UNet, count_values
from benchmarks.speed.turns import Job, Turns
from trainer.pipeline.batches import Batch, Batches

WARM_STEPS = 2


class Steps(Dataset[Batch]):  # type: ignore[misc]  # PyTorch is not installed where types are checked
    """The batches of a training by their number."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def __len__(self) -> int:
        return self._batches.steps

    def __getitem__(self, step: int) -> Batch:
        return self._batches.batch(step)


def train_torch(job: Job, turn: Turns) -> None:
    """Forward, loss, backward, clipping, AdamW; the tensors lie as oneDNN likes them, channels last."""
    torch.set_num_threads(job.threads)
    torch.manual_seed(0)
    config, dataset = open_row(find_row(job.row), job.folder, job.steps, job.rounds + 1)
    batches = Batches(config, dataset)
    left_out = int(config.masked_class is not None)  # class 0, if any, in the data of all rows
    maps = dataset.classes - left_out
    model = UNet(config.model, dataset.shape[2], maps)
    model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        model.parameters(), config.optimizer.learning_rate, weight_decay=config.optimizer.weight_decay
    )

    def train(steps: int) -> None:
        for _ in range(steps):
            images, masks = next(feed)
            labels = masks.long() - left_out  # the class without a map becomes -1, which is ignored
            labels = torch.where(labels < maps, labels, -1)
            logits = model(images.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last))
            loss = functional.cross_entropy(logits, labels, ignore_index=-1)
            optimizer.zero_grad()
            loss.backward()
            if config.optimizer.clip_norm:
                torch.nn.utils.clip_grad_norm_(model.parameters(), config.optimizer.clip_norm)
            optimizer.step()
        loss.item()

    feed: Iterator[list[torch.Tensor]] = iter(DataLoader(Steps(batches), batch_size=None, num_workers=job.threads))
    train(WARM_STEPS)
    turn.ready(parameters=count_values(model))
    for _ in range(job.rounds):
        train(job.steps - 1)
        turn.done((job.steps - 1) * batches.size)
