"""What a function's process does before the runtime when it is debugged. Runs on Python 3.8 to 3.14.

`bootstrap.py` runs this file as a script and calls `prepare`. Nothing here may be imported from the package.
"""

import json
import os
import sys


def prepare(text):  # type: (str) -> None
    """Prepare debugging as `text`, a JSON document, says: for a debugger, or for pdb on the terminal of the tool."""
    setting = json.loads(text)
    if "terminal" in setting:
        sys.breakpointhook = Terminal(setting["terminal"], setting["token"]).set_trace
    else:
        wait_for_debugger(setting)


def wait_for_debugger(setting):  # type: (dict) -> None
    """Listen with debugpy, and return when a debugger has attached and has set its breakpoints."""
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # or it warns of modules that are part of Python
    find_debugpy(setting["debugpy"])
    import debugpy.server.api  # puts the folder of pydevd on the path
    import pydevd_file_utils

    own, original = setting["paths"], pydevd_file_utils.setup_client_server_paths
    # Editors send their own mappings, which know nothing of the sandbox: ours come first.
    pydevd_file_utils.setup_client_server_paths = lambda paths: original(list(map(tuple, own)) + list(paths))
    pydevd_file_utils.setup_client_server_paths([])
    del os.environ["PYDEVD_DISABLE_FILE_VALIDATION"]
    # The part that talks to the editor runs on the tool's Python, for which this debugpy was made.
    debugpy.configure(subProcess=False, python=setting["python"])
    debugpy.listen(("127.0.0.1", setting["port"]))
    debugpy.wait_for_client()


def find_debugpy(folder):  # type: (str) -> None
    """Import the function's own debugpy, else the one in `folder`, without its neighbors."""
    import importlib.util

    if importlib.util.find_spec("debugpy") is None:
        spec = importlib.util.spec_from_file_location(
            "debugpy", folder + "/__init__.py", submodule_search_locations=[folder]
        )
        sys.modules["debugpy"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)


class Terminal:
    """pdb over a connection to the tool, which passes on what is typed. It is open while pdb has the control."""

    def __init__(self, port, token):  # type: (int, str) -> None
        self.port = port
        self.token = token

    def set_trace(self, *ignored, **settings):  # type: (object, object) -> None
        """What `breakpoint()` calls."""
        import pdb
        import socket

        connection = socket.create_connection(("127.0.0.1", self.port))
        stream = connection.makefile("rw", encoding="utf-8", errors="replace")
        stream.write(self.token + "\n")
        stream.flush()

        class Remote(pdb.Pdb):
            def set_continue(self):
                super().set_continue()
                stream.close()
                connection.close()

            def set_quit(self):
                super().set_quit()
                stream.close()
                connection.close()

        debugger = Remote(stdin=stream, stdout=stream, nosigint=True, readrc=False)
        debugger.use_rawinput = False
        debugger.set_trace(sys._getframe(1))
