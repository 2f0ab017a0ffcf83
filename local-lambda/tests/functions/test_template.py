"""Templates become function descriptions; one line reports what is wrong with a template."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from local_lambda.errors import UsageError
from local_lambda.functions.config import ApiRoute, FunctionConfig, LoggingConfig
from local_lambda.functions.given import Given
from local_lambda.functions.template import Functions, load_functions, select

Load = Callable[..., Functions]
HELLO: dict[str, Any] = {
    "Type": "AWS::Serverless::Function",
    "Properties": {"Handler": "app.handler", "Runtime": "python3.11"},
}


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a template given as text, as a document, or as the properties of its only function, Hello."""

    def load(
        source: str | None = None,
        shell: Mapping[str, str] | None = None,
        document: Any = None,
        given: Mapping[str, Any] = MappingProxyType({}),
        **properties: Any,
    ) -> Functions:
        if document is None:
            document = {"Resources": {"Hello": {**HELLO, "Properties": {**HELLO["Properties"], **properties}}}}
        path = tmp_path / "template.yaml"
        path.write_text(json.dumps(document) if source is None else source)
        functions = load_functions(path, Given(shell or {}, **given))
        functions.require_one()
        return functions

    return load


def one(functions: Functions) -> FunctionConfig:
    return select(functions, None)


def message(error: pytest.ExceptionInfo[UsageError]) -> str:
    """The error's text without the template's path; it is always one line."""
    text = str(error.value)
    assert "\n" not in text
    return text.partition("template.yaml:")[2].strip()


EVERYTHING = """
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: dev}
  Seconds: {Type: Number, Default: 7}
Globals:
  Function:
    Runtime: python3.9
    Timeout: 10
    Layers: [!Ref Common]
    Environment:
      Variables: {SHARED: everywhere, OWN: global}
Resources:
  Common: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: common/}}
  Extension: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: extension.zip}}
  Table: {Type: AWS::DynamoDB::Table}
  Role: {Type: AWS::IAM::Role}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub hello-${Stage}
      CodeUri: src
      Handler: app.handler
      Runtime: python3.12
      Timeout: !Ref Seconds
      MemorySize: 256
      EphemeralStorage: {Size: 1024}
      Role: !GetAtt Role.Arn
      Tracing: Active
      ReservedConcurrentExecutions: 2
      Layers: [!Ref Extension]
      LoggingConfig: {LogFormat: JSON, ApplicationLogLevel: DEBUG, SystemLogLevel: WARN, LogGroup: /mine}
      Environment:
        Variables: {OWN: !Sub "${Stage} in ${AWS::Region} of ${AWS::AccountId}", PEER: !Ref Other}
      Policies:
        - DynamoDBCrudPolicy: {TableName: !Ref Table}
      Events:
        Process: {Type: Api, Properties: {Path: /process, Method: post}}
        Web: {Type: HttpApi, Properties: {Path: "/web/{id}", Method: GET}}
        Old: {Type: HttpApi, Properties: {Path: /old, Method: get, PayloadFormatVersion: "1.0"}}
        Rest: {Type: HttpApi}
        Clock: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}
  Other:
    Type: AWS::Serverless::Function
    Properties: {Handler: other.handler}
"""


def test_load_functions_reads_every_property_when_all_are_given(load: Load, tmp_path: Path) -> None:
    """A SAM function is described completely, with `Globals` merged under it and parameters put in."""
    (tmp_path / "src").mkdir()
    (tmp_path / "common").mkdir()
    (tmp_path / "extension.zip").touch()
    hello, other = load(EVERYTHING)
    assert hello == FunctionConfig(
        name="hello-dev",
        logical_id="Hello",
        handler="app.handler",
        runtime="python3.12",
        code=tmp_path / "src",
        timeout=7,
        memory_mb=256,
        ephemeral_storage_mb=1024,
        environment={"SHARED": "everywhere", "OWN": "dev in us-east-1 of 123456789012", "PEER": "Other"},
        layers=(tmp_path / "common", tmp_path / "extension.zip"),
        tracing_active=True,
        logging=LoggingConfig("JSON", "DEBUG", "WARN", "/mine"),
        reserved_concurrency=2,
        routes=(
            ApiRoute("POST", "/process", "1.0", rest=True, api="ServerlessRestApi"),
            ApiRoute("GET", "/web/{id}", "2.0", rest=False, api="ServerlessHttpApi"),
            ApiRoute("GET", "/old", "1.0", rest=False, api="ServerlessHttpApi"),
            ApiRoute("ANY", "$default", "2.0", rest=False, api="ServerlessHttpApi"),
        ),
    )
    assert (other.name, other.timeout, other.runtime, other.environment["OWN"]) == ("Other", 10, "python3.9", "global")
    assert (other.code, other.layers) == (tmp_path, (tmp_path / "common",))


