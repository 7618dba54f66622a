"""Pictures of a finished training: curves, confusion matrix and gallery."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from trainer.data.dataset import Dataset
from trainer.figures.display import thin_out, to_picture
from trainer.figures.palette import class_colours, paint
from trainer.metric import count_tail, metric_label
from trainer.model.predict import predict_images
from trainer.training.fit import Fitted
from trainer.training.metrics import score

GALLERY = 8  # validation images in the gallery
TITLE, LEGEND = 0.35, 0.5  # inches above and below them


def write_figures(fitted: Fitted, dataset: Dataset, folder: Path) -> list[Path]:
    """Writes `curves.png`, `confusion.png` and `gallery.png` to a folder; returns their paths.

    Without validation images there are the curves alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {"curves.png": draw_curves(fitted, dataset)}
    if len(dataset.validation):
        pictures |= {"confusion.png": draw_confusion(fitted, dataset), "gallery.png": draw_gallery(fitted, dataset)}
    for name, figure in pictures.items():
        figure.savefig(folder / name, dpi=100)
    return [folder / name for name in pictures]


def draw_curves(fitted: Fitted, dataset: Dataset) -> Figure:
    """Training loss, and the metric with the IoU of each class on validation data where there are any, by epoch."""
    validates = len(dataset.validation) > 0
    figure = Figure((10 if validates else 5, 4), layout="constrained")
    axes = figure.subplots(1, 2 if validates else 1, squeeze=False)[0]
    epochs = [epoch.epoch for epoch in fitted.history]
    axes[0].plot(epochs, [epoch.loss for epoch in fitted.history], color="black", marker=".")
    axes[0].set(xlabel="epoch", ylabel="training loss", title=f"loss: {fitted.config.loss.name}")
    if validates:
        _draw_scores(axes[1], fitted, dataset)
        figure.legend(loc="outside lower right", ncols=6, fontsize="small", frameon=False)
    return figure


def _draw_scores(axes: Axes, fitted: Fitted, dataset: Dataset) -> None:
    epochs = [epoch.epoch for epoch in fitted.history]
    for label, colour in enumerate(class_colours(dataset.classes, dataset.ignore) / 255):
        values = [np.nan if (iou := epoch.iou[label]) is None else iou for epoch in fitted.history]
        if not np.isnan(values).all():
            axes.plot(epochs, values, color=colour, linewidth=1, marker=".", label=dataset.names[label])
    metric = metric_label(fitted.config.metric)
    axes.plot(epochs, [epoch.value for epoch in fitted.history], color="black", linewidth=2, marker=".", label=metric)
    _mark_judged(axes, fitted)
    axes.set(xlabel="epoch", ylabel="validation IoU", ylim=(0, 1))
    axes.set_title(f"{metric} {fitted.final.value:.4f}")


def _mark_judged(axes: Axes, fitted: Fitted) -> None:
    """Marks the epochs of which the value is: the last tenth, or the best one."""
    if fitted.config.budget.keep == "best":
        axes.axvline(fitted.final.epoch, color="grey", linestyle=":", linewidth=1)
    else:
        last = len(fitted.history)
        axes.axvspan(last - count_tail(last) + 0.5, last + 0.5, color="grey", alpha=0.15, linewidth=0)


def draw_confusion(fitted: Fitted, dataset: Dataset) -> Figure:
    """Shares of each true class by predicted class with the kept weights, without a row for the ignored class."""
    rows = [label for label in range(dataset.classes) if label != dataset.ignore]
    counts = fitted.confusion[rows]
    columns = [label for label in range(dataset.classes) if label in rows or counts[:, label].any()]
    counts = counts[:, columns]
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    iou = score(fitted.confusion, dataset.ignore).iou
    figure = Figure((2.5 + 0.9 * len(columns), 1.5 + 0.8 * len(rows)), layout="constrained")
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(columns)), [dataset.names[label] for label in columns])
    titles = [dataset.names[label] + ("" if (v := iou[label]) is None else f"\nIoU {v:.3f}") for label in rows]
    axes.set_yticks(range(len(rows)), titles)
    value = f"{metric_label(fitted.config.metric)} {fitted.final.value:.4f}"
    axes.set(xlabel="predicted", ylabel="true", title=f"validation pixels, {value}")
    for row, column in np.ndindex(share.shape):
        text = f"{share[row, column]:.1%}\n{counts[row, column]:,}"
        colour = "white" if share[row, column] > 0.5 else "black"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    return figure


def draw_gallery(fitted: Fitted, dataset: Dataset) -> Figure:
    """Image, mask and prediction of the validation images that `choose_images` returns."""
    chosen = choose_images(dataset)
    heights = [3 * float(np.divide(*dataset.masks[index].shape)) for index in chosen]  # inches, of columns of 3
    whole = TITLE + sum(heights) + LEGEND
    figure = Figure((9, whole))
    images = (dataset.images[index] for index in chosen)
    predicted = predict_images(fitted.model, images, fitted.config.data.overlap, compiled=False)
    top = LEGEND + sum(heights)
    for index, height, prediction in zip(chosen, heights, predicted, strict=True):
        masks = (paint(thin_out(mask), dataset.classes, dataset.ignore) for mask in (dataset.masks[index], prediction))
        for column, picture in enumerate((to_picture(dataset.images[index]), *masks)):
            # Placed by hand: a layout that Matplotlib finds takes longer than all the rest of a trial's pictures.
            bottom, inner = (top - 0.98 * height) / whole, 0.96 * height / whole
            panel = figure.add_axes(((column + 0.02) / 3, bottom, 0.96 / 3, inner))
            panel.imshow(picture)
            panel.set_axis_off()
        top -= height
    for panel, title in zip(figure.axes, ("image", "label", "prediction"), strict=False):
        panel.set_title(title)
    colours = class_colours(dataset.classes, dataset.ignore) / 255
    handles = [Patch(color=colour, label=name) for colour, name in zip(colours, dataset.names, strict=True)]
    figure.legend(handles=handles, loc="lower center", ncols=min(len(handles), 6), fontsize="small")
    return figure


def choose_images(dataset: Dataset) -> list[int]:
    """Up to GALLERY validation images: the one with most pixels of each scored class, then evenly spaced ones."""
    chosen: list[int] = []
    for label in range(dataset.classes):
        pixels = dataset.counts[dataset.validation, label]
        if label != dataset.ignore and pixels.any() and len(chosen) < GALLERY // 2:
            chosen.append(int(dataset.validation[pixels.argmax()]))
    spaced = dataset.validation[np.linspace(0, len(dataset.validation) - 1, GALLERY).astype(int)]
    return list(dict.fromkeys([*chosen, *map(int, spaced)]))[:GALLERY]
