"""What the machine reaches at most: a product of two large matrices."""

import time

from benchmarks.speed.turns import Job, Turns

SIDE = 2048
SLICE_S = 1.5


def matrix_product(job: Job, turn: Turns) -> None:
    """Floating-point operations a second of a product in float32, by the library that the product's network uses."""
    import tensorflow as tf

    left, right = tf.random.normal((SIDE, SIDE)), tf.random.normal((SIDE, SIDE))
    multiply = tf.function(lambda a, b: tf.linalg.matmul(a, b))
    multiply(left, right)
    turn.ready()
    while True:
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < SLICE_S:
            multiply(left, right).numpy()
            count += 1
        turn.done(2 * SIDE**3 * count)
