"""Templates: single pass, and arguments stay where they belong."""

import os
import string
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pypwext.errors import PyPwExtInternalError
from pypwext.utils import render_arg_env_string, render_url

SECRET = "the secret of the environment"


@pytest.fixture(autouse=True)
def secret(environment):
    """A variable that must never get out."""
    environment.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    environment.setenv("STAGE", "dev")
    environment.setenv("API_URL", "https://api.example/base path")
    environment.delenv("MISSING", raising=False)


@pytest.mark.parametrize(
    ("template", "arguments", "expected"),
    [
        ("plain", {}, "plain"),
        ("", {}, ""),
        ("{a}", {"a": "x"}, "x"),
        ("{a}{a}-{b}", {"a": "x", "b": "y"}, "xx-y"),
        ("{STAGE}/{STAGE}/{a}", {"a": 5}, "dev/dev/5"),
        ("{a}", {"a": "{b}", "b": "no"}, "{b}"),
        ("{a}", {"a": "{AWS_SECRET_ACCESS_KEY}"}, "{AWS_SECRET_ACCESS_KEY}"),
        ("{a}{b}", {"a": "{STA", "b": "GE}"}, "{STAGE}"),
        ("{{a}} {{STAGE}}", {"a": "x"}, "{a} {STAGE}"),
        ("{{{a}}}", {"a": "x"}, "{x}"),
        ("{STAGE}", {"STAGE": "argument"}, "dev"),
        ("{Mixed}", {"Mixed": "x"}, "x"),
        ("{a}", {"a": None}, "None"),
        (7, {}, 7),
        (None, {}, ""),
    ],
)
def test_template_is_rendered_when_given(template, arguments, expected):
    """Lower case from the arguments, upper case from the environment, once."""
    assert render_arg_env_string(template, arguments) == expected


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{a}", "'a'"),
        ("{MISSING}", "'MISSING'"),
        ("{}", "''"),
        ("{customer.email}", "'customer.email'"),
        ("{ open", "brace"),
        ("closed }", "brace"),
    ],
)
def test_template_is_refused_when_something_is_missing(template, complaint):
    """What cannot be filled in is named; the error is one of this package and a ValueError."""
    with pytest.raises(PyPwExtInternalError, match=complaint) as caught:
        render_arg_env_string(template, {"customer": object()})
    assert isinstance(caught.value, ValueError)
    assert caught.value.code == 500


class TestUrl:
    @pytest.mark.parametrize(
        ("template", "arguments", "expected"),
        [
            ("https://x.example/{a}", {"a": "a/b?c#d"}, "https://x.example/a%2Fb%3Fc%23d"),
            ("https://x.example/{a}", {"a": "ä b"}, "https://x.example/%C3%A4%20b"),
            ("https://x.example/{a}", {"a": "100%"}, "https://x.example/100%25"),
            ("https://x.example/{a}.txt", {"a": ".."}, "https://x.example/...txt"),
            ("https://x.example/?q={a}", {"a": "1&admin=true"}, "https://x.example/?q=1%26admin%3Dtrue"),
            ("https://{id}.example/{id}", {"id": "abc-1"}, "https://abc-1.example/abc-1"),
            ("https://{host}/", {"host": "localhost:8080"}, "https://localhost:8080/"),
            ("{base}/items/{a}", {"base": "http://127.0.0.1:1/v1", "a": "/"}, "http://127.0.0.1:1/v1/items/%2F"),
            ("{API_URL}/items/{a}", {"a": "x"}, "https://api.example/base path/items/x"),
            ("https://x.example/{STAGE}/../{a}", {"a": "x"}, "https://x.example/dev/../x"),
        ],
    )
    def test_url_is_rendered_when_given(self, template, arguments, expected):
        """An argument is escaped for the place where it stands."""
        assert render_url(template, arguments) == expected

    @pytest.mark.parametrize(
        "value", ["evil.example/", "evil.example?", "evil.example#", "user@evil", "a\\b", "a b", "%"]
    )
    def test_url_is_refused_when_argument_would_end_the_host(self, value):
        """A host is a host: nothing in an argument can send the request elsewhere."""
        with pytest.raises(PyPwExtInternalError, match="host"):
            render_url("https://{id}.execute-api.eu-west-1.amazonaws.com/", {"id": value})

    @pytest.mark.parametrize(
        ("template", "arguments"),
        [
            ("https://x.example/files/{a}", {"a": ".."}),
            ("https://x.example/files/{a}/meta", {"a": "."}),
            ("https://x.example/files/{a}{b}?q=1", {"a": ".", "b": "."}),
        ],
    )
    def test_url_is_refused_when_argument_would_climb(self, template, arguments):
        """Dots cannot be escaped, so they are refused where they would be a whole segment."""
        with pytest.raises(PyPwExtInternalError, match="path"):
            render_url(template, arguments)

    def test_slash_of_variable_is_kept_when_rendered(self, environment):
        """The environment is the developer's own."""
        environment.setenv("PREFIX", "a/b")
        assert render_url("https://x.example/{PREFIX}", {}) == "https://x.example/a/b"


