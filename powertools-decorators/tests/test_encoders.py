"""Everything becomes JSON."""

import base64
import collections
import dataclasses
import datetime
import decimal
import enum
import json
import logging
import pathlib
import sys
import threading
import uuid
from unittest.mock import MagicMock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypwext.encoders import PyPwExtJSONEncoder, RowSerializer, dumps
from pypwext.errors import StdPyPwExtError

try:
    import pydantic
except ImportError:
    pydantic = None


def encode(value, hook=None):
    """Return what a reader of the JSON gets."""
    return json.loads(dumps(value, hook))


class Color(enum.Enum):
    RED = "red"


class Size(enum.IntEnum):
    BIG = 9


@dataclasses.dataclass
class Point:
    x: int = 1
    lock: object = dataclasses.field(default_factory=threading.Lock)


class Curated:
    def dict(self):
        return {"curated": {1}}


class JsonText:
    def json(self, default=None):
        return '{"json": [1]}'


class JsonDict:
    def json(self, default=None):
        return {"json": {1}}


class NoJsonText:
    def json(self, default=None):
        return "no { json"


class Broken:
    def dict(self):
        raise RuntimeError("broken")

    def __str__(self):
        raise RuntimeError("broken")


class BrokenError(StdPyPwExtError):
    def dict(self):
        raise RuntimeError("broken")


class PowertoolsLikeResponse:
    def __init__(self):
        self.status_code, self.headers, self.body = 200, {}, "{}"


def make_traceback():
    try:
        raise ValueError("went wrong")
    except ValueError:
        return sys.exc_info()[2]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (ValueError("went wrong"), "went wrong"),
        (ValueError(), "ValueError()"),
        (datetime.datetime(2024, 1, 2, 3, 4, 5), "2024-01-02T03:04:05"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        (datetime.time(3, 4, 5), "03:04:05"),
        (datetime.timedelta(seconds=1), "0:00:01"),
        (Curated(), {"curated": [1]}),
        (JsonText(), {"json": [1]}),
        (JsonDict(), {"json": [1]}),
        (NoJsonText(), "no { json"),
        (decimal.Decimal("1.10"), "1.10"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset("ba"), ["a", "b"]),
        (b"text", "text"),
        (b"\xff\x00", base64.b64encode(b"\xff\x00").decode()),
        (bytearray(b"text"), "text"),
        (memoryview(b"text"), "text"),
        (Color.RED, "red"),
        (Size.BIG, 9),
        (pathlib.PurePosixPath("/tmp/a"), "/tmp/a"),
        (collections.deque([1, 2]), [1, 2]),
        (range(3), [0, 1, 2]),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.values(), [1]),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.ChainMap({"a": 1}), {"a": 1}),
        (collections.namedtuple("Pair", "a b")(1, 2), [1, 2]),
        (PowertoolsLikeResponse(), {"status_code": 200, "headers": {}, "body": "{}"}),
        (Broken(), "<Broken>"),
        (BrokenError("text"), "text"),
        (Curated, "test_encoders.Curated"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ({float("nan"): 1, None: 2, True: 3, 4: 5}, {"nan": 1, "null": 2, "true": 3, "4": 5}),
        ({Color.RED: 1, uuid.UUID(int=1): 2}, {"red": 1, "00000000-0000-0000-0000-000000000001": 2}),
    ],
)
def test_value_is_encoded_when_it_is(value, expected):
    """Each kind of value has its form."""
    assert encode({"value": value}) == {"value": expected}


def test_class_name_is_shown_when_mock_is_encoded():
    """An object that pretends to have every method ends as text."""
    assert encode(MagicMock(name="mock")).startswith("<MagicMock")


def test_error_is_an_object_when_encoded():
    """An error comes out as JSON, not as JSON within a text, whatever its details hold."""
    error = StdPyPwExtError("no", code=404, details={"point": Point(), "inner": StdPyPwExtError("why")})
    encoded = encode(error)
    assert encoded["code"] == 404
    assert encoded["details"]["point"]["x"] == 1
    assert encoded["details"]["inner"]["msg"] == "why"


def test_traceback_is_text_when_encoded():
    """A traceback shows its lines."""
    assert "make_traceback" in encode(make_traceback())


def test_dataclass_is_shallow_when_a_field_cannot_be_copied():
    """Fields such as locks do not keep a dataclass from being shown."""
    encoded = encode(Point())
    assert encoded["x"] == 1
    assert "lock" in encoded["lock"]


@pytest.mark.skipif(pydantic is None or not hasattr(pydantic, "TypeAdapter"), reason="pydantic 2 is not installed")
class TestPydantic:
    def test_model_is_dumped_when_encoded(self, recwarn):
        """Models of pydantic 2 are asked in the way that does not warn."""

        class Model(pydantic.BaseModel):
            when: datetime.date = datetime.date(2024, 1, 2)
            secret: pydantic.SecretStr = pydantic.SecretStr("hidden")

        assert encode(Model()) == {"when": "2024-01-02", "secret": "**********"}
        assert [w for w in recwarn if "deprecated" in str(w.message)] == []

    def test_model_is_dumped_when_a_field_has_no_json_form(self):
        """A field only Python knows is left to this encoder."""

        class Thing:
            def __str__(self):
                return "thing"

        class Model(pydantic.BaseModel):
            model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
            thing: Thing

        assert encode(Model(thing=Thing())) == {"thing": "thing"}


