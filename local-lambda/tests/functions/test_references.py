"""References: the names that a template can use, those that lead nowhere, and outputs of nested stacks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local_lambda.errors import UsageError
from local_lambda.functions.given import Given
from local_lambda.functions.template import Functions, load_functions

FUNCTION = {"Handler": "app.handler", "Runtime": "python3.12", "CodeUri": "."}
ACCOUNT = "us-east-1:123456789012"
LAYER_ARN = f"arn:aws:lambda:{ACCOUNT}:layer:"


def function(**variables: Any) -> dict[str, Any]:
    """A function with these environment variables."""
    return {"Type": "AWS::Serverless::Function", "Properties": {**FUNCTION, "Environment": {"Variables": variables}}}


def write(folder: Path, name: str = "template.yaml", **sections: Any) -> Path:
    """A template with these sections."""
    path = folder / name
    path.write_text(json.dumps(sections))
    return path


def load(folder: Path, **sections: Any) -> Functions:
    return load_functions(write(folder, **sections), Given())


@pytest.mark.parametrize(
    "value",
    [
        {"Ref": "TableX"},
        {"Fn::GetAtt": "TableX.Arn"},
        {"Fn::GetAtt": ["TableX", "Arn"]},
        {"Fn::Sub": "${AWS::Region} ${Table} ${!TableX} ${TableX}"},
        {"Fn::Sub": ["${Own} ${TableX.Arn}", {"Own": "x"}]},
        {"Fn::If": ["Never", {"Ref": "TableX"}, "x"]},
        {"Fn::Sub": "${TableX}"},
    ],
)
def test_function_is_refused_when_it_refers_to_what_is_not_there(tmp_path: Path, value: Any) -> None:
    """In the words of CloudFormation, also in a branch that is not taken; other functions are not concerned."""
    functions = load(
        tmp_path,
        Conditions={"Never": {"Fn::Equals": ["a", "b"]}},
        Resources={"Hello": function(TABLE=value), "Other": function(), "Table": {"Type": "AWS::DynamoDB::Table"}},
    )
    assert [each.logical_id for each in functions] == ["Other"]
    ((_, reason),) = functions.refused
    assert str(reason) == (
        f"{tmp_path}/template.yaml: Hello.Environment.Variables.TABLE: Template format error: Unresolved resource "
        "dependencies [TableX] in the Resources block of the template; "
        "correct the name, or add a resource or a parameter of this name"
    )


@pytest.mark.parametrize(
    ("attributes", "fault"),
    [
        ({"DependsOn": "TableX"}, "DependsOn: Template format error: Unresolved resource dependencies [TableX] in"),
        ({"DependsOn": ["Other", "TableX"]}, "DependsOn: Template format error: Unresolved resource dependencies [Tab"),
        ({"Condition": "Nevr"}, "Condition: Template format error: Unresolved condition dependency Nevr in the Res"),
        (
            function(PLACE={"Ref": "AWS::RegionX"}),
            "PLACE: Template format error: Unresolved resource dependencies [AW",
        ),
        (function(PLACE={"Fn::GetAtt": "Other"}), "PLACE: !GetAtt is not written as CloudFormation expects it"),
        (function(PLACE={"Fn::If": ["Nevr", "a", "b"]}), "PLACE: condition Nevr is not defined in this template; "),
    ],
)
def test_function_is_refused_when_an_attribute_or_a_pseudo_parameter_is_misspelled(
    tmp_path: Path, attributes: dict[str, Any], fault: str
) -> None:
    """`--env-vars` is no advice for a template that AWS refuses."""
    functions = load(tmp_path, Resources={"Hello": {**function(), **attributes}, "Other": function()})
    ((_, reason),) = functions.refused
    assert fault in str(reason)
    assert "--env-vars" not in str(reason)


def test_other_resources_and_outputs_are_named_when_they_refer_to_what_is_not_there(tmp_path: Path) -> None:
    """The functions run; what is excluded by a condition is there."""
    functions = load(
        tmp_path,
        Conditions={"Never": {"Fn::Equals": ["a", "b"]}},
        Resources={
            "Hello": function(TABLE={"Ref": "Table"}),
            "Table": {"Type": "AWS::DynamoDB::Table", "Condition": "Never"},
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": {"Ref": "Keey"}}},
        },
        Outputs={"Name": {"Value": {"Ref": "TableX"}}, "Right": {"Value": {"Ref": "Table"}}},
    )
    assert len(functions) == 1
    assert [remark.partition("; ")[0] for remark in functions.remarks] == [
        "Topic.KmsMasterKeyId: Template format error: "
        "Unresolved resource dependencies [Keey] in the Resources block of the template",
        "Name.Value: Template format error: "
        "Unresolved resource dependencies [TableX] in the Outputs block of the template",
    ]


@pytest.mark.parametrize(
    "name",
    """
    HelloRole HelloAliaslive HelloVersion0123456789 HelloUrl HelloUrlPublicPermissions HelloWeb HelloWebPermission
    HelloEventInvokeConfigOnFailureQueue HelloDeploymentGroup ServerlessRestApi ServerlessRestApiProdStage
    ServerlessHttpApi ServerlessDeploymentApplication ApiStage ApidevStage ApiDeployment0123456789 Api.Stage
    Hello.Alias Tools0123456789 ChosenQueue
    """.split(),
)
def test_resources_that_sam_generates_can_be_referred_to(tmp_path: Path, name: str) -> None:
    """By logical id, or by a property that SAM makes referable."""
    dead_letters = {"DeadLetterConfig": {"Type": "SQS", "QueueLogicalId": "ChosenQueue"}}
    hello = function(NAME={"Ref": name})
    hello["Properties"]["Events"] = {"Web": {"Type": "Schedule", "Properties": dead_letters}}
    resources = {
        "Hello": hello,
        "Api": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "dev"}},
        "Tools": {"Type": "AWS::Serverless::LayerVersion", "Properties": {}},
    }
    functions = load(tmp_path, Transform="AWS::Serverless-2016-10-31", Resources=resources)
    assert (len(functions), functions.remarks) == (1, ())


@pytest.mark.parametrize(
    ("transform", "accepted"),
    [
        ("AWS::Serverless-2016-10-31", False),
        (["AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"], False),
        (["AWS::Serverless-2016-10-31", "OurMacro"], True),
        ({"Name": "AWS::Include", "Parameters": {"Location": "s3://bucket/key"}}, True),
    ],
)
def test_macros_may_add_what_a_template_refers_to(tmp_path: Path, transform: Any, accepted: bool) -> None:
    """What they add is known on AWS only."""
    functions = load(tmp_path, Transform=transform, Resources={"Hello": function(NAME={"Ref": "Made"})})
    assert len(functions) == accepted


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Fn::GetAtt": ["HelloRole", "Arn"]}, "arn:aws:iam::123456789012:role/HelloRole"),
        ({"Fn::GetAtt": ["HelloUrl", "FunctionUrl"]}, "https://hellourl.lambda-url.us-east-1.on.aws/"),
        ({"Ref": "HelloUrl"}, f"arn:aws:lambda:{ACCOUNT}:function:Hello"),
        ({"Fn::GetAtt": ["Address", "FunctionUrl"]}, "https://address.lambda-url.us-east-1.on.aws/"),
        ({"Fn::GetAtt": ["Address", "FunctionArn"]}, f"arn:aws:lambda:{ACCOUNT}:function:Hello"),
        ({"Fn::GetAtt": ["Named", "FunctionArn"]}, f"arn:aws:lambda:{ACCOUNT}:function:Hello"),
        ({"Ref": "HelloAliaslive"}, f"arn:aws:lambda:{ACCOUNT}:function:Hello:live"),
        ({"Ref": "HelloVersion0123456789"}, f"arn:aws:lambda:{ACCOUNT}:function:Hello:1"),
        ({"Fn::GetAtt": ["Hello", "Version.Version"]}, "1"),
        ({"Fn::Sub": "${HelloVersion0123456789.Version}"}, "1"),
        ({"Fn::Sub": "${Hello.Version.FunctionArn}"}, f"arn:aws:lambda:{ACCOUNT}:function:Hello:1"),
        ({"Fn::GetAtt": "Hello.Alias.AliasArn"}, f"arn:aws:lambda:{ACCOUNT}:function:Hello:live"),
        ({"Fn::GetAtt": ["HelloAliaslive", "AliasArn"]}, f"arn:aws:lambda:{ACCOUNT}:function:Hello:live"),
        ({"Fn::Sub": "${Api.Stage}"}, "dev"),
        ({"Ref": "Http.Stage"}, "$default"),
        ({"Ref": "ApidevStage"}, "dev"),
        ({"Ref": "ServerlessRestApiProdStage"}, "Prod"),
        ({"Fn::Sub": "${ServerlessHttpApi.Stage}"}, "$default"),
        ({"Ref": {"Fn::Sub": "Hello"}}, "Hello"),
        ({"Fn::GetAtt": ["Layer", "LayerVersionArn"]}, f"{LAYER_ARN}Layer:1"),
        ({"Fn::Sub": "${Layer.LayerVersionArn}"}, f"{LAYER_ARN}Layer:1"),
        (
            {"Ref": "Part"},
            f"arn:aws:cloudformation:{ACCOUNT}:stack/local-Part/00000000-0000-4000-8000-000000000001",
        ),
    ],
)
def test_generated_resources_have_values_that_look_like_those_on_aws(tmp_path: Path, value: Any, expected: str) -> None:
    """Roles, URLs, versions, aliases and stages that SAM generates, and URLs that are resources."""
    hello = function(VALUE=value)
    hello["Properties"] |= {"AutoPublishAlias": "live", "FunctionUrlConfig": {"AuthType": "NONE"}}
    url = {"AuthType": "NONE", "TargetFunctionArn": {"Fn::GetAtt": ["Hello", "Arn"]}}
    resources = {
        "Hello": hello,
        "Api": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": {"Fn::Sub": "dev"}}},
        "Http": {"Type": "AWS::Serverless::HttpApi"},
        "Layer": {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": {"S3Bucket": "b", "S3Key": "k"}}},
        "Part": {"Type": "AWS::Serverless::Application", "Properties": {"Location": {"ApplicationId": "arn:x"}}},
        "Address": {"Type": "AWS::Lambda::Url", "Properties": url},
        "Named": {"Type": "AWS::Lambda::Url", "Properties": {**url, "TargetFunctionArn": {"Ref": "Hello"}}},
    }
    assert load(tmp_path, Resources=resources)[0].environment == {"VALUE": expected}


def nested(place: str, **parameters: Any) -> dict[str, Any]:
    """A nested stack."""
    return {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": place, "Parameters": parameters}}


def output(stack: str, name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [stack, f"Outputs.{name}"]}


def test_output_of_a_nested_stack_is_the_value_in_its_template(tmp_path: Path) -> None:
    """Also that of a stack inside, and one made from a parameter; a stand-in in it is reported as one."""
    write(tmp_path, "inner.json", Resources={"In": function()}, Outputs={"Arn": {"Value": {"Fn::GetAtt": "In.Arn"}}})
    outputs = {
        "Name": {"Value": {"Ref": "AWS::StackName"}},
        "Stage": {"Value": {"Fn::Sub": "stage-${Stage}"}},
        "Function": {"Value": {"Fn::GetAtt": ["Inner", "Outputs.Arn"]}},
        "Table": {"Value": {"Ref": "Table"}},
    }
    resources = {"Inner": nested("inner.json"), "Table": {"Type": "AWS::DynamoDB::Table"}}
    write(tmp_path, "child.json", Parameters={"Stage": {"Type": "String"}}, Resources=resources, Outputs=outputs)
    variables = {name.upper(): output("Child", name) for name in outputs}
    functions = load(
        tmp_path, Resources={"Child": nested("child.json", Stage={"Fn::Sub": "dev"}), "Hello": function(**variables)}
    )
    assert functions[0].environment == {
        "NAME": "local-Child",
        "STAGE": "stage-dev",
        "FUNCTION": f"arn:aws:lambda:{ACCOUNT}:function:In",
        "TABLE": "Table",
    }
    assert functions.notes["Hello"].stand_ins == {"!GetAtt Child.Outputs.Table": "Table"}
    assert [each.logical_id for each in functions] == ["Hello", "Child/Inner/In"]
    assert functions.remarks == ()


def test_output_has_the_value_of_a_resource_that_exists(tmp_path: Path) -> None:
    """With a local AWS endpoint, which has the resources of every stack."""
    write(
        tmp_path,
        "child.json",
        Resources={"Queue": {"Type": "AWS::SQS::Queue"}},
        Outputs={"Url": {"Value": {"Ref": "Queue"}}},
    )
    template = write(tmp_path, Resources={"Child": nested("child.json"), "Hello": function(URL=output("Child", "Url"))})

    def deploy(resources: Mapping[str, Any], stack: str, scope: object) -> Mapping[str, Any]:
        return {name: f"made:{stack}{name}" for name, each in resources.items() if each["Type"] == "AWS::SQS::Queue"}

    functions = load_functions(template, Given(deploy=deploy))
    assert functions[0].environment == {"URL": "made:Child/Queue"}
    assert functions.notes["Hello"].stand_ins == {}


def test_layer_of_one_stack_is_that_of_a_function_in_another(tmp_path: Path) -> None:
    """Handed up by an output, and down by a parameter; layers with the same logical id are different ones."""
    for name in ("upper", "lower"):
        (tmp_path / name).mkdir()
    upper, lower = (
        {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": name}} for name in ("upper", "lower")
    )
    down = {"Type": "AWS::Serverless::Function", "Properties": {**FUNCTION, "Layers": [{"Ref": "Given"}]}}
    write(
        tmp_path,
        "child.json",
        Parameters={"Given": {"Type": "String"}},
        Resources={"Tools": lower, "Down": down},
        Outputs={"Layer": {"Value": {"Ref": "Tools"}}},
    )
    hello = {"Type": "AWS::Serverless::Function", "Properties": {**FUNCTION, "Layers": [output("Child", "Layer")]}}
    resources = {"Hello": hello, "Child": nested("child.json", Given={"Ref": "Tools"}), "Tools": upper}
    functions = load(tmp_path, Resources=resources)
    assert [each.layers for each in functions] == [(tmp_path / "lower",), (tmp_path / "upper",)]
    assert not any(note.layers for note in functions.notes.values())


def test_arn_of_a_layer_has_its_name(tmp_path: Path) -> None:
    """So that a nested stack can write the ARN out; the second layer of a name is the second version of it."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    layers = {
        logical_id: {
            "Type": "AWS::Serverless::LayerVersion",
            "Properties": {"ContentUri": name, "LayerName": {"Fn::Sub": "our-${AWS::StackName}"}},
        }
        for logical_id, name in (("One", "one"), ("Two", "two"))
    }
    used = {"Fn::Sub": "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:our-local:2"}
    inner = {"Type": "AWS::Serverless::Function", "Properties": {**FUNCTION, "Layers": [used]}}
    write(tmp_path, "child.json", Resources={"In": inner})
    functions = load(
        tmp_path, Resources={**layers, "Hello": function(LAYER={"Ref": "One"}), "Child": nested("child.json")}
    )
    assert functions[0].environment == {"LAYER": f"{LAYER_ARN}our-local:1"}
    assert functions[1].layers == (tmp_path / "two",)