names = st.text(string.ascii_lowercase, min_size=1, max_size=3)
tricky = st.one_of(
    st.text(),
    st.sampled_from(["{AWS_SECRET_ACCESS_KEY}", "{{AWS_SECRET_ACCESS_KEY}}", "{", "}", "{a}", "AWS_SECRET_ACCESS_KEY"]),
    st.text("{}AWS_SECRET_ACCESS_KEY", max_size=60),
)


class TestProperties:
    @given(
        parts=st.lists(st.one_of(names.map("{%s}".__mod__), st.sampled_from(["/", "-", "{{", "}}", "{STAGE}"]))),
        values=st.dictionaries(names, tricky),
    )
    @example(parts=["{a}"], values={"a": "{AWS_SECRET_ACCESS_KEY}"})
    @example(parts=["{a}", "{b}"], values={"a": "{AWS_SECRET_", "b": "ACCESS_KEY}"})
    @example(parts=["{{", "{a}", "}}"], values={"a": "AWS_SECRET_ACCESS_KEY"})
    def test_no_value_expands_to_a_variable_when_rendered(self, parts, values):
        """Whatever the arguments are, a variable the template does not name stays where it is."""
        template = "".join(parts)
        for render in (render_arg_env_string, render_url):
            try:
                rendered = render(template, values)
            except PyPwExtInternalError as error:
                rendered = str(error)
            assert SECRET not in rendered

    @given(value=tricky)
    def test_value_arrives_as_it_is_when_rendered(self, value):
        """Text in, the same text out."""
        assert render_arg_env_string("<{a}>", {"a": value}) == f"<{value}>"

    @given(
        value=tricky.filter(lambda text: text not in (".", "..") and not any("\ud800" <= c <= "\udfff" for c in text))
    )
    def test_value_stays_in_its_segment_when_rendered_into_a_url(self, value):
        """The host, the other segments and the query are what the template says."""
        url = render_url("https://x.example/before/{a}/after?q={a}&r=1", {"a": value})
        parts = urlsplit(url)
        before, segment, after = parts.path[1:].split("/")
        assert (parts.netloc, before, after) == ("x.example", "before", "after")
        assert unquote(segment) == value
        assert parse_qsl(parts.query, keep_blank_values=True) == [("q", value), ("r", "1")]

    @given(value=tricky)
    def test_host_ends_as_the_template_says_when_value_is_part_of_it(self, value):
        """Either the argument is refused, or the host still ends in what the template has."""
        try:
            url = render_url("https://{a}.execute-api.eu-west-1.amazonaws.com/x", {"a": value})
        except PyPwExtInternalError:
            return
        assert urlsplit(url).netloc.endswith(".execute-api.eu-west-1.amazonaws.com")
        assert "@" not in urlsplit(url).netloc


def test_environment_is_not_changed_when_rendered():
    """Rendering reads, nothing more."""
    before = dict(os.environ)
    render_arg_env_string("{STAGE}{a}", {"a": "{NEW}"})
    assert dict(os.environ) == before
