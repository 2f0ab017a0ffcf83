"""One exercise: its folder as delivered, the learner's copy, its hints, and its check."""

from __future__ import annotations

import filecmp
import http.client
import importlib.util
import shutil
import tempfile
from pathlib import Path
from types import ModuleType

from learn.checks import Failed, Run, ToolFault, tool_of
from learn.files import LEFT_BY_TOOLS, state
from learn.texts import one_line

EXERCISES = Path(__file__).resolve().parent.parent
ROOT = EXERCISES.parent
LEARNING = ROOT / "learning"
"""Where learners work: never in the folders as delivered."""
SOLUTION = ".solution"
_NOT_COPIED = shutil.ignore_patterns(SOLUTION, "check.py", "hints.md", *LEFT_BY_TOOLS)


class NoCopy(Exception):
    """The learner's copy cannot be used; the text says what to do."""


class Exercise:
    """An exercise in a folder `NN-name`."""

    def __init__(self, folder: Path, learning: Path = LEARNING) -> None:
        self.folder = folder
        self.name = folder.name
        self.number = folder.name.partition("-")[0]
        self.copy = learning / folder.name

    @property
    def goal(self) -> str:
        """The text of its page, without the title and the closing sentence."""
        return self._page()[1]

    @property
    def title(self) -> str:
        """Its title."""
        return self._page()[0]

    @property
    def on_aws(self) -> str:
        """The closing sentence."""
        return self._page()[2]

    @property
    def hints(self) -> list[str]:
        """Three hints, each more direct than the one before."""
        text = (self.folder / "hints.md").read_text(encoding="utf-8")
        return [part.partition("\n")[2].strip() for part in text.split("\n## ")[1:]]

    @property
    def files(self) -> list[Path]:
        """The files that have to be changed, relative to the folder: those that differ in the solution."""
        solution = self.folder / SOLUTION
        names = sorted(file.relative_to(solution) for file in state(solution))
        return [name for name in names if not filecmp.cmp(solution / name, self.folder / name, shallow=False)]

    def begin(self) -> None:
        """Make the learner's copy, unless there is one. It is there as a whole or not at all."""
        if self.copy.exists():
            return
        self.copy.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{self.name}-", dir=self.copy.parent) as folder:
            new = Path(folder, self.name)
            shutil.copytree(self.folder, new, ignore=_NOT_COPIED)
            new.rename(self.copy)

    def reset(self) -> Path | None:
        """Begin again; return where the copy is kept that was there before, if it had been changed."""
        kept = None
        if self._changed():
            number, kept = 1, self.copy.with_name(f"{self.name}.before-reset")
            while kept.exists() or kept.is_symlink():
                number += 1
                kept = self.copy.with_name(f"{self.name}.before-reset-{number}")
            self.copy.rename(kept)
        elif self.copy.exists():
            shutil.rmtree(self.copy)
        self.begin()
        return kept

    def _changed(self) -> bool:
        """Whether there is something at the place of the copy that differs from the exercise as delivered."""
        if not (self.copy.exists() or self.copy.is_symlink()):
            return False
        with tempfile.TemporaryDirectory() as folder:
            new = Path(folder, self.name)
            shutil.copytree(self.folder, new, ignore=_NOT_COPIED)
            names = [file.relative_to(new) for file in state(new)]
            return len(state(self.copy)) != len(names) or bool(
                filecmp.cmpfiles(self.copy, new, names, shallow=False)[0] != names
            )

    def check(self, code: Path) -> None:
        """Run the code in this folder. Raises Failed for the first expectation that fails; NoCopy, ToolFault."""
        if not state(code):
            raise NoCopy(
                f"There are no files to read in {code}. Run `make learn RESET={self.number}` in a different terminal: "
                "it puts the exercise there again, and keeps what is there now."
            )
        module = self._check()
        with Run(code, getattr(module, "PROPERTIES", {}), *tool_of(ROOT)) as run:
            try:
                module.check(run)
            except ToolFault:
                raise
            except (OSError, http.client.HTTPException) as error:
                raise ToolFault(f"local-lambda did not respond: {one_line(str(error) or repr(error))}") from None
            except Exception as error:
                failure = error if isinstance(error, Failed) else _unexpected(error)
                run.end()  # what the function wrote is complete then
                failure.output = run.output()
                raise failure from None

    def _check(self) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"check_{self.number}", self.folder / "check.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def _page(self) -> tuple[str, str, str]:
        title, _, rest = (self.folder / "README.md").read_text(encoding="utf-8").partition("\n")
        goal, _, on_aws = rest.partition("\n**On AWS:**")
        return title.lstrip("# ").strip(), goal.strip(), on_aws.strip()


def _unexpected(error: Exception) -> Failed:
    """What a check could not even look at."""
    what = one_line(f"{type(error).__name__}: {error}")
    return Failed(
        f"The response has a form that the check does not expect ({what}).",
        "a response of the form that the exercise describes",
        1,
    )


def find_exercises(learning: Path = LEARNING) -> list[Exercise]:
    """All exercises in their order."""
    return [Exercise(folder, learning) for folder in sorted(EXERCISES.glob("[0-9][0-9]-*"))]
