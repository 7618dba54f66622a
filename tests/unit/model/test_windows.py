"""Windows that cover an image."""

import numpy as np
import pytest

from trainer.model.windows import BAND_ROWS, average_bands, cut_windows, join_windows, make_grid


@pytest.mark.parametrize("overlap", [0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("length", [1, 15, 16, 17, 31, 32, 100, 257])
def test_windows_cover_an_image_and_overlap_as_far_as_asked(length: int, overlap: float) -> None:
    grid = make_grid(np.zeros((length, 16, 1), np.uint8), (16, 16), overlap)
    starts = np.array(grid.tops)
    assert starts[0] == 0 and starts[-1] == max(0, length - 16)
    assert grid.lefts == (0,) and grid.is_single == (length <= 16)
    if len(starts) > 1:
        assert 0 < np.diff(starts).min() and np.diff(starts).max() <= max(1, int(16 * (1 - overlap)))


def test_windows_are_cut_row_by_row_and_padded_with_0() -> None:
    image = np.arange(1, 1 + 20 * 12).reshape(20, 12, 1).astype(np.uint8)
    grid = make_grid(image, (16, 16), 0)
    first, last = cut_windows(image, grid, (16, 16, 1), "uint8")
    np.testing.assert_array_equal(first[:, :12], image[:16])
    np.testing.assert_array_equal(last[:, :12], image[4:])
    assert not first[:, 12:].any()


def test_images_become_the_networks_type() -> None:
    image = np.array([[[0.4], [254.6]]], np.float16)
    grid = make_grid(image, (1, 2), 0)
    (window,) = cut_windows(image, grid, (1, 2, 1), "uint8")
    assert window.dtype == np.uint8 and window.ravel().tolist() == [0, 255]
    (window,) = cut_windows(image, grid, (1, 2, 1), "float32")
    assert window.dtype == np.float32 and window[0, 0, 0] == np.float16(0.4)


def test_probabilities_are_means_weighted_by_the_distance_to_the_edges() -> None:
    """Two windows of 4 share two columns: their weights there are 2:1 and 1:2."""
    grid = make_grid(np.zeros((1, 6, 1), np.uint8), (1, 4), 0.5)
    windows = iter([np.full((1, 4, 2), [1, 0], np.float32), np.full((1, 4, 2), [0, 1], np.float32)])
    ((first, probabilities),) = join_windows(grid, windows)
    assert first == 0
    np.testing.assert_allclose(probabilities[0, :, 0], [1, 1, 2 / 3, 1 / 3, 0, 0], atol=1e-6)
    np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-6)


def test_bands_are_of_some_rows_and_follow_each_other() -> None:
    grid = make_grid(np.zeros((300, 5, 1), np.uint8), (200, 5), 0.5)
    windows = (np.full((200, 5, 3), 1 / 3, np.float32) for _ in grid.tops)
    ends = 0
    for first, probabilities in join_windows(grid, windows):
        assert first == ends and probabilities.shape[1:] == (5, 3) and len(probabilities) <= BAND_ROWS
        np.testing.assert_allclose(probabilities, 1 / 3, rtol=1e-5)
        ends += len(probabilities)
    assert ends == 300


def test_the_probabilities_of_a_single_window_are_left_as_they_are() -> None:
    grid = make_grid(np.zeros((3, 5, 1), np.uint8), (4, 8), 0.5)
    window = np.random.default_rng(0).random((4, 8, 2)).astype(np.float32)
    ((first, probabilities),) = join_windows(grid, iter([window]))
    assert first == 0
    np.testing.assert_array_equal(probabilities, window[:3, :5])


@pytest.mark.parametrize("ends", [[[7], [7]], [[2, 5, 7], [4, 7]], [[1, 2, 7], [7], [3, 7]], [[3, 7]]])
def test_bands_that_end_at_different_rows_are_averaged(ends: list[list[int]]) -> None:
    wholes = np.random.default_rng(0).random((len(ends), 7, 3, 2)).astype(np.float32)
    members = [
        iter([(first, whole[first:end]) for first, end in zip([0, *rows], rows, strict=False)])
        for whole, rows in zip(wholes, ends, strict=True)
    ]
    parts = []
    for first, probabilities in average_bands(members):
        assert first == sum(map(len, parts))
        parts.append(probabilities)
    np.testing.assert_allclose(np.concatenate(parts), wholes.mean(0), rtol=1e-6)
    assert all(next(member, None) is None for member in members)
