"""One exercise: its folder as delivered, the learner's copy, its hints, and its check."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

from learn.checks import Run, tool_of

EXERCISES = Path(__file__).resolve().parent.parent
ROOT = EXERCISES.parent
LEARNING = ROOT / "learning"
"""Where learners work: never in the folders as delivered."""
SOLUTION = ".solution"
_NOT_COPIED = shutil.ignore_patterns(SOLUTION, "check.py", "hints.md", "__pycache__")


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

    def begin(self) -> None:
        """Make the learner's copy, unless there is one."""
        if not self.copy.exists():
            self.copy.parent.mkdir(exist_ok=True)
            shutil.copytree(self.folder, self.copy, ignore=_NOT_COPIED)

    def reset(self) -> Path | None:
        """Begin again; return where the copy is kept that was there before."""
        kept = None
        if self.copy.exists():
            kept = self.copy.with_name(f"{self.name}.before-reset")
            shutil.rmtree(kept, ignore_errors=True)
            self.copy.rename(kept)
        self.begin()
        return kept

    def check(self, code: Path) -> None:
        """Run the code in this folder. Raises Failed for the first expectation that does not hold, and ToolFault."""
        module = self._check()
        with Run(code, getattr(module, "PROPERTIES", {}), *tool_of(ROOT)) as run:
            module.check(run)

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


def find_exercises(learning: Path = LEARNING) -> list[Exercise]:
    """All exercises in their order."""
    return [Exercise(folder, learning) for folder in sorted(EXERCISES.glob("[0-9][0-9]-*"))]
