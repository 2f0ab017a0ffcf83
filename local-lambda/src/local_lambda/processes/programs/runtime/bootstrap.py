"""The program of the managed Python runtime, as `/var/runtime/bootstrap.py` is on Lambda. Runs on Python 3.8 to 3.14.

It puts the code and the layers on `sys.path` in Lambda's order and hands over to `awslambdaric`, the runtime interface
client, which is found in the function's own environment. This file must not import anything from the package, and
its folder must not hold anything else: wrappers put `LAMBDA_RUNTIME_DIR` on `PYTHONPATH`.
"""

import os
import site
import sys


def prepare_path(task_root):  # type: (str) -> None
    """Set `sys.path` as Lambda does: the code, then the layers, then the interpreter's own folders."""
    layers = []
    if "PYTHONPATH" not in os.environ:
        release = "python{}.{}".format(*sys.version_info[:2])
        opt = os.environ.pop("_LOCAL_LAMBDA_LAYERS", "/opt")
        layers = [opt + "/python/lib/" + release + "/site-packages", opt + "/python"]
    own_folder = os.path.dirname(os.path.abspath(__file__))
    others = [entry for entry in sys.path if os.path.abspath(entry or ".") != own_folder]
    sys.path[:] = [task_root] + [layer for layer in layers if os.path.isdir(layer)] + others
    for folder in [task_root] + layers:
        site.addsitedir(folder)


if __name__ == "__main__":
    prepare_path(os.environ["LAMBDA_TASK_ROOT"])
    debugger = os.environ.pop("_LOCAL_LAMBDA_DEBUGGER", None)
    if debugger is not None:
        import runpy

        program, _, setting = debugger.partition(":")
        runpy.run_path(program)["prepare"](setting)
    snapshot = os.environ.pop("_LOCAL_LAMBDA_SNAPSHOT", None)
    if snapshot is not None:
        import runpy

        program, _, setting = snapshot.rpartition(":")
        runpy.run_path(program)["prepare"](setting)
    # The name is part of Lambda's interface: SDKs such as Sentry's look for it in `__main__` and patch its contents.
    try:
        import awslambdaric.__main__ as awslambdaricmain
    except ImportError as error:
        if not (error.name or "").startswith("awslambdaric"):
            raise
        sys.exit(
            "{0} has no awslambdaric, the runtime interface client; install it: {0} -m pip install awslambdaric".format(
                sys.executable
            )
        )
    awslambdaricmain.main([os.environ["LAMBDA_TASK_ROOT"], os.environ["_HANDLER"]])
