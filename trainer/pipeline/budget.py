"""How long a training lasts, and what is bound to fail. Imports no library of pictures."""

from trainer.config import TrainConfig

FEW_STEPS = 200  # below which networks hardly learn more than the most frequent class


def count_steps(config: TrainConfig, views: int) -> int:
    """The number of batches of a whole training; `views` are those that the data give."""
    budget = config.budget
    if budget.steps is not None:
        return max(budget.steps, budget.epochs)
    return budget.epochs * -(-(budget.images or views) // config.optimizer.batch_size)


def warn_of_failure(config: TrainConfig, images: int) -> list[str]:
    """Why a training on this number of images is bound to fail, a line each: the rule, the value, what to do."""
    steps, size = count_steps(config, images), config.optimizer.batch_size
    warnings = []
    if steps < FEW_STEPS:
        setting = "budget.epochs" if config.budget.steps is None else "budget.steps"
        warnings.append(f"a training needs {FEW_STEPS} steps or more to learn; got {steps}; raise {setting}")
    if size > images:
        warnings.append(
            f"a batch should not show an image twice; got batches of {size} and {images} training images; "
            f"lower optimizer.batch_size"
        )
    return warnings