def test_load_functions_uses_lambdas_defaults_when_nothing_is_said(load: Load, tmp_path: Path) -> None:
    """Handler and Runtime are enough; everything else has the service's default."""
    expected = FunctionConfig("Hello", "app.handler", logical_id="Hello", runtime="python3.11", code=tmp_path)
    assert one(load()) == expected


def test_load_functions_reads_the_cloudformation_kind_when_no_sam_is_used(load: Load, tmp_path: Path) -> None:
    """`AWS::Lambda::Function` has `Code`, `TracingConfig` and no events, and `Globals` do not concern it."""
    (tmp_path / "code").mkdir()
    properties = {**HELLO["Properties"], "Code": "code", "TracingConfig": {"Mode": "Active"}}
    document = {
        "Globals": {"Function": {"Timeout": 99}},
        "Resources": {"Plain": {"Type": "AWS::Lambda::Function", "Properties": properties}},
    }
    function = one(load(document=document))
    assert (function.code, function.tracing_active, function.timeout) == (tmp_path / "code", True, 3)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("true", "true"),
        ("no", "false"),
        ("30", "30"),
        ("1.5", "1.5"),
        ("2024-01-31", "2024-01-31"),
        ("012345670123", "012345670123"),
        ("12:30", "12:30"),
        ("0", "0"),
        ("''", ""),
    ],
)
def test_environment_values_become_strings_when_yaml_gives_other_types(load: Load, value: str, expected: str) -> None:
    """Booleans and numbers are written as CloudFormation writes them, and a date stays as it is written."""
    source = f"""
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties: {{Handler: a.b, Runtime: python3.8, Environment: {{Variables: {{NAME: {value}}}}}}}
"""
    assert one(load(source)).environment == {"NAME": expected}


def test_environment_takes_the_shells_value_when_the_template_names_the_variable(load: Load) -> None:
    """A variable set in the shell replaces the template's value; one the template does not name stays outside."""
    environment = {"Variables": {"NAMED": "template", "EMPTY": "template", "TABLE": {"Fn::ImportValue": "table"}}}
    shell = {"NAMED": "shell", "EMPTY": "", "TABLE": "local-table", "OTHER": "shell"}
    assert one(load(shell=shell, Environment=environment)).environment == {
        "NAMED": "shell",
        "EMPTY": "",
        "TABLE": "local-table",
    }


def test_environment_leaves_a_variable_out_when_it_is_no_value(load: Load) -> None:
    """`!Ref AWS::NoValue` removes a variable."""
    variables = {"GONE": {"Ref": "AWS::NoValue"}, "HERE": "yes"}
    assert one(load(Environment={"Variables": variables})).environment == {"HERE": "yes"}


def test_load_functions_leaves_functions_out_when_their_condition_is_false(load: Load) -> None:
    """A resource whose `Condition` does not hold does not exist; an undecidable one does."""
    document = {
        "Parameters": {"Stage": {"Type": "String", "Default": "dev"}},
        "Conditions": {
            "Dev": {"Fn::Equals": [{"Ref": "Stage"}, "dev"]},
            "Live": {"Fn::Not": [{"Condition": "Dev"}]},
            "Unknown": {"Fn::Equals": [{"Fn::ImportValue": "x"}, "dev"]},
        },
        "Resources": {name: {**HELLO, "Condition": name} for name in ("Dev", "Live", "Unknown")},
    }
    assert [function.name for function in load(document=document)] == ["Dev", "Unknown"]


