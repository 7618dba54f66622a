"""The measured process's side: when it answers, trains on, rests and stops."""

from multiprocessing.connection import Connection, Pipe

import pytest

from search.tuning.job import Ready, Slice
from search.tuning.turns import Turns


@pytest.fixture
def ends() -> tuple[Connection, Connection]:
    ours, theirs = Pipe()
    return ours, theirs


def test_it_is_ready_after_two_steps_and_waits_for_an_order(ends: tuple[Connection, Connection]) -> None:
    ours, theirs = ends
    turns = Turns(theirs, batch=4, steps=1000, every=1)
    assert not turns() and not turns() and not ours.poll()
    ours.send(0.0)  # the order of a slice that ends at once, without which the next call would wait
    assert not turns()
    ready = ours.recv()
    assert isinstance(ready, Ready) and (ready.batch, ready.steps) == (4, 1000)
    assert ready.first_step_s >= 0 and ready.step_s >= 0


def test_it_trains_on_after_its_slice_until_it_is_told_to_rest(ends: tuple[Connection, Connection]) -> None:
    ours, theirs = ends
    turns = Turns(theirs, batch=4, steps=1000, every=1)
    ours.send(0.0)
    assert not any(turns() for _ in range(3))
    assert isinstance(ours.recv(), Ready) and not turns()
    slice = ours.recv()
    assert isinstance(slice, Slice) and slice.images == 4 and slice.memory_bytes > 0
    assert not any(turns() for _ in range(5)) and not ours.poll()
    ours.send(None)
    ours.send(0.0)
    assert not turns() and not ours.poll()  # it has rested, and begun the next slice
    assert not turns()
    assert ours.recv().images == 4


def test_where_the_device_works_behind_only_whole_groups_of_steps_count(ends: tuple[Connection, Connection]) -> None:
    ours, theirs = ends
    turns = Turns(theirs, batch=4, steps=1000, every=20)
    ours.send(0.0)
    assert not any(turns() for _ in range(20)) and not ours.poll()
    assert not turns()
    assert isinstance(ours.recv(), Ready)
    assert not any(turns() for _ in range(19)) and not ours.poll()
    assert not turns()
    assert ours.recv().images == 20 * 4


def test_training_stops_when_the_other_end_has_gone(ends: tuple[Connection, Connection]) -> None:
    ours, theirs = ends
    turns = Turns(theirs, batch=4, steps=1000, every=1)
    assert not turns() and not turns()
    ours.close()
    assert turns()
