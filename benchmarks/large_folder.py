"""A folder of many large images: seconds to decode it, bytes that each further worker adds, seconds to its first batch.

    python -m benchmarks.large_folder --images 20000 --folder /scratch

Beside ours stands what every worker did without a decoded copy: it read all images into its own memory.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import psutil

from trainer.config import DataConfig, TrainConfig
from trainer.data.prepare import prepare_data

SIDE = 512  # pixels
MIB = 1 << 20
VARIANTS = 50  # different images; the others are links to copies of them
WORKERS = (1, 2, 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--folder", type=Path, help="where the images and their decoded copy lie; 1.1 MiB an image")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(Path(options.worker[0]), Path(options.worker[1]))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        measure(Path(folder), options.images)


def measure(folder: Path, images: int) -> None:
    data, cache = folder / "data", folder / "cache"
    write_images(data, images)
    own, started, cpu = psutil.Process(), time.perf_counter(), time.process_time()
    prepare_data(DataConfig(path=str(data)), cache)
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    size = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file())
    print(f"{images} images of {SIDE}x{SIDE} RGB, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"decoded once: {wall:.0f} s, {cpu:.0f} s of CPU; {size / MIB:,.0f} MiB on the disk")
    print(f"memory of the process that decoded: {own.memory_full_info().uss / MIB:,.0f} MiB of its own")
    print(f"bare decoders: {decode_bare(data) * images:.0f} s of CPU for all images and masks")
    before = SIDE * SIDE * 4 * images / MIB
    for count in WORKERS:
        added, first_s = start_workers(data, cache, count)
        print(
            f"worker {count}: adds {added / MIB:,.0f} MiB (with all images in its memory: {before:,.0f} MiB and more); "
            f"first batch {first_s:.1f} s after its process started"
        )


def write_images(folder: Path, count: int) -> None:
    """Noise of several scales as JPEG and masks of three classes as PNG; VARIANTS of each, copied."""
    random = np.random.default_rng(0)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number in range(count):
        image, mask = folder / "images" / f"{number:06d}.jpg", folder / "masks" / f"{number:06d}.png"
        if number < VARIANTS:
            coarse = cv2.resize(random.integers(0, 256, (16, 16, 3), np.uint8), (SIDE, SIDE))
            cv2.imwrite(str(image), cv2.add(coarse, random.integers(0, 40, coarse.shape, np.uint8)))
            cv2.imwrite(str(mask), coarse[..., 0] // 86)
        else:
            shutil.copy(folder / "images" / f"{number % VARIANTS:06d}.jpg", image)
            shutil.copy(folder / "masks" / f"{number % VARIANTS:06d}.png", mask)


def decode_bare(folder: Path) -> float:
    """Seconds of CPU that OpenCV takes for one image with its mask."""
    started = time.process_time()
    for number in range(VARIANTS):
        cv2.imread(str(folder / "images" / f"{number:06d}.jpg"))
        cv2.imread(str(folder / "masks" / f"{number:06d}.png"), cv2.IMREAD_GRAYSCALE)
    return (time.process_time() - started) / VARIANTS


def start_workers(data: Path, cache: Path, count: int) -> tuple[float, float]:
    """Bytes of its own that the last of some workers adds for data and a batch, and the seconds to that batch."""
    workers = [start_worker(data, cache) for _ in range(count)]
    for process, _, _ in workers:
        process.kill()
        process.wait()
    return workers[-1][1:]


def start_worker(data: Path, cache: Path) -> tuple["subprocess.Popen[str]", float, float]:
    started = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.large_folder", "--worker", str(data), str(cache)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    added = float(process.stdout.readline())
    return process, added, time.perf_counter() - started


def work(data: Path, cache: Path) -> None:
    """What a worker does before its first step: data opened, a batch drawn. Then it waits to be killed."""
    from trainer.pipeline.batches import Batches

    before = psutil.Process().memory_full_info().uss
    dataset = prepare_data(DataConfig(path=str(data)), cache).dataset
    config = TrainConfig(data=DataConfig(path=str(data), classes=3, ignore=None, scale=None))
    batches = Batches(config, dataset).epoch(0)
    next(batches)
    print(psutil.Process().memory_full_info().uss - before, flush=True)
    time.sleep(3600)


if __name__ == "__main__":
    main()