@pytest.mark.parametrize(
    ("image_config", "handler", "command"),
    [
        ({"Command": ["app.handler"]}, "app.handler", ()),
        ({"EntryPoint": ["/entry.sh"], "Command": ["app.handler"]}, "app.handler", ("/entry.sh", "app.handler")),
        ({"EntryPoint": ["/bootstrap"]}, "", ("/bootstrap",)),
    ],
)
def test_load_functions_reads_image_config_when_the_package_is_an_image(
    load: Load, tmp_path: Path, image_config: Any, handler: str, command: tuple[str, ...]
) -> None:
    """An entry point is a program to run; a command alone is the handler for the managed runtime."""
    (tmp_path / "context").mkdir()
    resource = {
        "Type": "AWS::Serverless::Function",
        "Metadata": {"DockerContext": "context"},
        "Properties": {"PackageType": "Image", "ImageConfig": image_config},
    }
    function = one(load(document={"Resources": {"Hello": resource}}))
    assert (function.handler, function.command, function.runtime) == (handler, command, None)
    assert function.code == tmp_path / "context"


@pytest.mark.parametrize("wanted", ["Hello", "hi", "arn:aws:lambda:us-east-1:123456789012:function:hi", None])
def test_select_finds_the_function_when_any_of_its_names_is_given(load: Load, wanted: str | None) -> None:
    """Logical id, function name and ARN all name a function; the only one needs no name."""
    assert select(load(FunctionName="hi"), wanted).logical_id == "Hello"


def two_functions(other: Mapping[str, Any]) -> dict[str, Any]:
    return {"Resources": {"Hello": HELLO, "Other": {**HELLO, "Properties": {**HELLO["Properties"], **other}}}}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, "there are several functions; name one of: Hello, Other"),
        ("Nobody", "there is no function Nobody; name one of: Hello, Other"),
    ],
)
def test_select_lists_the_names_when_none_is_meant(load: Load, wanted: str | None, expected: str) -> None:
    """If no name matches, a message lists the existing names."""
    with pytest.raises(UsageError) as error:
        select(load(document=two_functions({})), wanted)
    assert message(error) == expected


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"Runtime": "nodejs22.x"}, "Other.Runtime: nodejs22.x cannot run here; local-lambda runs python3.x functions"),
        (
            {"CodeUri": "s3://bucket/key"},
            "Other.CodeUri: is not on this machine; run a folder or a zip file in its place with --code",
        ),
        (
            {"Environment": {"Variables": {"PASSWORD": "{{resolve:ssm:/db/password}}"}}},
            "Other.Environment.Variables.PASSWORD: {{resolve:ssm:/db/password}} is read on AWS;"
            " run it with `start --aws`, or set PASSWORD with --env-vars",
        ),
        (
            {"MemorySize": {"Fn::ImportValue": "size"}},
            "Other.MemorySize: !ImportValue has a value only on AWS; local-lambda needs a value: write it out",
        ),
        ({"Timeout": 901}, "Other.Timeout: 901 is not valid; give a whole number of seconds from 1 to 900"),
        ({"FunctionName": "Hello"}, "Other.FunctionName: 'Hello' is also the name of Hello; use another one"),
    ],
)
def test_select_explains_when_the_function_asked_for_cannot_run_here(
    load: Load, properties: Mapping[str, Any], expected: str
) -> None:
    """Functions that only AWS can run are explained when requested, and do no harm otherwise."""
    functions = load(document=two_functions(properties))
    assert [function.logical_id for function in functions] == ["Hello"]
    assert select(functions, None).logical_id == "Hello"
    with pytest.raises(UsageError) as error:
        select(functions, "Other")
    assert message(error) == expected


def test_load_functions_says_so_when_none_can_run_here(load: Load) -> None:
    """A template with only foreign functions is refused at once: all are named, and the first one's reason is given."""
    with pytest.raises(UsageError, match=r"Hello\.Runtime: nodejs22\.x cannot run here"):
        load(Runtime="nodejs22.x")
    foreign = {**HELLO, "Properties": {"Handler": "a.b", "Runtime": "nodejs22.x"}}
    with pytest.raises(UsageError) as error:
        load(document={"Resources": {"One": foreign, "Two": foreign}})
    assert "none of its functions can run here (One, Two): One" in message(error)