def test_output_that_a_nested_stack_does_not_have_is_named(tmp_path: Path) -> None:
    """With those that it has; a condition can exclude one."""
    outputs = {"Name": {"Value": "x"}, "Nme": {"Value": "x", "Condition": "Never"}}
    never = {"Never": {"Fn::Equals": ["a", "b"]}}
    write(tmp_path, "child.json", Conditions=never, Resources={"In": function()}, Outputs=outputs)
    functions = load(tmp_path, Resources={"Child": nested("child.json"), "Hello": function(XX=output("Child", "Nme"))})
    ((_, reason),) = functions.refused
    assert f"Hello.Environment.Variables.XX: {tmp_path}/child.json has no output Nme; its outputs: Name" in str(reason)


def test_output_has_a_stand_in_when_the_template_is_not_here(tmp_path: Path) -> None:
    """The line on the stack says why."""
    place = "https://bucket.s3.amazonaws.com/child.json"
    functions = load(tmp_path, Resources={"Child": nested(place), "Hello": function(XX=output("Child", "Name"))})
    assert functions[0].environment == {"XX": "Child.Outputs.Name"}
    assert functions.remarks == ("Child is left out: its template is not on this machine",)


def test_nested_stacks_that_wait_for_each_other_are_named(tmp_path: Path) -> None:
    """A circle of outputs and parameters ends with a line."""
    outputs = {"Out": {"Value": {"Ref": "In"}}}
    for name in ("one.json", "two.json"):
        write(tmp_path, name, Parameters={"In": {"Type": "String"}}, Resources={}, Outputs=outputs)
    functions = load(
        tmp_path,
        Resources={
            "Hello": function(),
            "One": nested("one.json", In=output("Two", "Out")),
            "Two": nested("two.json", In=output("One", "Out")),
        },
    )
    assert len(functions) == 1
    circle = "Two.Parameters.In: Circular dependency between resources: [One, Two]; break the circle"
    assert circle in functions.remarks


