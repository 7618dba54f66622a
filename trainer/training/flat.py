"""An optimizer's step on all weights at once: on two long vectors in place of a hundred small tensors."""

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

Tensor = Any


class FlatOptimizer(keras.optimizers.Optimizer):  # type: ignore[misc] # Keras has no types
    """Updates the weights as another optimizer does, by a hundredth of its operations.

    Keras updates each variable by some thirty operations, and a U-Net has a hundred variables: two thirds of the time
    that the first step takes, and thousands of small kernels on a GPU. Here the variables and their gradients are
    joined to two vectors, one of them without weight decay; `inner` updates these, and the variables get their parts.
    `inner` may only update elementwise, or by the norm of all gradients, as Adam, AdamW and Lion do.

    Args:
        inner: not yet built.
        undecayed: words in the names of the variables that have no weight decay.
    """

    def __init__(self, inner: keras.optimizers.Optimizer, undecayed: Sequence[str] = ()) -> None:
        super().__init__(learning_rate=0.0)
        self.inner, self._undecayed = inner, undecayed
        self._groups: list[list[int]] = []  # places of the variables in each vector
        self._vectors: list[keras.Variable] = []  # scratch: between two steps, the variables alone count

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Creates the state of the inner optimizer."""
        super().build(variables)
        spared = [any(word in variable.name for word in self._undecayed) for variable in variables]
        groups = [[place for place, is_spared in enumerate(spared) if is_spared == wanted] for wanted in (False, True)]
        self._groups = [group for group in groups if group]
        sizes = [sum(math.prod(variables[place].shape) for place in group) for group in self._groups]
        self._vectors = [keras.Variable(np.zeros(size, np.float32), name="vector") for size in sizes]
        if spared[self._groups[-1][0]]:
            self.inner.exclude_from_weight_decay(var_list=self._vectors[-1:])
        self.inner.build(self._vectors)

    def apply(self, grads: Sequence[Tensor], trainable_variables: Sequence[keras.Variable] | None = None) -> None:
        """Updates the variables that it was built with, in their order, by their gradients."""
        if not self.built:
            self.build(list(trainable_variables or ()))
        self._read(self._trainable_variables)
        self.inner.apply(self._join(grads), self._vectors)
        self._write(self._trainable_variables)

    def read_averages(self) -> list[tuple[keras.Variable, NDArray[Any]]]:
        """The variables that it was built with, and their averages; the variables stay as they are."""
        self.inner.finalize_variable_values(self._vectors)
        variables, averages = self._trainable_variables, dict[int, NDArray[Any]]()
        for vector, group in zip(self._vectors, self._groups, strict=True):
            parts = np.split(np.asarray(vector), self._ends([variables[place] for place in group]))
            averages |= {place: part.reshape(variables[place].shape) for place, part in zip(group, parts, strict=True)}
        return [(variable, averages[place]) for place, variable in enumerate(variables)]

    @property
    def variables(self) -> list[keras.Variable]:
        """The state of the inner optimizer."""
        return list(self.inner.variables)

    @property
    def iterations(self) -> Any:
        """How many steps were done."""
        return self.inner.iterations

    @property
    def learning_rate(self) -> Any:
        """That of the inner optimizer."""
        return self.inner.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.inner.learning_rate = rate

    def _join(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        return [ops.concatenate([ops.reshape(tensors[place], (-1,)) for place in group]) for group in self._groups]

    def _read(self, variables: Sequence[keras.Variable]) -> None:
        for vector, values in zip(self._vectors, self._join(variables), strict=True):
            vector.assign(values)

    def _write(self, variables: Sequence[keras.Variable]) -> None:
        for vector, group in zip(self._vectors, self._groups, strict=True):
            chosen = [variables[place] for place in group]
            ends = self._ends(chosen)
            for variable, part in zip(chosen, ops.split(vector, ends) if ends else [vector], strict=True):
                variable.assign(ops.reshape(part, variable.shape))

    @staticmethod
    def _ends(variables: Sequence[keras.Variable]) -> list[int]:
        """Where the parts of a vector end, but for the last one."""
        return list(accumulate(math.prod(variable.shape) for variable in variables))[:-1]