def test_load_functions_names_the_path_when_the_code_does_not_exist(load: Load, tmp_path: Path) -> None:
    """A missing CodeUri is named as it was looked for, relative to the template."""
    with pytest.raises(UsageError) as error:
        load(CodeUri="package/app.zip")
    assert f"Hello.CodeUri: {tmp_path}/package/app.zip does not exist; build it" in str(error.value)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"Timeout": 901}, "Hello.Timeout: 901 is not valid; give a whole number of seconds from 1 to 900"),
        ({"Timeout": "0"}, "Hello.Timeout: 0 is not valid; give a whole number of seconds from 1 to 900"),
        ({"Timeout": True}, "Hello.Timeout: True is not valid; give a whole number of seconds from 1 to 900"),
        ({"MemorySize": 127}, "Hello.MemorySize: 127 is not valid; give a whole number of MB from 128 to 10240"),
        ({"MemorySize": 128.5}, "Hello.MemorySize: 128.5 is not valid; give a whole number of MB from 128 to 10240"),
        (
            {"MemorySize": "lots"},
            "Hello.MemorySize: 'lots' is not valid; give a whole number of MB from 128 to 10240",
        ),
        (
            {"EphemeralStorage": {"Size": 100}},
            "Hello.EphemeralStorage.Size: 100 is not valid; give a whole number of MB from 512 to 10240",
        ),
        ({"Handler": None}, "Hello.Handler: is missing; name the function, such as app.lambda_handler"),
        ({"Runtime": None}, "Hello.Runtime: is missing; name one, such as python3.12"),
        ({"Handler": ["a"]}, "Hello.Handler: must be a string; a list or a mapping is not one"),
        ({"Tracing": "On"}, "Hello.Tracing: 'On' is unknown; use Active or PassThrough or Disabled"),
        ({"PackageType": "Tar"}, "Hello.PackageType: 'Tar' is unknown; use Zip or Image"),
        (
            {"LoggingConfig": {"LogFormat": "XML"}},
            "Hello.LoggingConfig.LogFormat: 'XML' is unknown; use Text or JSON",
        ),
        (
            {"LoggingConfig": {"SystemLogLevel": "TRACE"}},
            "Hello.LoggingConfig.SystemLogLevel: 'TRACE' is unknown; use DEBUG or INFO or WARN",
        ),
        ({"LoggingConfig": "JSON"}, "Hello.LoggingConfig: must be a mapping; give it properties"),
        (
            {
                "Environment": {
                    "Variables": {"AWS_REGION": "x", "FINE": "x", "_X": "y", "LAMBDA_TASK_ROOT": "z", "TZ": "z"}
                }
            },
            "Hello.Environment.Variables: Lambda was unable to configure your environment variables because the"
            " environment variables you have provided contains reserved keys that are currently not supported for"
            " modification. Reserved keys used in this request: AWS_REGION, LAMBDA_TASK_ROOT",
        ),
        (
            {"Environment": {"Variables": {"_HANDLER": "x"}}},
            "Hello.Environment.Variables._HANDLER: is not a name; use a letter, then one or more letters, digits and _",
        ),
        (
            {"Environment": {"Variables": {"X": "one letter"}}},
            "Hello.Environment.Variables.X: is not a name; use a letter, then one or more letters, digits and _",
        ),
        (
            {"Environment": {"Variables": {"LIST": [1]}}},
            "Hello.Environment.Variables.LIST: must be a string; write lists and mappings as JSON in quotes",
        ),
        (
            {"Environment": {"Variables": {"NOTHING": None}}},
            "Hello.Environment.Variables.NOTHING: has no value; write '' for an empty one",
        ),
        (
            {"Environment": {"Variables": {"BIG": "x" * 4096}}},
            "Hello.Environment.Variables: Lambda was unable to configure your environment variables because the"
            " environment variables you have provided exceeded the 4KB limit. They measure 4,106 bytes; shorten them.",
        ),
        ({"Layers": ["arn"] * 6}, "Hello.Layers: Cannot reference more than 5 layers."),
        ({"Layers": "arn"}, "Hello.Layers: must be a list of strings; write it as [a, b]"),
        (
            {"Layers": ["/dev/zero"]},
            "Hello.Layers: '/dev/zero' is not the ARN of a layer version; !Ref one, or use its ARN",
        ),
        (
            {"FunctionName": "a b"},
            "Hello.FunctionName: 'a b' is not a name; use up to 64 letters, digits, - and _",
        ),
        (
            {"Events": {"Post": {"Type": "Api", "Properties": {"Path": "/"}}}},
            "Hello.Events.Post.Properties.Method: is missing; an Api event needs Path and Method",
        ),
        (
            {"PackageType": "Image"},
            "Hello.ImageConfig: has no Command, and there is no FOLDER/Dockerfile; name the handler there",
        ),
    ],
)
def test_load_functions_says_what_is_wrong_when_a_property_is(
    load: Load, tmp_path: Path, properties: Mapping[str, Any], expected: str
) -> None:
    """Each mistake gives one line: template, resource and property, what is wrong, what to do."""
    with pytest.raises(UsageError) as error:
        load(**properties)
    assert message(error).replace(str(tmp_path), "FOLDER") == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Resources:\n  Hello: [\n", "3: is not valid YAML: did not find expected node content"),
        ("Resources:\n\tHello:\n", "2: is not valid YAML: found character that cannot start any token"),
        ('{"Resources": {\n"Hello": ]}}', "line 2: is not valid YAML: did not find expected"),
        ("- a\n- b\n", "is not a mapping; an AWS SAM template begins with Resources and other sections"),
        ("", "is not a mapping; an AWS SAM template begins with Resources and other sections"),
        ("Resources: []", "Resources: must be a mapping; give it names and values"),
        (
            "Resources: {Table: {Type: AWS::DynamoDB::Table}, Odd: text}",
            "Resources: there is no function; add a resource of Type AWS::Serverless::Function",
        ),
        (
            "Resources: {Hello: {Type: AWS::Serverless::Function, Properties: []}}",
            "Hello: must be a mapping; give it properties",
        ),
        ("a: !!python/object:os.system {}", "line 1: is not valid YAML: could not determine a constructor"),
        ("a: 'b\u0007'", "is not valid YAML: "),
    ],
)
def test_load_functions_says_what_is_wrong_when_the_file_is_no_template(load: Load, source: str, expected: str) -> None:
    """An invalid template is refused in one line, with the line number if there is one."""
    with pytest.raises(UsageError) as error:
        load(source)
    assert expected in message(error)


