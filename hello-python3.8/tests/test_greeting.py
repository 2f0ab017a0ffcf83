"""The business logic alone: no Lambda, no network, no log."""

import sys
from typing import Any, Callable

import pytest
from app.greeting import InvalidRequest, SimpleException, process_request

PERSON = {"firstName": "Ada", "lastName": "Lovelace", "age": 36}


def test_answer_when_the_request_is_right(event: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The greeting names the person, the running Python and the package manager; the result is the age."""
    monkeypatch.setenv("PACKAGE_MANAGEMENT_SYSTEM", "conda")
    python = "Python{}.{}".format(*sys.version_info)
    assert process_request(event("hello")) == {
        "greeting": f"Hello Bogdan-Eugen Mihai, this is a {python} AWS Lambda function developed using conda!",
        "result": "Your age in hexadecimal is 0x22",
    }


def test_package_manager_when_the_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PACKAGE_MANAGEMENT_SYSTEM the greeting says pip."""
    monkeypatch.delenv("PACKAGE_MANAGEMENT_SYSTEM", raising=False)
    assert process_request(PERSON)["greeting"].endswith("developed using pip!")


@pytest.mark.parametrize(("age", "hexadecimal"), [(0, "0x0"), (255, "0xff"), (2**70, "0x400000000000000000")])
def test_result_when_the_age_is_special(age: int, hexadecimal: str) -> None:
    """Every whole number from 0 on is an age."""
    assert process_request({**PERSON, "age": age})["result"] == f"Your age in hexadecimal is {hexadecimal}"


def test_error_when_the_caller_wants_one(event: Callable[[str], Any]) -> None:
    """With throwError the response is a SimpleException."""
    with pytest.raises(SimpleException, match=r"^Sorry, but the caller wants me to throw an error$"):
        process_request(event("throw-error"))


@pytest.mark.parametrize("extra", [{"throwError": False}, {"middleName": "King"}])
def test_answer_when_there_are_more_fields(extra: Any) -> None:
    """A false throwError and fields the function does not know change nothing."""
    assert process_request({**PERSON, **extra}) == process_request(PERSON)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"firstName": ""}, "firstName must be a string that is not empty"),
        ({"firstName": " \t"}, "firstName must be a string that is not empty"),
        ({"firstName": None}, "firstName must be a string that is not empty"),
        ({"lastName": 7}, "lastName must be a string that is not empty"),
        ({"age": -1}, "age must be a whole number, 0 or more"),
        ({"age": "36"}, "age must be a whole number, 0 or more"),
        ({"age": 36.0}, "age must be a whole number, 0 or more"),
        ({"age": True}, "age must be a whole number, 0 or more"),
        ({"age": None}, "age must be a whole number, 0 or more"),
        ({"throwError": 1}, "throwError must be true or false"),
        ({"throwError": None}, "throwError must be true or false"),
        ({"publicIp": "yes"}, "publicIp must be true or false"),
    ],
)
def test_error_when_a_field_is_wrong(change: Any, message: str) -> None:
    """The message names the field and says what it must be."""
    with pytest.raises(InvalidRequest) as error:
        process_request({**PERSON, **change})
    assert str(error.value) == message


@pytest.mark.parametrize("field", PERSON)
def test_error_when_a_field_is_missing(field: str) -> None:
    """The message names the missing field."""
    with pytest.raises(InvalidRequest) as error:
        process_request({name: value for name, value in PERSON.items() if name != field})
    assert str(error.value) == f"{field} is missing"


def test_error_when_several_fields_are_wrong() -> None:
    """One message lists all that is wrong, and a wrong request is refused before it may ask for an error."""
    with pytest.raises(InvalidRequest) as error:
        process_request({"lastName": "", "age": -1, "throwError": True})
    assert str(error.value) == (
        "firstName is missing; lastName must be a string that is not empty; age must be a whole number, 0 or more"
    )


@pytest.mark.parametrize("request_", [None, [], "Ada", 36, True])
def test_error_when_the_request_is_not_an_object(request_: Any) -> None:
    """Any JSON but an object is refused."""
    with pytest.raises(InvalidRequest, match=r"^The request must be a JSON object$"):
        process_request(request_)
