"""The real Mars images are cleaned and split as ever, so that studies on them go on."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from trainer.config import DataConfig
from trainer.data.prepare import Prepared, prepare_data


@pytest.fixture(scope="module")
def prepared(mars: Path) -> Prepared:
    return prepare_data(DataConfig(path=str(mars)))


def test_they_are_recognised_as_the_courses(prepared: Prepared) -> None:
    assert prepared.source.is_course
    assert prepared.dataset.names == ("background", "soil", "bedrock", "sand", "big rock")
    assert (prepared.dataset.ignore, prepared.dataset.shape, prepared.dataset.tests) == (0, (64, 128, 1), 2760)


def test_the_fingerprint_is_that_of_earlier_versions(prepared: Prepared) -> None:
    assert prepared.dataset.fingerprint == "9ca27f4eac2b4eacdbaabe7e7d238c48ea1d216437153a8b024a6d2544aca604"


def test_cleaning_and_split_are_those_of_earlier_versions(prepared: Prepared) -> None:
    data = prepared.dataset
    assert (len(data.dropped), len(data.train), len(data.validation)) == (110, 2128, 377)
    digests = [sha256(side.astype(np.int64).tobytes()).hexdigest()[:16] for side in (data.train, data.validation)]
    assert digests == ["7fee9c30e7e2a7c0", "23af6ca91193fd18"]