def test_load_functions_says_so_when_the_file_cannot_be_read(tmp_path: Path) -> None:
    """A missing template and a folder are both named, with the option that names another."""
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(UsageError, match=r"-t$") as error:
            load_functions(path, Given())
        assert str(error.value).startswith(f"{path}: ")


def test_load_functions_falls_back_to_the_logical_id_when_only_aws_knows_the_name(load: Load) -> None:
    """A name that only a stack knows is replaced by the logical id."""
    assert one(load(FunctionName={"Fn::ImportValue": "x"})).name == "Hello"


def test_select_says_so_when_the_functions_condition_is_false(load: Load) -> None:
    """A function that a condition excludes is not missing: its condition is named, and how to change it."""
    document = {
        "Parameters": {"Stage": {"Type": "String", "Default": "dev"}},
        "Conditions": {"IsLive": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}},
        "Resources": {"Hello": {**HELLO, "Condition": "IsLive"}},
    }
    with pytest.raises(UsageError) as error:
        load(document=document)
    assert message(error) == (
        "Hello.Condition: IsLive is false here; change a parameter of it with --parameter-overrides"
    )
    assert one(load(document=document, given={"parameters": {"Stage": "prod"}})).name == "Hello"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"Stag": "prod"}, "there is no parameter Stag to override; its parameters: Stage"),
        ({"Stage": "live"}, "Parameters.Stage: 'live' is not allowed; use dev or prod"),
    ],
)
def test_load_functions_refuses_a_parameter_when_the_template_does_not_take_it(
    load: Load, parameters: Mapping[str, str], expected: str
) -> None:
    """A parameter that is misspelled, or has a value that is not allowed, is named with what is allowed."""
    document = {
        "Parameters": {"Stage": {"Type": "String", "Default": "dev", "AllowedValues": ["dev", "prod"]}},
        "Resources": {"Hello": HELLO},
    }
    with pytest.raises(UsageError) as error:
        load(document=document, given={"parameters": parameters})
    assert message(error) == expected