def test_stand_in_in_a_parameter_of_a_nested_stack_is_reported(tmp_path: Path) -> None:
    """The function of the nested stack has only the parameter."""
    write(tmp_path, "child.json", Parameters={"T": {"Type": "String"}}, Resources={"In": function(TABLE={"Ref": "T"})})
    resources = {"Child": nested("child.json", T={"Ref": "Table"}), "Table": {"Type": "AWS::DynamoDB::Table"}}
    functions = load(tmp_path, Resources=resources)
    assert functions[0].environment == {"TABLE": "Table"}
    assert functions.remarks == ("Child has stand-ins in its parameters: !Ref Table (Table)",)


@pytest.mark.parametrize(
    ("properties", "place", "hint"),
    [
        ({"Environment": {"Variables": {"KEY": "{{resolve:ssm:/key}}"}}}, "Environment.Variables.KEY", True),
        ({"Description": "x", "Handler": "{{resolve:ssm:/key}}"}, "Handler", False),
        ({"Layers": ["{{resolve:ssm:/key}}"]}, "Layers", False),
    ],
)
@pytest.mark.parametrize("there", [False, True])
def test_dynamic_reference_without_a_value_is_named_with_its_property(
    tmp_path: Path, properties: dict[str, Any], place: str, hint: bool, there: bool
) -> None:
    """With and without a local AWS endpoint; `--env-vars` is advice for environment variables only."""

    def dynamic(reference: str) -> str:
        raise UsageError(f"{reference}: there is no such parameter; declare it in the template")

    hello = {"Type": "AWS::Serverless::Function", "Properties": {**FUNCTION, **properties}}
    template = write(tmp_path, Resources={"Hello": hello})
    functions = load_functions(template, Given(dynamic=dynamic if there else None))
    if place == "Layers" and not there:  # the function runs without it
        assert functions.notes["Hello"].layers == ("{{resolve:ssm:/key}}",)
        return
    ((_, reason),) = functions.refused
    assert f"Hello.{place}: {{{{resolve:ssm:/key}}}}" in str(reason)
    assert str(reason).endswith("or set KEY with --env-vars") == hint
    assert ("--env-vars" in str(reason)) == hint


@pytest.mark.parametrize("wrong", [{"Ref": "Hello"}, ["x"], 1, None])
def test_type_that_is_not_text_does_no_harm(tmp_path: Path, wrong: object) -> None:
    """Of a resource, and of a destination: the function runs, or is refused in one line."""
    assert len(load(tmp_path, Resources={"Hello": function(), "Odd": {"Type": wrong}})) == 1
    hello = function()
    hello["Properties"]["EventInvokeConfig"] = {"DestinationConfig": {"OnFailure": {"Type": wrong}}}
    assert len(load(tmp_path, Resources={"Hello": hello}).refused) == 1
