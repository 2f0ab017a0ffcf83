"""Templates as people write them: whole small ones, in which every function has to be readable at the first try."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from local_lambda.errors import UsageError
from local_lambda.functions.config import FunctionConfig
from local_lambda.functions.given import Given
from local_lambda.functions.template import Functions, load_functions

Read = Callable[..., Functions]

HEAD = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.12, Handler: app.handler, CodeUri: src}}
"""


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a template from text, next to the folders `src` and `shared`."""
    for folder in ("src", "shared"):
        (tmp_path / folder).mkdir()

    def read(source: str, given: Given = Given()) -> Functions:  # noqa: B008 - it cannot change
        path = tmp_path / "template.yaml"
        path.write_text(source)
        return load_functions(path, given)

    return read


def only(functions: Functions) -> FunctionConfig:
    assert [str(reason) for _, reason in functions.refused] == []
    (function,) = functions
    return function


STAGES = """
Parameters:
  Stage: {Type: String, AllowedValues: [dev, prod]}
  Base: {Type: String}
  Seconds: {Type: Number}
  Memory: {Type: Number, Default: 256}
  Limit: {Type: Number}
  Logs: {Type: String, AllowedValues: [true, false]}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  HasLogs: !Equals [!Ref Logs, true]
Mappings:
  Sizes: {dev: {Disk: 1024}, prod: {Disk: 2048}}
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: !Ref Seconds
      MemorySize: !If [IsProd, 1024, !Ref Memory]
      EphemeralStorage: {Size: !FindInMap [Sizes, !Ref Stage, Disk]}
      ReservedConcurrentExecutions: !Ref Limit
      Tracing: !If [IsProd, PassThrough, Active]
      LoggingConfig: {LogFormat: !If [HasLogs, JSON, Text]}
      Events:
        Get: {Type: Api, Properties: {Path: !Sub "/${Base}/orders", Method: get}}
"""


def test_settings_have_stand_ins_when_a_parameter_has_no_value(read: Read) -> None:
    """The first allowed value decides conditions; a number that is not known is the default of Lambda."""
    functions = read(HEAD + STAGES)
    orders = only(functions)
    assert (orders.timeout, orders.memory_mb, orders.ephemeral_storage_mb) == (3, 256, 1024)
    assert (orders.reserved_concurrency, orders.tracing_active, orders.logging.log_format) == (None, True, "JSON")
    assert [(route.method, route.path) for route in orders.routes] == [("GET", "/Base/orders")]
    assert functions.notes["Orders"].stand_ins == {
        "parameter Seconds as Timeout": "3",
        "parameter Limit as ReservedConcurrentExecutions": "none",
        "parameter Stage": "dev",
        "parameter Logs": "true",
        "parameter Base": "Base",
    }


def test_settings_have_no_stand_ins_when_parameters_are_given(read: Read) -> None:
    """The given values are used, and there is nothing to report."""
    parameters = {"Stage": "prod", "Base": "v1", "Seconds": "20", "Limit": "4", "Logs": "false"}
    functions = read(HEAD + STAGES, Given(parameters=parameters))
    orders = only(functions)
    assert (orders.timeout, orders.memory_mb, orders.ephemeral_storage_mb) == (20, 1024, 2048)
    assert (orders.reserved_concurrency, orders.tracing_active, orders.logging.log_format) == (4, False, "Text")
    assert [route.path for route in orders.routes] == ["/v1/orders"]
    assert functions.notes["Orders"].stand_ins == {}


def test_setting_is_refused_when_a_stand_in_is_not_valid(read: Read) -> None:
    """The message is about the parameter that is missing, not about its stand-in."""
    source = HEAD + "Parameters: {Kind: {Type: String}}\nResources:\n"
    functions = read(source + "  Orders: {Type: AWS::Serverless::Function, Properties: {Runtime: !Ref Kind}}\n")
    ((_, reason),) = functions.refused
    assert str(reason).endswith(
        "Runtime: parameter Kind has no Default; give one with --parameter-overrides Kind=VALUE"
    )


NAMES = """
Parameters: {Subnets: {Type: CommaDelimitedList}}
Conditions: {Never: !Equals [a, b]}
Resources:
  Files: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub "files-${AWS::AccountId}"}}
  Loop: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub "${Loop}-files"}}
  Api: {Type: AWS::Serverless::HttpApi, Properties: {Name: orders}}
  Unused: {Type: AWS::Serverless::Function, Condition: Never}
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Environment:
        Variables:
          FILES: !Ref Files
          FILES_ARN: !GetAtt Files.Arn
          LOOP: !Ref Loop
          API: !Ref Api
          HOST: !Select [1, !Split ["//", !GetAtt Api.ApiEndpoint]]
          SUBNET: !Select [1, !Ref Subnets]
          SUFFIX: !Select [4, !Split ["-", !Select [2, !Split ["/", !Ref "AWS::StackId"]]]]
          UNUSED: !GetAtt Unused.Arn