def test_environment_uses_stand_ins_when_only_aws_has_the_values(load: Load) -> None:
    """The function can run without the stack, and the notes say what stands in for what."""
    variables = {"TABLE": {"Ref": "Orders"}, "KEY": {"Ref": "Key"}, "SHARED": {"Fn::ImportValue": "net"}, "OWN": "own"}
    document = {
        "Parameters": {"Key": {"Type": "String"}},
        "Resources": {
            "Orders": {"Type": "AWS::DynamoDB::Table"},
            "Hello": {**HELLO, "Properties": {**HELLO["Properties"], "Environment": {"Variables": variables}}},
        },
    }
    functions = load(document=document)
    assert one(functions).environment == {"TABLE": "Orders", "KEY": "Key", "SHARED": "net", "OWN": "own"}
    assert functions.notes["Hello"].stand_ins == {
        "!Ref Orders": "Orders",
        "parameter Key": "Key",
        "!ImportValue net": "net",
    }
    given = {"parameters": {"Key": "k"}, "variables": {"": {"SHARED": "s", "MORE": "m"}, "Hello": {"TABLE": "t"}}}
    functions = load(document=document, given=given)
    assert one(functions).environment == {"TABLE": "t", "KEY": "k", "SHARED": "s", "OWN": "own", "MORE": "m"}
    assert functions.notes["Hello"].stand_ins == {}


@pytest.mark.parametrize("name", ["HOME", "PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH"])
def test_environment_keeps_the_templates_value_when_every_shell_has_one(load: Load, name: str) -> None:
    """What a shell sets for itself was not meant for the function; what was given by name is."""
    environment = {"Variables": {name: "template"}}
    assert one(load(shell={name: "shell"}, Environment=environment)).environment == {name: "template"}
    given = {"variables": {"Hello": {name: "given"}}}
    assert one(load(shell={name: "shell"}, given=given, Environment=environment)).environment == {name: "given"}


def test_layers_are_left_out_when_they_are_not_on_this_machine(load: Load, tmp_path: Path) -> None:
    """A foreign layer is noted and left out, unless a folder or a zip is given for it."""
    arn = "arn:aws:lambda:eu-west-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python312-x86_64:7"
    functions = load(Layers=[arn, {"Fn::ImportValue": "SharedLayer"}])
    assert one(functions).layers == ()
    assert functions.notes["Hello"].layers == (arn, "SharedLayer")
    for name in (arn, arn.rpartition(":")[0]):
        functions = load(Layers=[arn], given={"layers": {name: tmp_path}})
        assert (one(functions).layers, functions.notes["Hello"].layers) == ((tmp_path,), ())


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("AWS::Serverless::Function", {"InlineCode": "def handler(event, context): ..."}),
        ("AWS::Lambda::Function", {"Code": {"ZipFile": "def handler(event, context): ..."}}),
        ("AWS::Lambda::Function", {"Code": {"ZipFile": {"Fn::Sub": "def handler(event, context): ..."}}}),
    ],
)
def test_code_is_text_when_the_template_has_it_inside(load: Load, kind: str, properties: Mapping[str, Any]) -> None:
    """`InlineCode` and `ZipFile` are the source of a file."""
    resource = {"Type": kind, "Properties": {"Handler": "index.handler", "Runtime": "python3.12", **properties}}
    assert one(load(document={"Resources": {"Hello": resource}})).source == "def handler(event, context): ..."


def test_code_is_read_from_the_asset_when_the_cdk_wrote_the_template(load: Load, tmp_path: Path) -> None:
    """`cdk synth` names the folder in the metadata; `--code` replaces the code whatever the template says."""
    (tmp_path / "asset.1f2e").mkdir()
    resource = {
        "Type": "AWS::Lambda::Function",
        "Metadata": {"aws:asset:path": "asset.1f2e", "aws:asset:property": "Code"},
        "Properties": {
            "Handler": "index.handler",
            "Runtime": "python3.12",
            "Code": {"S3Bucket": {"Fn::Sub": "cdk-${AWS::AccountId}"}, "S3Key": "1f2e.zip"},
        },
    }
    document = {"Resources": {"Hello": resource}}
    assert one(load(document=document)).code == tmp_path / "asset.1f2e"
    del resource["Metadata"]
    with pytest.raises(UsageError, match=r"Code: is not on this machine; .* --code$"):
        load(document=document)
    assert one(load(document=document, given={"code": tmp_path})).code == tmp_path


