"""Build a zip file for Lambda: the folders you name, and the libraries that requirements.txt lists. The same file in
every example.

    python build_package.py [--platform manylinux2014_x86_64] [--into FOLDER] OUTPUT.zip FOLDER...

The libraries go to the top of the zip, where a function imports them, or into one of its folders, where an extension
does. uv downloads them if it is there, else pip. The same input gives the same zip file, byte for byte.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import List

HERE = Path(__file__).resolve().parent
# What an installer notes about this machine: no library reads it, and it differs from one build to the next.
LEFT_OUT = shutil.ignore_patterns("__pycache__", "RECORD", "INSTALLER", "REQUESTED", "direct_url.json", ".lock")


def main() -> int:
    """Build what the command line asks for; return 1 when the libraries cannot be installed."""
    parser = argparse.ArgumentParser(description="Build a zip file for Lambda.")
    parser.add_argument("--platform", default="manylinux2014_x86_64", help="of Lambda's machine (%(default)s)")
    parser.add_argument("--into", default="", metavar="FOLDER", help="folder of the zip for the libraries")
    parser.add_argument("output", type=Path)
    parser.add_argument("folders", nargs="+", type=Path)
    options = parser.parse_args()
    output: Path = options.output
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.exists():
        output.unlink()  # a build that fails must not leave an old package that looks like a new one
    made_for = f"Python {sys.version_info.major}.{sys.version_info.minor} on {options.platform}"
    with tempfile.TemporaryDirectory() as temporary:
        libraries, content = Path(temporary, "libraries"), Path(temporary, "content")
        if subprocess.run(install_command(libraries, options.platform)).returncode != 0:
            print(f"No package: cannot install requirements.txt for {made_for}, see above.", file=sys.stderr)
            return 1
        collect(content, libraries, options.into, options.folders)
        write_zip(output, content)
    print(f"{output}: {made_for}, {output.stat().st_size / 1e6:.1f} MB")
    return 0


def find_uv() -> str:
    """The uv that UV names, or that is on PATH, if it works; an empty string if pip has to do."""
    uv = os.environ.get("UV", shutil.which("uv") or "")
    return uv if uv and subprocess.run([uv, "--version"], capture_output=True).returncode == 0 else ""


def install_command(target: Path, platform: str) -> List[str]:
    """The command that installs wheels for this version of Python and the given platform, as pip spells it."""
    uv = find_uv()
    family, _, processor = platform.partition("_")
    if uv:
        command = [uv, "pip", "install", "--quiet", "--python", sys.executable]
        command += ["--python-platform", f"{processor}-{family}"]
    else:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
        command += ["--platform", platform]
    command += ["--only-binary", ":all:", "--target", str(target)]
    return [*command, "--requirement", str(HERE / "requirements.txt")]


def collect(content: Path, libraries: Path, into: str, folders: List[Path]) -> None:
    """Put libraries and folders together below the folder content, as they will be on Lambda."""
    shutil.copytree(libraries, content / into, ignore=LEFT_OUT)
    shutil.rmtree(content / into / "bin", ignore_errors=True)  # commands with the path of this machine's Python
    for folder in folders:
        for file in folder.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                target = content / folder.name / file.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)
    if into:
        compile_modules(content, into)


def compile_modules(content: Path, into: str) -> None:
    """Put byte code next to the modules of an extension.

    Python does that at the first import, but not on Lambda, where /opt is read-only: each new environment would compile
    all the libraries again. Byte code of this kind does not depend on the time of its source.
    """
    command = [sys.executable, "-m", "compileall", "-qq", "--invalidation-mode", "unchecked-hash"]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    # The order of a set in byte code follows hashes. A file that is not valid Python is not compiled, and not imported.
    subprocess.run([*command, "-d", f"/opt/{into}", str(content / into)], env={**variables, "PYTHONHASHSEED": "0"})


def write_zip(output: Path, content: Path) -> None:
    """Write the files below the folder content to a zip file, under another name until it is complete."""
    unfinished = output.with_name(output.name + ".part")
    names = sorted(path.relative_to(content).as_posix() for path in content.rglob("*") if path.is_file())
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as package:
        for name in names:
            entry = zipfile.ZipInfo(name)  # dated 1980-01-01, the oldest date a zip can hold
            entry.create_system = 3  # Unix: only then does Lambda read the permissions below
            # Lambda runs all this as another user. What it starts, the files of `extensions`, must be executable.
            runs = name.startswith("extensions/") or (content / name).stat().st_mode & 0o100
            entry.external_attr = (0o100755 if runs else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, (content / name).read_bytes())
    unfinished.replace(output)


if __name__ == "__main__":
    sys.exit(main())