class TestHook:
    @pytest.mark.parametrize("answer", ["", 0, False, {}, [], "text"])
    def test_answer_is_taken_when_it_is(self, answer):
        """Any answer but None counts, also an empty one."""
        assert encode(..., lambda o: answer) == answer

    def test_value_falls_through_when_hook_returns_none(self):
        """None means that the hook does not know the value."""
        assert encode({1}, lambda o: None) == [1]

    def test_value_falls_through_when_hook_raises_type_error(self):
        """So does TypeError, the way of functions for json.dumps."""

        def hook(o):
            raise TypeError

        assert encode({1}, hook) == [1]

    def test_hook_is_asked_first_when_value_is_an_error(self):
        """It comes before everything this encoder knows."""
        assert encode(StdPyPwExtError("no"), lambda o: "mine") == "mine"

    def test_default_is_asked_when_it_is_passed_too(self):
        """The default= of json.dumps is a hook as well."""
        assert json.loads(json.dumps({1}, cls=PyPwExtJSONEncoder, default=lambda o: "mine")) == "mine"

    def test_hook_may_return_the_value_itself_when_it_errs(self):
        """A hook that responds with the question does not hang the encoder."""
        assert encode({"value": ...}, lambda o: o) == {"value": "<circular reference>"}


class TestUse:
    def test_encoder_works_when_passed_as_class(self):
        """json.dumps(cls=...) is the common way."""
        assert json.dumps({"a": {1}}, cls=PyPwExtJSONEncoder) == '{"a": [1]}'

    def test_encoder_works_when_passed_as_function(self):
        """An instance is a function for default=, with its hook."""
        assert json.dumps({"a": {1}}, default=PyPwExtJSONEncoder(lambda o: 2)) == '{"a": 2}'

    def test_encoder_works_when_written_to_a_file(self, tmp_path):
        """json.dump writes piece by piece, so nothing odd may show up in the middle."""
        target = tmp_path / "file.json"
        with target.open("w") as file:
            json.dump({"a": {1}, (1, 2): float("nan")}, file, cls=PyPwExtJSONEncoder)
        assert json.loads(target.read_text()) == {"a": [1], "[1, 2]": "nan"}

    def test_options_are_kept_when_passed(self):
        """The options of json.dumps keep their meaning."""
        assert dumps({"b": "ä", "a": 1}, sort_keys=True, ensure_ascii=False, separators=(",", ":")) == '{"a":1,"b":"ä"}'
        assert dumps({"a": {1}}, indent=1) == '{\n "a": [\n  1\n ]\n}'


class TestEndless:
    def test_circle_ends_when_object_contains_itself(self):
        """A stand-in takes the place of what would never end."""
        circle = {}
        circle["me"] = circle
        assert encode(circle) == {"me": "<circular reference>"}

    def test_depth_ends_when_object_makes_ever_new_ones(self):
        """An object that renders as another of its kind ends at some depth."""

        class Endless:
            def dict(self):
                return {"next": Endless()}

        assert '"next": {"next": ' in dumps(Endless())

    def test_depth_ends_when_list_is_nested_too_deeply(self):
        """Deeper than Python can follow is cut."""
        nested = []
        for _ in range(100_000):
            nested = [nested]
        assert dumps(nested).startswith("[[[[")

    def test_number_is_hexadecimal_when_python_refuses_decimal(self):
        """A number too long for Python to print has a form, too."""
        text = dumps({"value": 1 << 20_000})
        assert text.startswith('{"value": "0x1' if hasattr(sys, "get_int_max_str_digits") else '{"value": 39')


def refuse(constant):
    raise AssertionError(f"{constant} is not JSON")


json_like = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(),
        st.characters(whitelist_categories=("Cs",)),  # halves of surrogate pairs
        st.binary(),
        st.decimals(),
        st.dates(),
        st.datetimes(),
        st.times(),
        st.timedeltas(),
        st.uuids(),
        st.complex_numbers(),
        st.fractions(),
        st.sampled_from([Color.RED, Size.BIG, Curated(), JsonText(), JsonDict(), Broken(), Curated, ..., print]),
        st.builds(StdPyPwExtError, st.text()),
        st.builds(ValueError, st.text()),
    ),
    lambda inner: st.one_of(
        st.lists(inner),
        st.tuples(inner, inner),
        st.dictionaries(
            st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.tuples(st.text(), st.floats()), st.uuids()),
            inner,
        ),
        st.builds(Point, inner),
        st.builds(lambda details: StdPyPwExtError("no", details={"details": details}), inner),
        st.sets(st.one_of(st.text(), st.integers(), st.binary())),
    ),
    max_leaves=20,
)


class TestProperties:
    @given(json_like)
    def test_text_is_valid_json_when_value_is_anything(self, value):
        """Every value has a text, and every text is JSON: no NaN, nothing a strict parser refuses."""
        text = dumps(value)
        text.encode()
        json.loads(text, parse_constant=refuse)

    @given(json_like)
    def test_row_is_one_line_of_utf8_when_value_is_anything(self, value):
        """The same holds for log rows, which are written as UTF-8 and must stay in one line."""
        text = RowSerializer()({"message": value})
        assert b"\n" not in text.encode()
        json.loads(text, parse_constant=refuse)

    @given(
        st.recursive(
            st.one_of(
                st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
            ),
            lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
        )
    )
    def test_value_is_the_same_when_it_was_json_before(self, value):
        """What JSON can hold comes out as it went in."""
        assert json.loads(dumps(value)) == value

    @given(json_like)
    def test_logger_never_loses_a_row_when_value_is_anything(self, value):
        """Whatever is logged, there is one row, and an exception in the handler reaches no caller."""
        failures = []

        class Handler(logging.Handler):
            def emit(self, record):
                try:
                    json.loads(RowSerializer()({"message": record.msg}), parse_constant=refuse)
                except Exception as error:
                    failures.append(error)

        Handler().emit(logging.makeLogRecord({"msg": {"value": value}}))
        assert failures == []
