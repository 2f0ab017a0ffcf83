"""Build what Lambda takes: both functions, pypwext, and the libraries they need, side by side.

    python build_package.py [--platform manylinux2014_x86_64] OUTPUT

An OUTPUT that ends in .zip is a zip file, anything else a folder (`sam build` asks for one). The same input gives the
same zip file, byte for byte: names are sorted, times and permissions are fixed, pip's own records are left out.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Iterable, List

FOLDER = Path(__file__).resolve().parent
SOURCES = (FOLDER / "app", FOLDER / "src" / "pypwext")

# Notes that pip takes about this installation; some of them differ from one run to the next.
PIP_RECORDS = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}

# The earliest time a zip file can hold.
LONG_AGO = (1980, 1, 1, 0, 0, 0)


def main(arguments: List[str]) -> int:
    """Build what the command line asks for; return 1 when pip cannot provide the libraries."""
    parser = argparse.ArgumentParser(description="Build the deployment package of the functions.")
    parser.add_argument("output", type=Path)
    parser.add_argument("--platform", default="manylinux2014_x86_64", help="of Lambda's machine; default: %(default)s")
    options = parser.parse_args(arguments)
    output: Path = options.output
    with tempfile.TemporaryDirectory() as temporary:
        content = Path(temporary) / "content"
        if not install_libraries(content, options.platform):
            print("No package: pip could not install requirements.txt, see above.", file=sys.stderr)
            return 1
        for source in SOURCES:
            shutil.copytree(source, content / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        if output.suffix == ".zip":
            write_zip(output, content)
        else:
            copy_into(output, content)
    version = f"Python {sys.version_info.major}.{sys.version_info.minor} on {options.platform}"
    print(f"{output}: for {version}, {size_of(output) / 1e6:.1f} MB")
    return 0


def install_libraries(target: Path, platform: str) -> bool:
    """Install what requirements.txt names, made for this version of Python and the given platform."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    command += ["--only-binary", ":all:", "--platform", platform, "--target", str(target)]
    return subprocess.run([*command, "--requirement", str(FOLDER / "requirements.txt")]).returncode == 0


def find_files(folder: Path) -> Iterable[Path]:
    """Return the files of a package, in a fixed order."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in PIP_RECORDS)


def write_zip(output: Path, content: Path) -> None:
    """Write content to a zip file, under another name until it is complete."""
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_name(output.name + ".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as package:
        for path in find_files(content):
            entry = zipfile.ZipInfo(path.relative_to(content).as_posix(), LONG_AGO)
            entry.external_attr = 0o644 << 16  # Lambda's user must be able to read it
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, path.read_bytes())
    unfinished.replace(output)


def copy_into(output: Path, content: Path) -> None:
    """Copy content into a folder that may exist already."""
    for path in find_files(content):
        target = output / path.relative_to(content)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def size_of(output: Path) -> int:
    """Return the size of a file, or of all files below a folder, in bytes."""
    return sum(path.stat().st_size for path in find_files(output)) if output.is_dir() else output.stat().st_size


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