def test_load_functions_reads_nested_stacks_when_their_templates_are_files(load: Load, tmp_path: Path) -> None:
    """Their functions come after the others, with the stack in the logical id; other stacks are remarks."""
    (tmp_path / "inner").mkdir()
    stage = {"Variables": {"STAGE": {"Ref": "Stage"}}}
    inner = {
        "Parameters": {"Stage": {"Type": "String", "Default": "none"}},
        "Resources": {"Hello": {**HELLO, "Properties": {**HELLO["Properties"], "Environment": stage}}},
    }
    (tmp_path / "inner" / "template.yaml").write_text(json.dumps(inner))
    place = {"Location": "inner/template.yaml", "Parameters": {"Stage": {"Fn::Sub": "dev"}}}
    document = {
        "Resources": {
            "Hello": HELLO,
            "Part": {"Type": "AWS::Serverless::Application", "Properties": place},
            "Again": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "template.yaml"}},
            "Far": {"Type": "AWS::Serverless::Application", "Properties": {"Location": {"ApplicationId": "arn:x"}}},
        }
    }
    functions = load(document=document)
    assert [(each.logical_id, each.name) for each in functions][:2] == [
        ("Hello", "Hello"),
        ("Part/Hello", "Part-Hello"),
    ]
    assert functions[1].environment == {"STAGE": "dev"}
    assert functions[1].code == tmp_path / "inner"
    assert select(functions, "Part/Hello").name == "Part-Hello"
    assert "Far is left out: its template is not on this machine" in functions.remarks
    assert any("nested more than 5 deep" in remark for remark in functions.remarks)


def test_load_functions_writes_a_function_for_each_value_when_the_template_loops(load: Load) -> None:
    """`Fn::ForEach` writes resources, and entries inside them, once for each value."""
    variables = {"Fn::ForEach::Variables": ["Key", ["A", "B"], {"${Key}_${Name}": {"Fn::Sub": "${Key} of ${Name}"}}]}
    properties = {**HELLO["Properties"], "Environment": {"Variables": variables}}
    loop = ["Name", {"Ref": "Names"}, {"${Name}Function": {**HELLO, "Properties": properties}}]
    document = {
        "Parameters": {"Names": {"Type": "CommaDelimitedList", "Default": "Get,Put"}},
        "Transform": ["AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"],
        "Resources": {"Fn::ForEach::Functions": loop},
    }
    functions = load(document=document)
    assert [function.name for function in functions] == ["GetFunction", "PutFunction"]
    assert functions[1].environment == {"A_Put": "A of Put", "B_Put": "B of Put"}
    for values, expected in (
        ("text", "write it as"),
        ([[]], "write it as"),
        (["x"] * 10_001, "more than 10000 entries"),
    ):
        loop[1] = values
        with pytest.raises(UsageError, match=expected):
            load(document=document)


def test_name_is_cut_when_the_logical_id_is_longer_than_a_name(load: Load) -> None:
    """A logical id may have 255 characters, and a function's name 64."""
    document = {"Resources": {"H" * 80: HELLO}}
    assert one(load(document=document)).name == "H" * 64


def test_arns_have_region_and_account_when_they_are_given(load: Load) -> None:
    """Variables, ARNs and the function's own settings agree."""
    environment = {"Variables": {"WHERE": {"Fn::Sub": "${AWS::Region} ${AWS::AccountId}"}}}
    function = one(load(Environment=environment, given={"region": "eu-central-1", "account": "000000000042"}))
    assert function.environment == {"WHERE": "eu-central-1 000000000042"}
    assert function.arn == "arn:aws:lambda:eu-central-1:000000000042:function:Hello"


@pytest.mark.parametrize(
    ("ignored", "timeout", "memory"), [(None, 20, 512), ("*", 3, 128), (["Timeout"], 3, 512), (["MemorySize"], 20, 128)]
)
def test_ignore_globals(tmp_path: Path, ignored: Any, timeout: int, memory: int) -> None:
    """A function can leave out all of `Globals`, or some of its properties."""
    hello = {
        "Type": "AWS::Serverless::Function",
        "IgnoreGlobals": ignored,
        "Properties": {"Handler": "app.handler", "Runtime": "python3.12"},
    }
    template = tmp_path / "template.yaml"
    common = {"Function": {"Timeout": 20, "MemorySize": 512}}
    template.write_text(json.dumps({"Globals": common, "Resources": {"Hello": hello}}))
    (function,) = load_functions(template, Given())
    assert (function.timeout, function.memory_mb) == (timeout, memory)


