"""Plays the story of this example against running services and `newel dev`; see README.md."""

import http.client
import json
import ssl
import sys
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import driver
from services import CLIENT

ROUTE = driver.project(HERE)["egress"]["routes"]["reviews"]
API, LOGIN = (f"https://{host}" for host in ROUTE["hosts"])
REVIEWS = ["r1", "r2", "r3", "r4"]
VERDICTS = [("r1", "real"), ("r2", "fake"), ("r3", "real"), ("r4", "fake")]


def control(**given: object) -> list[dict]:
    """Program the services; what they were asked until now."""
    context = ssl.create_default_context(cafile=str(HERE / ROUTE["ca_file"]))
    context.check_hostname = False  # the driver comes to 127.0.0.1, and not under the private names
    connection = http.client.HTTPSConnection("127.0.0.1", urlsplit(API).port, context=context)
    connection.request("POST", "/_control", json.dumps(given), {"Host": "reviews.internal"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer["log"]


def connect(secret: str = CLIENT[1], authorization: str = f"{LOGIN}/oauth/token") -> dict:
    """A connection through the route, once it is authorized or refused."""
    resource = {"ResourceParameters": {"ResourceConfigurationArn": ROUTE["resource_configuration"]}}
    name = f"reviews-{uuid.uuid4()}"
    driver.client("events").create_connection(
        Name=name,
        AuthorizationType="OAUTH_CLIENT_CREDENTIALS",
        AuthParameters={
            "OAuthParameters": {
                "AuthorizationEndpoint": authorization,
                "HttpMethod": "POST",
                "ClientParameters": {"ClientID": CLIENT[0], "ClientSecret": secret},
            },
            "InvocationHttpParameters": {
                "QueryStringParameters": [{"Key": "channel", "Value": "web", "IsValueSecret": False}]
            },
            "ConnectivityParameters": resource,
        },
        InvocationConnectivityParameters=resource,
    )

    def settled() -> dict | None:
        found = driver.client("events").describe_connection(Name=name)
        return None if found["ConnectionState"] in ("CREATING", "AUTHORIZING") else found

    return driver.wait_until(settled, "the connection")


def usable() -> str:
    """The ARN of a connection that is authorized."""
    connection = connect()
    driver.same(connection["ConnectionState"], "AUTHORIZED", "the connection is")
    return connection["ConnectionArn"]


def check(connection: str) -> str:
    """Check all reviews; the execution's ARN."""
    execution = driver.start("review-checker", {"connection": connection, "reviews": REVIEWS})
    found = [(item["id"], item["verdict"]) for item in driver.output(execution)]
    driver.same(found, VERDICTS, "the verdicts")
    return execution


def errors_of(execution: str) -> list[str]:
    """The errors of the tasks that failed in an execution."""
    return [
        event["taskFailedEventDetails"]["error"]
        for event in driver.history(execution)
        if "taskFailedEventDetails" in event
    ]


def reviews() -> None:
    """Every review is asked for once, with a token and what the connection adds; the fake ones are reported."""
    control(clear=True)
    connection = usable()
    execution = check(connection)
    log = control()
    asked = [entry for entry in log if entry["path"].startswith("/reviews/")]
    driver.same(sorted(entry["path"] for entry in asked), [f"/reviews/{name}" for name in REVIEWS], "reviews asked for")
    driver.same({entry["query"]["channel"][0] for entry in asked}, {"web"}, "the connection adds channel")
    reports = sorted((entry["form"]["review"], entry["form"]["reasons[]"]) for entry in log if entry["form"])
    driver.same(reports, [([name], ["praise", "length"]) for name in ("r2", "r4")], "reports")
    shown = json.dumps([driver.history(execution), driver.client("events").list_connections()], default=str)
    driver.need(CLIENT[1] not in shown and "Bearer" not in shown, "a secret was shown")


def retried() -> None:
    """The server forgets all tokens, and is busy twice: the tasks fail with 401 and 503 and are retried."""
    connection = usable()
    control(forget=True)
    driver.need("States.Http.StatusCode.401" in errors_of(check(connection)), "no attempt was answered 401")
    control(failures=2)
    errors = errors_of(check(connection))
    driver.same(errors, ["States.Http.StatusCode.503"] * 2, "errors that were retried")


def refused() -> None:
    """Failure: a wrong secret deauthorizes the connection, and whoever uses it fails at once."""
    connection = connect(secret="guessed")  # noqa: S106
    driver.same(connection["ConnectionState"], "DEAUTHORIZED", "the connection is")
    given = {"connection": connection["ConnectionArn"], "reviews": ["r1"]}
    error, _ = driver.failure(driver.start("review-checker", given))
    driver.same(error, "Events.ConnectionResource.InvalidConnectionState", "the error")


def unreachable() -> None:
    """Failure: neither other hosts of the private side nor addresses are reached, whatever the definition asks for."""
    connection = usable()
    control(clear=True)
    port = urlsplit(API).port
    for host in ("payroll.internal", "localhost", "127.0.0.1"):
        given = {"connection": connection, "reviews": ["r1"], "api": f"https://{host}:{port}"}
        began = time.monotonic()
        error, cause = driver.failure(driver.start("review-checker", given))
        driver.same(error, "States.Http.Socket", f"{host}, after {time.monotonic() - began:.1f} s")
        driver.need(CLIENT[1] not in cause, "a secret was shown")
    driver.same(control(), [], "requests that came through")


driver.play(reviews=reviews, retried=retried, refused=refused, unreachable=unreachable)
