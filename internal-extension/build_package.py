"""Build the zip file that Lambda takes: the function and the libraries it needs, side by side.

    python build_package.py [--platform manylinux2014_x86_64] OUTPUT.zip

The same folder gives the same file, byte for byte, so a changed zip always means a changed function. Nothing in it may
depend on when or where it was built: names are sorted, times and permissions fixed, and pip's own records left out.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Iterator, Tuple

FOLDER = Path(__file__).resolve().parent

# Notes that pip takes about this installation on this machine. No library reads them while the function runs.
PIP_RECORDS = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}


def main() -> int:
    """Build the package the command line asks for; return 1 when pip cannot provide the libraries."""
    parser = argparse.ArgumentParser(description="Build the deployment package of the function.")
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
        libraries = Path(folder)
        if not install_libraries(libraries, arguments.platform):
            print(f"No package: pip could not install requirements.txt for {made_for}, see above.", file=sys.stderr)
            return 1
        write_zip(output, libraries, FOLDER / "app")
    digest = hashlib.sha256(output.read_bytes()).hexdigest()
    print(f"{output}: {made_for}, {output.stat().st_size / 1e6:.1f} MB, sha256 {digest[:16]}")
    return 0


def install_libraries(target: Path, platform: str) -> bool:
    """Install what requirements.txt names into target, from wheels made for this Python and the given platform."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    command += ["--only-binary", ":all:", "--platform", platform, "--target", str(target)]
    command += ["--requirement", str(FOLDER / "requirements.txt")]
    return subprocess.run(command).returncode == 0


def write_zip(output: Path, libraries: Path, app: Path) -> None:
    """Write the files below libraries, and those below app as a folder of its own name, to the zip file output."""
    entries = sorted([*find_files(libraries, libraries), *find_files(app, app.parent)])
    unfinished = output.with_name(output.name + ".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as package:
        for name, file in entries:
            entry = zipfile.ZipInfo(name)  # dated 1980-01-01, the oldest a zip can tell
            entry.create_system = 3  # Unix: only then Lambda reads the permissions below
            # Lambda runs the function as another user, who must be able to read what the author's umask may forbid.
            entry.external_attr = (0o100755 if file.stat().st_mode & 0o100 else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, file.read_bytes())
    os.replace(unfinished, output)


def find_files(folder: Path, base: Path) -> Iterator[Tuple[str, Path]]:
    """Yield each file below folder that belongs into a package, with its name relative to base."""
    for file in folder.rglob("*"):
        inside = file.relative_to(base)
        is_compiled = "__pycache__" in inside.parts or file.suffix == ".pyc"
        is_pip_record = file.name in PIP_RECORDS and file.parent.suffix == ".dist-info"
        is_command = inside.parts[0] == "bin"  # starts with the path of this machine's Python
        if file.is_file() and not (is_compiled or is_pip_record or is_command):
            yield inside.as_posix(), file


if __name__ == "__main__":
    sys.exit(main())
