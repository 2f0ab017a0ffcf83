"""Build the layer's zip file: `extensions/` and `logs-api-extension/`, with the libraries inside the latter.

    python build_package.py [--platform manylinux2014_x86_64] OUTPUT.zip

The same folder gives the same file, byte for byte, so a changed zip always means a changed layer. Nothing in it may
depend on when or where it was built: names are sorted, times and permissions fixed, and pip's own records left out.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Iterator

FOLDER = Path(__file__).resolve().parent
EXTENSION = "logs-api-extension"

# Notes that pip takes about this installation on this machine. No library reads them while the extension runs.
PIP_RECORDS = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}


def main() -> int:
    """Build the package the command line asks for; return 1 when pip cannot provide the libraries."""
    parser = argparse.ArgumentParser(description="Build the zip file of the layer.")
    parser.add_argument("output", type=Path)
    # Lambda is Linux: with its platform named, the package is right even when it is built on a Mac.
    parser.add_argument("--platform", default="manylinux2014_x86_64", help="default: %(default)s")
    arguments = parser.parse_args()
    output: Path = arguments.output
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.exists():
        output.unlink()  # a build that fails must not leave an old package that looks like a new one

    made_for = f"Python {sys.version_info.major}.{sys.version_info.minor} on {arguments.platform}"
    with tempfile.TemporaryDirectory() as folder:
        layer = Path(folder)
        copy_sources(FOLDER, layer)
        if not install_libraries(layer / EXTENSION, arguments.platform):
            print(f"No package: pip could not install requirements.txt for {made_for}, see above.", file=sys.stderr)
            return 1
        compile_modules(layer / EXTENSION)
        write_zip(output, layer)
    digest = hashlib.sha256(output.read_bytes()).hexdigest()
    print(f"{output}: {made_for}, {output.stat().st_size / 1e6:.1f} MB, sha256 {digest[:16]}")
    return 0


def copy_sources(source: Path, layer: Path) -> None:
    """Copy launcher and extension into the folder layer, with permissions that suit Lambda."""
    for name in ("extensions", EXTENSION):
        shutil.copytree(str(source / name), str(layer / name), ignore=shutil.ignore_patterns("__pycache__"))
    for launcher in (layer / "extensions").iterdir():
        launcher.chmod(0o755)  # without this Lambda does not start it, and not every checkout has kept it


def install_libraries(target: Path, platform: str) -> bool:
    """Install what requirements.txt names into target, from wheels made for this Python and the given platform."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    command += ["--only-binary", ":all:", "--platform", platform, "--target", str(target)]
    command += ["--requirement", str(FOLDER / "requirements.txt")]
    return subprocess.run(command).returncode == 0


def compile_modules(folder: Path) -> None:
    """Put byte code beside the modules below folder.

    Python does that by itself when it imports a module for the first time, but not on Lambda, where nobody can write to
    /opt: there every new environment would compile all the libraries again, and be ready that much later.
    """
    command = [sys.executable, "-m", "compileall", "-qq", "-d", f"/opt/{EXTENSION}"]
    # Byte code like this is taken as it is. The other kinds depend on the time of the source, or have to look at it.
    command += ["--invalidation-mode", "unchecked-hash", str(folder)]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    # Sets are written in the order of hashes, which are new in each process unless told otherwise. A file that is no
    # Python makes an exit status of 1; so be it, nobody will import it.
    subprocess.run(command, env={**variables, "PYTHONHASHSEED": "0"})


def write_zip(output: Path, layer: Path) -> None:
    """Write the files below the folder layer to the zip file output."""
    entries = sorted((file.relative_to(layer).as_posix(), file) for file in find_files(layer))
    unfinished = output.with_name(output.name + ".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as package:
        for name, file in entries:
            entry = zipfile.ZipInfo(name)  # dated 1980-01-01, the oldest a zip can tell
            entry.create_system = 3  # Unix: only then Lambda reads the permissions below
            # Lambda runs the extension as another user, who must be able to read what the author's umask may forbid.
            entry.external_attr = (0o100755 if file.stat().st_mode & 0o100 else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, file.read_bytes())
    os.replace(unfinished, output)


def find_files(layer: Path) -> Iterator[Path]:
    """Yield each file below layer that belongs into it."""
    commands = layer / EXTENSION / "bin"  # they start with the path of this machine's Python
    for file in layer.rglob("*"):
        is_pip_record = file.name in PIP_RECORDS and file.parent.suffix == ".dist-info"
        if file.is_file() and not is_pip_record and commands not in file.parents:
            yield file


if __name__ == "__main__":
    sys.exit(main())
