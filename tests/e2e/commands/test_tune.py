"""`unet-search tune`: real processes on the CPU. What is fast here is asserted nowhere."""

import json
import os
from pathlib import Path

import psutil
import pytest

from tests.e2e.command import run_command
from tests.e2e.refusal import assert_refused


def test_layouts_of_this_machine(input_folder: Path) -> None:
    """In 5 seconds there is no time for settings, which are named all the same."""
    done = run_command("tune best.toml --device cpu --seconds 5 --dir run --json", input_folder)
    found = json.loads(done.output())
    assert set(found) == {"measured", "recommended"}
    layouts = [row for row in found["measured"] if row["kind"] == "layout"]
    usual = layouts[0]
    assert usual["verdict"] == "as it is" and usual["ratio"] == {"median": 1.0, "low": 1.0, "high": 1.0}
    assert usual["images_per_second"] > 0 and usual["memory_bytes"] > 1 << 26 and usual["first_step_s"] > 0
    names = {row["name"] for row in found["measured"] if row["kind"] not in ("layout", "one worker")}
    assert names == {"batch size 16", "batch size 64", "mixed_bfloat16", "compiled by XLA"}
    assert "starting" in done.err and usual["name"] in done.err
    assert not [process for process in psutil.process_iter(["cmdline"]) if _is_ours(process, input_folder)]


def _is_ours(process: psutil.Process, folder: Path) -> bool:
    """Whether a process of a measurement in this folder has been left behind."""
    try:
        return "search.tuning.contender" in (process.info["cmdline"] or []) and Path(process.cwd()) == folder
    except psutil.Error:
        return False


def test_a_gpu_that_is_missing(input_folder: Path) -> None:
    environ = {"CUDA_VISIBLE_DEVICES": "-1"}
    assert_refused("tune best.toml --device gpu", "--device gpu needs a GPU that", input_folder, **environ)


@pytest.mark.slow
def test_auto_without_a_gpu_the_backend_can_use(input_folder: Path) -> None:
    """nvidia-smi lists one, whose memory is not known then: a search begins with one worker, and says why."""
    tool = input_folder / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\ncase $1 in *memory*) echo 0, GPU-aaaa, 5, 9999;; *) echo 0, GPU-aaaa, H200;; esac\n")
    tool.chmod(0o755)
    environ = {"PATH": f"{tool.parent}:{os.environ['PATH']}", "CUDA_VISIBLE_DEVICES": "0"}
    line = "run search.toml --workers-per-gpu auto --trainer tests.fake_train:make_trainer"
    done = run_command(line, input_folder, **environ)
    assert done.output()
    said = [line for line in done.err.splitlines() if "--workers-per-gpu auto is 1" in line]
    assert len(said) == 1 and "one that tensorflow can use; it sees none" in said[0]
    assert "worker 0: gpu 0 (H200)" in done.err


def test_auto_without_a_gpu(input_folder: Path) -> None:
    line = "run search.toml --workers-per-gpu auto --device cpu --trainer tests.fake_train:make_trainer"
    done = run_command(line, input_folder)
    assert done.output() and "--workers-per-gpu auto is 1, since no GPU is used" in done.err
