"""The images of docker-compose.yml: their sizes, the seconds of a build, and the seconds until a search begins.

    python -m benchmarks.containers --data mars_64x128.npz

Builds from a copy of the source tree, and again after a line of code is changed in it. The base images must have been
pulled, and pip uses the downloads of an earlier build. Needs Docker with Compose.
"""

import argparse
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from tests.docker.stack import ROOT, SEARCH, Stack, plain_environment, running, wait_for

FIRST_TRIAL = "select 1 from trials where state <> 'WAITING'"
FIRST_EPOCH = "select 1 from trial_intermediate_values limit 1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--gpu", action="store_true", help="build the GPU image too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="containers-") as name:
        folder = Path(name)
        source = copy_source(folder / "source")
        print("| image | size | whole build | after a change of code | ratio |")
        print("|---|---|---|---|---|")
        for device in ["cpu", "gpu"] if options.gpu else ["cpu"]:
            print(image_row(source, device), flush=True)
        print(f"\n{start_line(folder, options.data.resolve())}")


def copy_source(folder: Path) -> Path:
    """Copies the files that git tracks, with their present content."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files"], check=True, capture_output=True, text=True).stdout
    for name in listed.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def image_row(source: Path, device: str) -> str:
    """The size of one image, and the seconds of its builds, as a row of the table."""
    tag = f"unet-search-benchmark:{device}"
    whole_s = build(source, device, tag, "--no-cache")
    code = source / "search" / "__init__.py"
    code.write_text(f"{code.read_text()}# {time.time()}\n")
    again_s = build(source, device, tag)
    size = int(_docker("image", "inspect", "--format", "{{.Size}}", tag))
    base = int(_docker("image", "inspect", "--format", "{{.Size}}", "python:3.11-slim-bookworm"))
    _docker("image", "rm", tag)
    sizes = f"{size / 1e9:.2f} GB, {base / 1e9:.2f} of them the base"
    return f"| {device} | {sizes} | {whole_s:.0f} s | {again_s:.1f} s | {whole_s / again_s:.0f} |"


def build(source: Path, device: str, tag: str, *options: str) -> float:
    """Builds an image; returns the seconds that it took."""
    started = time.monotonic()
    _docker("build", "-q", *options, "--build-arg", f"DEVICE={device}", "-t", tag, str(source))
    return time.monotonic() - started


def start_line(folder: Path, data: Path) -> str:
    """The seconds from `docker compose up -d workers`, with the image built, to the first trial and its first epoch."""
    (folder / "search.toml").write_text(SEARCH)
    settings = {"PASSWORD": "benchmark", "DATA": str(data), "DEVICE": "cpu", "TRIALS": "1", "EPOCHS": "3"}
    settings |= {"WORKERS": "1", "SEARCH": str(folder / "search.toml"), "OUT": str(folder / "out")}
    with running(Stack(folder, settings)) as stack:
        stack.compose("build", "-q", "init")
        started = time.monotonic()
        stack.compose("up", "-d", "workers")
        up_s = time.monotonic() - started
        wait_for(lambda: bool(stack.sql(FIRST_TRIAL)), "a trial")
        trial_s = time.monotonic() - started
        wait_for(lambda: bool(stack.sql(FIRST_EPOCH)), "an epoch")
        epoch_s = time.monotonic() - started
    return (
        f"from `up -d workers` on an empty engine: workers started after {up_s:.1f} s, first trial {trial_s:.1f} s, "
        f"its first epoch {epoch_s:.1f} s"
    )


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True, env=plain_environment())
    return done.stdout.strip()


if __name__ == "__main__":
    main()
