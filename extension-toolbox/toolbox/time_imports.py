"""Tool 3: times the imports of a function's start, and prints the slowest when its handler has been loaded.

The exec wrapper `time-imports` starts this with the runtime's command line, and this becomes the runtime.
"""

import atexit
import os
import runpy
import sys
import time
from importlib.machinery import ExtensionFileLoader, ModuleSpec, PathFinder, SourceFileLoader, SourcelessFileLoader
from types import ModuleType
from typing import Any, Callable, Dict, List, Optional

# Loaders that exist once for each module; others are shared, and built-in modules take no time.
LOADERS = (SourceFileLoader, SourcelessFileLoader, ExtensionFileLoader)


class TimingFinder:
    """Comes first in `sys.meta_path`: finds modules as Python would, and puts a clock around their execution."""

    def __init__(self, last: str, shown: int) -> None:
        self.last, self.shown = last, shown
        self.own: Dict[str, float] = {}
        """Seconds of each module, without those of the modules that it imports."""
        self.total: Dict[str, float] = {}
        """Seconds of each module with them."""
        self.inside: List[float] = [0.0]  # for each import in progress, the seconds of the imports in it

    def find_spec(self, name: str, path: Any = None, target: Optional[ModuleType] = None) -> Optional[ModuleSpec]:
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, LOADERS):
            spec.loader.exec_module = self.timed(name, spec.loader.exec_module)  # type: ignore[method-assign]
        return spec

    def timed(self, name: str, execute: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
        """The same function, with a clock around it."""

        def execute_and_measure(module: ModuleType) -> None:
            start = time.perf_counter()
            self.inside.append(0.0)
            try:
                execute(module)
            finally:
                seconds = time.perf_counter() - start
                self.own[name] = seconds - self.inside.pop()
                self.total[name] = seconds
                self.inside[-1] += seconds
            if name == self.last:
                # Now, and not at the end: a function is killed, so what runs at the exit of other programs never does.
                self.finish()

        return execute_and_measure

    def finish(self) -> None:
        """Stop measuring, and print."""
        sys.meta_path.remove(self)  # type: ignore[arg-type]
        print(f"[time-imports] {len(self.own)} modules in {sum(self.inside):.3f} s; the slowest:")
        for name in sorted(self.total, key=self.total.__getitem__, reverse=True)[: self.shown]:
            print(f"[time-imports] {self.total[name]:.3f} s, {self.own[name]:.3f} s of it in itself: {name}")
        sys.stdout.flush()


def main(command: List[str]) -> None:
    """Become the program that the command line after `python` names."""
    at_exit = os.environ.get("IMPORTS_PRINT") == "exit"
    # Lambda names the handler in a variable; in a container image it is also the last word of the command line.
    handler = (os.environ.get("_HANDLER") or command[-1]).rpartition(".")[0].replace("/", ".")
    shown = os.environ.get("IMPORTS") or "5"
    if not shown.isdigit():
        sys.exit(f"IMPORTS is {shown!r}, but must be a number of lines")
    finder = TimingFinder("" if at_exit else handler, int(shown))
    sys.meta_path.insert(0, finder)  # type: ignore[arg-type]
    if at_exit:
        atexit.register(finder.finish)
    sys.argv = command
    if command[0] == "-m":
        sys.path[0], sys.argv = os.getcwd(), command[1:]
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(command[0])
        runpy.run_path(command[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
