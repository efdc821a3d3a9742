"""A connection's authorization parameters: checked, merged by updates, shown without secrets, made ready for use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from newel.errors import ServiceError
from newel.ports.connections import ApiKey, BasicAuth, Credentials, HttpParameters, OAuthClient, Parameter

Parameters = Mapping[str, Any]

#: AuthorizationType -> the member of AuthParameters that belongs to it.
MEMBERS: Final = {
    "BASIC": "BasicAuthParameters",
    "API_KEY": "ApiKeyAuthParameters",
    "OAUTH_CLIENT_CREDENTIALS": "OAuthParameters",
}
_REQUIRED: Final = {
    "BASIC": ("Username", "Password"),
    "API_KEY": ("ApiKeyName", "ApiKeyValue"),
    "OAUTH_CLIENT_CREDENTIALS": ("ClientParameters", "AuthorizationEndpoint", "HttpMethod"),
}
_LISTS: Final = ("HeaderParameters", "QueryStringParameters", "BodyParameters")


def check_parameters(kind: str, parameters: Parameters) -> None:
    """Hold the parameters against the authorization type. Raises ValidationException."""
    member = MEMBERS[kind]
    given = parameters.get(member)
    if given is None:
        raise _invalid(f"AuthParameters.{member} must be specified when AuthorizationType is {kind}.")
    for other in MEMBERS.values():
        if other != member and other in parameters:
            raise _invalid(f"AuthParameters.{other} cannot be specified when AuthorizationType is {kind}.")
    for name in _REQUIRED[kind]:
        if name not in given:
            raise _invalid(f"AuthParameters.{member}.{name} must be specified.")
    if kind == "OAUTH_CLIENT_CREDENTIALS":
        _check_oauth(given)
    _check_lists(parameters.get("InvocationHttpParameters", {}), "InvocationHttpParameters")


def updated(kind: str, old: Parameters | None, change: Parameters) -> dict[str, Any]:
    """Parameters after an update: what it leaves out stays, but not the credentials of another type."""
    member = MEMBERS[kind]
    kept = {name: value for name, value in (old or {}).items() if name == member or name not in MEMBERS.values()}
    merged = {**kept, **change}
    if member in kept and member in change:
        merged[member] = {**kept[member], **change[member]}
        if kind == "OAUTH_CLIENT_CREDENTIALS" and "ClientParameters" in kept[member]:
            client = {**kept[member]["ClientParameters"], **change[member].get("ClientParameters", {})}
            merged[member]["ClientParameters"] = client
    return merged


def shown(parameters: Parameters, connectivity: Any) -> dict[str, Any]:
    """What DescribeConnection tells. `connectivity` makes the answer's form of a ResourceConfigurationArn."""
    answer: dict[str, Any] = {}
    if "BasicAuthParameters" in parameters:
        answer["BasicAuthParameters"] = {"Username": parameters["BasicAuthParameters"]["Username"]}
    if "OAuthParameters" in parameters:
        oauth = parameters["OAuthParameters"]
        answer["OAuthParameters"] = {
            "ClientParameters": {"ClientID": oauth["ClientParameters"]["ClientID"]},
            "AuthorizationEndpoint": oauth["AuthorizationEndpoint"],
            "HttpMethod": oauth["HttpMethod"],
        }
        if "OAuthHttpParameters" in oauth:
            answer["OAuthParameters"]["OAuthHttpParameters"] = _shown_lists(oauth["OAuthHttpParameters"])
    if "ApiKeyAuthParameters" in parameters:
        answer["ApiKeyAuthParameters"] = {"ApiKeyName": parameters["ApiKeyAuthParameters"]["ApiKeyName"]}
    if "InvocationHttpParameters" in parameters:
        answer["InvocationHttpParameters"] = _shown_lists(parameters["InvocationHttpParameters"])
    arn = resource_configuration(parameters.get("ConnectivityParameters"))
    if arn is not None:
        answer["ConnectivityParameters"] = connectivity(arn)
    return answer


def credentials(kind: str, parameters: Parameters) -> Credentials:
    """The credentials to be used."""
    given = parameters[MEMBERS[kind]]
    if kind == "BASIC":
        return BasicAuth(given["Username"], given["Password"])
    if kind == "API_KEY":
        return ApiKey(given["ApiKeyName"], given["ApiKeyValue"])
    return OAuthClient(
        given["ClientParameters"]["ClientID"],
        given["ClientParameters"]["ClientSecret"],
        given["AuthorizationEndpoint"],
        given["HttpMethod"],
        http_parameters(given.get("OAuthHttpParameters", {})),
        resource_configuration(parameters.get("ConnectivityParameters")),
    )


def http_parameters(given: Parameters) -> HttpParameters:
    """ConnectionHttpParameters as a caller of the endpoint uses them."""
    headers, query, body = (tuple(map(_parameter, given.get(name, ()))) for name in _LISTS)
    return HttpParameters(headers, query, body)


def resource_configuration(connectivity: Parameters | None) -> str | None:
    """The ARN in ConnectivityResourceParameters; an empty one is none."""
    return (connectivity or {}).get("ResourceParameters", {}).get("ResourceConfigurationArn") or None


def _parameter(given: Parameters) -> Parameter:
    return Parameter(given["Key"], given.get("Value", ""), given.get("IsValueSecret", False))


def _shown_lists(given: Parameters) -> dict[str, Any]:
    return {name: [_shown_parameter(one) for one in given[name]] for name in _LISTS if name in given}


def _shown_parameter(given: Parameters) -> dict[str, Any]:
    secret = given.get("IsValueSecret", False)
    value = {} if secret or "Value" not in given else {"Value": given["Value"]}
    return {"Key": given["Key"], **value, "IsValueSecret": secret}


def _check_oauth(given: Parameters) -> None:
    for name in ("ClientID", "ClientSecret"):
        if name not in given["ClientParameters"]:
            raise _invalid(f"AuthParameters.OAuthParameters.ClientParameters.{name} must be specified.")
    if not given["AuthorizationEndpoint"].lower().startswith(("https://", "http://")):
        raise _invalid("AuthParameters.OAuthParameters.AuthorizationEndpoint must be an HTTPS URL.")
    _check_lists(given.get("OAuthHttpParameters", {}), "OAuthParameters.OAuthHttpParameters")


def _check_lists(given: Parameters, where: str) -> None:
    for name in _LISTS:
        if any("Key" not in one for one in given.get(name, ())):
            raise _invalid(f"AuthParameters.{where}.{name} has a parameter without a Key.")


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
