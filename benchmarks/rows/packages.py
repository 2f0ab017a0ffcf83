"""The rows for packages: how long a cold start takes from a zip and from a folder, and what an image costs.

They run the examples, because those have libraries and the functions of the other rows do not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.candidates import REPOSITORY, Setup
from benchmarks.figures import Figure, Samples, compare

HELLO = REPOSITORY / "hello-python3.8"
NOBODY = "http://127.0.0.1:9"
"""The address for the function's public-IP lookup: refused at once, so that the network is not measured."""


def cold(setup: Setup, effort: float) -> list[Figure]:
    """`local-lambda invoke`, the whole process, with the package of hello-python3.8: as a zip, and unpacked."""
    packages = sorted((HELLO / "package").glob("*.zip"))
    if not setup.tool or not packages:
        setup.left_out.append("cold: no local-lambda, or no package (make -C hello-python3.8 package)")
        return []
    folder = setup.folder / "unpacked"
    with zipfile.ZipFile(packages[0]) as package:
        package.extractall(folder)
    size = packages[0].stat().st_size / 1e6
    measured = {"folder": (folder, Samples()), "zip": (packages[0], Samples())}
    command = [setup.tool, "invoke", "HelloFunction", "-e", "events/hello.json", "--code"]
    for _ in range(max(3, int(10 * effort))):
        for code, samples in measured.values():
            seconds, right = timed([*command, str(code)], HELLO, CHECK_IP_URL=NOBODY)
            samples.values.append(seconds)
            samples.errors += not right
    return compare(f"cold start, {size:.1f} MB zip", "ms", {name: samples for name, (_, samples) in measured.items()})


def image(setup: Setup, effort: float) -> list[Figure]:
    """`make image` of each example, without and with the cache of earlier builds, and the image's size."""
    engine = find_engine()
    if engine is None:
        setup.left_out.append("image: no working container engine (set DOCKER to name one)")
        return []
    times: list[Figure] = []
    sizes: list[Figure] = []
    for folder in sorted(
        path.parent.name for path in REPOSITORY.glob("*/Dockerfile") if path.parent.name != "local-lambda"
    ):
        make = ["make", "--silent", "-C", folder, "image", f"DOCKER={engine}"]
        kept, none_kept = Samples(), Samples()
        for samples, options in ((none_kept, ["BUILD_OPTIONS=--no-cache"]), (kept, [])):
            for _ in range(max(1, int(3 * effort))):
                seconds, right = timed([*make, *options], REPOSITORY)
                samples.values.append(seconds)
                samples.errors += not right
        times += compare(f"make image, {folder}", "s", {"nothing kept": none_kept, "all kept": kept})
        whole = size_of(engine, folder)
        base = size_of(engine, f"python:{os.environ.get('PYTHON_VERSION', '3.13')}-slim")
        sizes += [
            Figure(f"image size, {folder}", "added to its base", "MB", whole - base),
            Figure(f"image size, {folder}", "whole", "MB", whole),
        ]
    return times + sizes


def timed(command: Sequence[str], folder: Path, **variables: str) -> tuple[float, bool]:
    """Run a command in a folder; return how many seconds it took, and whether it succeeded."""
    begin = time.perf_counter()
    result = subprocess.run(
        command, cwd=folder, env=os.environ | variables, stdin=subprocess.DEVNULL, capture_output=True
    )
    return time.perf_counter() - begin, result.returncode == 0


def find_engine() -> str | None:
    """Return the name of a container engine that works here."""
    named = os.environ.get("DOCKER")
    for name in [named] if named else ["docker", "podman"]:
        if shutil.which(name) and subprocess.run([name, "info"], capture_output=True).returncode == 0:
            return name
    return None


def size_of(engine: str, image: str) -> float:
    """Return the size of an image in MB."""
    command = [engine, "image", "inspect", "--format", "{{.Size}}", image]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 1e6
