"""STS and IAM through boto3."""

import json

import pytest
from machines import fresh, refusal
from wire_server import assemble, serving

from newel.ports.store import StoreUnavailable
from newel.runtime.clock import SystemClock
from newel.service.roles import Roles

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "states.amazonaws.com"}}
        ],
    }
)
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "<&>"}]})


@pytest.fixture(scope="module")
def iam(client_of):
    return client_of("iam")


def test_who_am_i(client_of):
    found = client_of("sts").get_caller_identity()
    assert (found["Account"], found["Arn"]) == ("000000000000", "arn:aws:iam::000000000000:root")
    assert client_of("sts", access_key="000000000002").get_caller_identity()["Account"] == "000000000002"


def test_an_assumed_role_acts_in_its_account(client_of):
    sts = client_of("sts")
    given = sts.assume_role(RoleArn="arn:aws:iam::000000000007:role/path/worker", RoleSessionName="me")
    assert given["AssumedRoleUser"]["Arn"] == "arn:aws:sts::000000000007:assumed-role/worker/me"
    key = given["Credentials"]["AccessKeyId"]
    found = client_of("sts", access_key=key).get_caller_identity()
    assert (found["Account"], found["Arn"]) == ("000000000007", given["AssumedRoleUser"]["Arn"])
    arn = client_of("stepfunctions", access_key=key).create_activity(name=fresh())["activityArn"]
    assert ":000000000007:" in arn
    assert (given["Credentials"]["Expiration"].timestamp()) > 0


def test_what_sts_refuses(client_of):
    sts = client_of("sts")
    assert refusal(sts.assume_role, RoleArn="x" * 20, RoleSessionName="me")[0] == "ValidationError"
    code, message = refusal(sts.get_federation_token, Name="me")
    assert (code, "GetFederationToken" in message) == ("InvalidAction", True)


def test_role_life(iam):
    name = fresh("role")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "a", "Value": "<1>"}])["Role"]
    assert made["Arn"] == f"arn:aws:iam::000000000000:role/{name}"
    found = iam.get_role(RoleName=name)["Role"]
    assert found["AssumeRolePolicyDocument"] == json.loads(TRUST)
    assert found["Tags"] == [{"Key": "a", "Value": "<1>"}]
    assert found["CreateDate"] == made["CreateDate"]
    assert name in {role["RoleName"] for role in iam.list_roles()["Roles"]}
    assert refusal(iam.create_role, RoleName=name, AssumeRolePolicyDocument=TRUST)[0] == "EntityAlreadyExists"
    iam.delete_role(RoleName=name)
    assert refusal(iam.get_role, RoleName=name) == ("NoSuchEntity", f"The role with name {name} cannot be found.")


def test_policies_of_a_role(iam):
    name = fresh("role")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Path="/service-role/")
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=POLICY)
    assert iam.get_role_policy(RoleName=name, PolicyName="inline")["PolicyDocument"] == json.loads(POLICY)
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["inline"]
    managed = "arn:aws:iam::aws:policy/AWSLambda_FullAccess"
    iam.attach_role_policy(RoleName=name, PolicyArn=managed)
    iam.attach_role_policy(RoleName=name, PolicyArn=managed)
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert attached == [{"PolicyName": "AWSLambda_FullAccess", "PolicyArn": managed}]
    assert refusal(iam.delete_role, RoleName=name)[0] == "DeleteConflict"
    iam.detach_role_policy(RoleName=name, PolicyArn=managed)
    iam.delete_role_policy(RoleName=name, PolicyName="inline")
    assert refusal(iam.get_role_policy, RoleName=name, PolicyName="inline")[0] == "NoSuchEntity"
    iam.delete_role(RoleName=name)


def test_changes_of_a_role(iam):
    name = fresh("role")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    iam.update_role(RoleName=name, Description="said", MaxSessionDuration=7200)
    iam.tag_role(RoleName=name, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_role(RoleName=name, TagKeys=["a"])
    found = iam.get_role(RoleName=name)["Role"]
    assert (found["Description"], found["MaxSessionDuration"]) == ("said", 7200)
    assert iam.list_role_tags(RoleName=name)["Tags"] == [{"Key": "b", "Value": "2"}]
    assert refusal(iam.update_assume_role_policy, RoleName=name, PolicyDocument="{")[0] == "MalformedPolicyDocument"


def test_an_action_that_is_not_there(iam):
    code, message = refusal(iam.list_users)
    assert (code, message) == (
        "InvalidAction",
        "The action ListUsers of IAM is not supported by this version of Newel.",
    )


def test_roles_outlive_the_server(tmp_path):
    file = tmp_path / "iam" / "roles.json"
    roles = Roles(file, SystemClock())
    roles.keep(roles.create("1", "a", TRUST))
    roles.put_policy("1", "a", "p", POLICY)
    again = Roles(file, SystemClock())
    assert again.get("1", "a") == roles.get("1", "a")
    assert again.policy("1", "a", "p") == POLICY


def test_roles_that_cannot_be_read_are_no_roles(tmp_path):
    file = tmp_path / "roles.json"
    file.write_text("[{")
    with pytest.raises(StoreUnavailable, match=r"roles\.json cannot be read"):
        Roles(file, SystemClock())


def test_a_role_that_cannot_be_kept_is_not_there(tmp_path):
    roles = Roles(tmp_path / "roles.json", SystemClock())
    (tmp_path / "roles.new").mkdir()
    with pytest.raises(OSError):
        roles.keep(roles.create("1", "a", TRUST))
    assert roles.all("1") == []


def test_an_unsigned_form_finds_its_service_by_version(tmp_path):
    import urllib.request

    with serving(assemble(tmp_path).app) as url:
        body = b"Action=GetCallerIdentity&Version=2011-06-15"
        with urllib.request.urlopen(url, body) as reply:
            assert b"<Account>000000000000</Account>" in reply.read()
