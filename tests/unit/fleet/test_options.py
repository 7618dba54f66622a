"""`--on ray` on the command line: what is missing is named before anything starts."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from search.commands.slots import AUTO, check_cluster_options, find_slots
from search.fleet.look import look_at_cluster
from storage.settings import Settings
from trainer.errors import InputError

SHARED = Settings(database_url="postgresql://u:p@db/unet", dir=Path("run"), artifacts="s3://bucket/unet")


def _find(**changed: Any) -> None:
    options = {"workers": None, "per_gpu": 1, "device": "auto", "deterministic": False, "on": "ray", "address": None}
    find_slots(SHARED, **options | changed)


@pytest.mark.parametrize("lacks", ["database_url", "artifacts"])
def test_a_cluster_needs_what_all_nodes_reach(lacks: str) -> None:
    settings = SHARED.model_copy(update={lacks: None})
    name = str(Settings.model_fields[lacks].validation_alias)
    with pytest.raises(InputError, match=f"--on ray needs a {name} that all nodes reach; got none"):
        check_cluster_options(settings, "ray", None)


def test_an_address_needs_a_cluster() -> None:
    with pytest.raises(InputError, match=r"needs --on ray; got 10\.0\.0\.4:6379 alone"):
        check_cluster_options(SHARED, None, "10.0.0.4:6379")


def test_gpus_of_a_cluster_are_not_measured() -> None:
    with pytest.raises(InputError, match="must be a number with --on ray; got auto"):
        _find(per_gpu=AUTO)


def test_no_worker_is_no_number() -> None:
    with pytest.raises(InputError, match="--workers must be 1 or more; got 0"):
        _find(workers=0)


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_what_is_missing_is_named_with_how_to_install_it() -> None:
    with pytest.raises(
        InputError, match=r"--on ray needs Ray; got none; install it with: pip install 'unet-search\[ray\]'"
    ):
        _find()


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
def test_an_address_of_rays_client_is_refused() -> None:
    with pytest.raises(InputError, match="must be auto, or HOST:PORT of the head; got ray://"):
        look_at_cluster("ray://10.0.0.4:10001")