@pytest.mark.parametrize(
    ("properties", "noted"),
    [
        ({"VpcConfig": {"Fn::If": ["Never", {"SubnetIds": ["a"]}, {"Ref": "AWS::NoValue"}]}}, ()),
        ({"VpcConfig": {"Fn::If": ["Never", {"Ref": "AWS::NoValue"}, {"SubnetIds": ["a"]}]}}, ("VpcConfig",)),
        ({"DeploymentPreference": {"Enabled": False}}, ()),
        ({"DeploymentPreference": {"Type": "AllAtOnce"}}, ("DeploymentPreference",)),
    ],
)
def test_what_a_condition_removes_is_not_named(tmp_path: Path, properties: Any, noted: tuple[str, ...]) -> None:
    """Nor is a deployment preference that is not enabled."""
    values = {"Handler": "app.handler", "Runtime": "python3.12", **properties}
    template = tmp_path / "template.yaml"
    document = {
        "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
        "Resources": {"Hello": {"Type": "AWS::Serverless::Function", "Properties": values}},
    }
    template.write_text(json.dumps(document))
    notes = load_functions(template, Given()).notes["Hello"]
    assert tuple(line.partition(" ")[0] for line in notes.not_emulated) == noted


@pytest.mark.parametrize(
    ("kind", "target", "why"),
    [
        ("Url", "TargetFunctionArn", "live is not an alias of Hello in this template"),
        ("EventInvokeConfig", "FunctionName", "live is not a version or alias of this template"),
    ],
)
def test_resource_of_a_missing_qualifier_says_so(tmp_path: Path, kind: str, target: str, why: str) -> None:
    """The function is there: what is missing is its alias."""
    properties = {target: {"Ref": "Hello"}, "Qualifier": "live", "AuthType": "NONE"}
    hello = {"Handler": "app.handler", "Runtime": "python3.12"}
    resources = {
        "Hello": {"Type": "AWS::Serverless::Function", "Properties": hello},
        "More": {"Type": f"AWS::Lambda::{kind}", "Properties": properties},
    }
    template = tmp_path / "template.yaml"
    template.write_text(json.dumps({"Resources": resources}))
    assert f"More.Qualifier: {why}" in " ".join(load_functions(template, Given()).remarks)


def test_function_whose_condition_no_parameter_can_change_says_so(load: Load) -> None:
    """An advice that cannot be followed is not given."""
    document = {
        "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
        "Resources": {"Hello": {**HELLO, "Condition": "Never"}},
    }
    with pytest.raises(UsageError, match="the template has no parameter that could change it"):
        load(document=document)


def test_nested_template_that_is_not_there_is_to_be_corrected_in_the_parent(tmp_path: Path) -> None:
    """An option names the outermost template only."""
    hello = {"Type": "AWS::Serverless::Function", "Properties": {"Handler": "a.b", "Runtime": "python3.12"}}
    child = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "gone.yaml"}}
    template = tmp_path / "template.yaml"
    template.write_text(json.dumps({"Resources": {"Hello": hello, "Child": child}}))
    (line,) = load_functions(template, Given()).remarks
    assert line.endswith("gone.yaml: not found; correct its path in the template around it")


@pytest.mark.parametrize("kind", ["AWS::Serverless::WebFunction", "AWS::Lambda::WebFunction"])
def test_web_function_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    """It runs an HTTP server instead of a handler."""
    template = tmp_path / "template.yaml"
    template.write_text(json.dumps({"Resources": {"Site": {"Type": kind, "Properties": {}}}}))
    functions = load_functions(template, Given())
    with pytest.raises(UsageError, match="Site: web functions are not emulated"):
        functions.require_one()


def test_access_point_stand_in_has_the_service_of_its_arns(tmp_path: Path) -> None:
    """The service is not called as its CloudFormation type is."""
    variables = {"POINT": {"Fn::GetAtt": ["Point", "Arn"]}}
    values = {"Handler": "a.b", "Runtime": "python3.12", "Environment": {"Variables": variables}}
    resources = {
        "Hello": {"Type": "AWS::Serverless::Function", "Properties": values},
        "Point": {"Type": "AWS::EFS::AccessPoint", "Properties": {}},
    }
    template = tmp_path / "template.yaml"
    template.write_text(json.dumps({"Resources": resources}))
    (function,) = load_functions(template, Given())
    arn = "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/Point"
    assert function.environment == {"POINT": arn}
