"""What importing a part brings with it, and that each part can be imported alone."""

import importlib
import json
import os

import pytest

from conftest import run_python

HEAVY = ("requests", "urllib3", "boto3", "pydantic", "asyncio")

PARTS = {
    "pypwext": set(),
    "pypwext.base": set(),
    "pypwext.environment": set(),
    "pypwext.encoders": set(),
    "pypwext.errors": set(),
    "pypwext.utils": set(),
    "pypwext.pwlogging": set(),
    "pypwext.service": set(),
    "pypwext.pwhttp": {"requests", "urllib3"},
    "pypwext.models": {"pydantic"},
}

NAMES = {
    "pypwext.environment": "init_env",
    "pypwext.base": "InfoClassification Message Classification Arguments Return Operation Error SupportsToJson "
    "SupportsToCuratedDict LogType LogEntryType",
    "pypwext.pwlogging": "PyPwExtLogger LogEntryType LogType VERBOSE",
    "pypwext.encoders": "PyPwExtJSONEncoder",
    "pypwext.errors": "PyPwExtError StdPyPwExtError PyPwExtHTTPError PyPwExtInternalError PyPwExtErrorWithReturn "
    "ErrorAction ErrorCollector StdErrorCollector PyPwExtErrorHandler get_current_collector",
    "pypwext.pwhttp": "PyPwExtHTTPSession PyPwExtHTTPAdapter PyPwExtRetry LambdaResponse",
    "pypwext.service": "PyPwExtResponse PyPwExtService ResponseType PyPwExtReturn pypwext_response",
    "pypwext.utils": "get_log_level render_arg_env_string try_convert_to_dict is_dataclass_instance",
    "pypwext.models": "PyPwExtModel",
}


@pytest.mark.parametrize("part", PARTS)
def test_import_brings_only_what_it_needs_when_it_is_the_first(part):
    """requests, boto3, pydantic and asyncio are loaded by the parts that need them, and by no others."""
    script = "import importlib, json, sys; importlib.import_module(sys.argv[1]); print(json.dumps(list(sys.modules)))"
    loaded = set(json.loads(run_python(script, part)))
    # What comes with Powertools and with the libraries a part is built on is not ours to save.
    given = set()
    libraries = {"pypwext.pwlogging": "aws_lambda_powertools", "pypwext.models": "pydantic.main"}
    for name in {"json", *PARTS[part], libraries.get(part, "json")}:
        given |= set(json.loads(run_python(script, name)))
    assert (loaded - given) & set(HEAVY) == set()
    assert loaded & {"requests", "boto3", "pydantic"} == PARTS[part] - {"urllib3"}


def test_import_of_logging_loads_no_http_client_when_it_is_the_first():
    """The logger works without requests, boto3 and pydantic, even where they cannot be imported."""
    script = (
        "import sys; sys.modules.update(dict.fromkeys(('requests', 'boto3', 'pydantic')));"
        "from pypwext.pwlogging import PyPwExtLogger; PyPwExtLogger(service='orders').info('hello')"
    )
    assert json.loads(run_python(script))["message"] == {"msg": "hello"}


def test_service_answers_when_pydantic_is_missing():
    """Responses need no pydantic; only parsing says that it is missing."""
    script = (
        "import sys; sys.modules.update(dict.fromkeys(('requests', 'boto3')));"
        "from pypwext.service import PyPwExtService, PyPwExtResponse;"
        "handler = PyPwExtService().handler(lambda event, context: PyPwExtResponse(answer=42));"
        "print(handler({'version': '2.0'}, None)['body'])"
    )
    assert json.loads(run_python(script)) == {"answer": 42}


def test_http_tells_its_extra_when_requests_is_missing():
    """A missing library is named together with the extra that brings it."""
    script = "import sys; sys.modules['requests'] = None\ntry: import pypwext.pwhttp\nexcept ImportError as e: print(e)"
    assert "pypwext-decorators[http]" in run_python(script)


@pytest.mark.parametrize(("module", "name"), [(m, name) for m, names in NAMES.items() for name in names.split()])
def test_public_name_exists_when_imported(module, name):
    """Each public name is where it is documented, and a class says that this is its home."""
    value = getattr(importlib.import_module(module), name)
    assert getattr(value, "__module__", "pypwext").startswith("pypwext")
    assert not getattr(value, "__module__", "").startswith("pypwext._")


def test_package_is_typed_when_installed():
    """Type checkers find the marker that tells them to read the annotations."""
    import pypwext

    assert os.path.exists(os.path.join(os.path.dirname(pypwext.__file__), "py.typed"))


def test_level_name_is_known_when_logger_is_the_first_in_the_process():
    """VERBOSE can be named in the constructor of the first logger."""
    script = (
        "from pypwext.pwlogging import PyPwExtLogger, VERBOSE;"
        "PyPwExtLogger(service='a', level='VERBOSE').verbose('by name');"
        "PyPwExtLogger(service='b', level=VERBOSE).verbose('by number')"
    )
    rows = [json.loads(line) for line in run_python(script).splitlines()]
    assert [(row["level"], row["message"]["msg"]) for row in rows] == [("VERBOSE", "by name"), ("VERBOSE", "by number")]