"""


def test_variables_have_stand_ins_when_values_are_computed(read: Read) -> None:
    """A computed name is computed; parts are taken of values that have fewer parts here than on AWS."""
    functions = read(HEAD + NAMES)
    ((unused, _),) = functions.refused
    assert unused.logical_id == "Unused"
    assert functions[0].environment == {
        "FILES": "files-123456789012",
        "FILES_ARN": "arn:aws:s3:::files-123456789012",
        "LOOP": "Loop",
        "API": "Api",
        "HOST": "Api.ApiEndpoint",
        "SUBNET": "Subnets",
        "SUFFIX": "000000000001",
        "UNUSED": "arn:aws:lambda:us-east-1:123456789012:function:Unused",
    }


LAYERS = """
Parameters: {Folder: {Type: String, Default: shared}}
Mappings: {Layers: {eu-west-1: {Arn: "arn:aws:lambda:eu-west-1:580247275435:layer:LambdaInsightsExtension:38"}}}
Resources:
  Shared: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: !Sub "${Folder}/"}}
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Layers:
        - !Ref Shared
        - "{{resolve:ssm:/aws/service/powertools/python/arm64/python3.12/latest}}"
        - !FindInMap [Layers, !Ref AWS::Region, Arn]
"""


def test_layers_are_found_when_their_names_are_computed(read: Read, tmp_path: Path) -> None:
    """A computed folder is used; a layer that Systems Manager names is left out, unless it is resolved and given."""
    functions = read(HEAD + LAYERS, Given(region="eu-west-1"))
    assert only(functions).layers == (tmp_path / "shared",)
    left_out = functions.notes["Orders"].layers
    assert [name.rpartition(":layer:")[2] for name in left_out] == [
        "{{resolve:ssm:/aws/service/powertools/python/arm64/python3.12/latest}}",
        "LambdaInsightsExtension:38",
    ]
    arn = "arn:aws:lambda:eu-west-1:017000801446:layer:Powertools:7"
    given = Given(region="eu-west-1", dynamic=lambda reference: arn, layers={arn: tmp_path / "src"})
    assert only(read(HEAD + LAYERS, given)).layers == (tmp_path / "shared", tmp_path / "src")


def test_mapping_is_named_when_it_does_not_have_the_region(read: Read) -> None:
    """The message says which regions there are, and the option."""
    ((_, reason),) = read(HEAD + LAYERS).refused
    assert str(reason).endswith(
        "mapping Layers has no us-east-1, only eu-west-1; choose one of its regions with --region"
    )


def test_template_is_refused_when_a_logical_id_is_not_text(read: Read) -> None:
    """YAML reads `Off` as a boolean."""
    with pytest.raises(UsageError, match=r"Resources: a logical id is False to YAML, not text; put it in quotes$"):
        read(HEAD + "Resources: {Off: {Type: AWS::Serverless::Function}}")


@pytest.mark.parametrize(
    "code", ["{Bucket: !Ref Files, Key: a.zip}", '!Sub "s3://${Files}/a.zip"', '!Sub ["s3://${F}/a", {F: !Ref Files}]']
)
def test_code_in_s3_is_refused_with_the_option_when_its_bucket_is_a_parameter(read: Read, code: str) -> None:
    """The parameter would not help."""
    source = HEAD + "Parameters: {Files: {Type: String}}\nResources:\n"
    functions = read(source + f"  Orders: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: {code}}}}}\n")
    ((_, reason),) = functions.refused
    assert str(reason).endswith("CodeUri: is not on this machine; run a folder or a zip file in its place with --code")


IMAGE = """
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties: {PackageType: Image}
    Metadata: {DockerContext: src, DockerBuildTarget: live}
"""


def test_image_is_the_stage_when_the_template_names_one(read: Read, tmp_path: Path) -> None:
    """`DockerBuildTarget` chooses; a name that the Dockerfile does not have is refused."""
    dockerfile = tmp_path / "src" / "Dockerfile"
    dockerfile.write_text('FROM x AS live\nCMD ["app.live"]\nFROM live\nCMD ["app.test"]\n')
    assert only(read(IMAGE)).handler == "app.live"
    dockerfile.write_text('FROM x\nCMD ["app.live"]\n')
    ((_, reason),) = read(IMAGE).refused
    assert str(reason).endswith("Dockerfile has no stage live; name one of its stages")
