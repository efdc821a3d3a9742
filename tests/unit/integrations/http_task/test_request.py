"""Parameters to requests: whatever is given, a request that can be sent or one error."""

import json
from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from newel.errors import RuntimeFailure
from newel.integrations.http_task.request import MASK, additions, build_request, hidden
from newel.language.http_parameters import check_http_parameters, connection_arn
from newel.ports.connections import ApiKey

from .conftest import connection

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.text("abcAB-", min_size=1, max_size=3)
WORDS = st.text('xyz ü/&=?"', min_size=1, max_size=6)
CONNECTIONS = st.fixed_dictionaries(
    {},
    optional={kind: st.dictionaries(NAMES, WORDS.map(str.strip), max_size=3) for kind in ("headers", "query", "body")},
)
PARAMETERS = st.fixed_dictionaries(
    {"ApiEndpoint": st.just("https://a.test/p"), "Method": st.sampled_from(["GET", "POST"])},
    optional={
        "Headers": st.dictionaries(
            NAMES, st.text("xyz", max_size=3) | st.integers() | st.lists(st.just("m"), max_size=2)
        ),
        "QueryParameters": st.dictionaries(NAMES, WORDS, max_size=3) | JSON,
        "RequestBody": st.dictionaries(NAMES, JSON, max_size=3) | JSON,
        "InvocationConfig": st.just({"ConnectionArn": "arn"}),
        "Authentication": st.just({"ConnectionArn": "other"}) | JSON,
        "Transform": st.just({"RequestBodyEncoding": "NONE"}) | JSON,
    },
)
KEY = ApiKey("x-api-key", "k")


@given(JSON | PARAMETERS | st.dictionaries(st.sampled_from(["ApiEndpoint", "Method", "Headers", "Transform"]), JSON))
def test_parameters_are_used_or_refused(parameters):
    text = json.dumps(parameters)
    refusal = None
    try:
        given_ = check_http_parameters(text)
    except RuntimeFailure as failure:
        refusal = failure.cause
    if refusal is None:
        assert connection_arn(given_) is not None
    else:
        assert refusal.startswith(f"The Parameters '{text}' could not be used to start the Task: [")


def built(parameters, added):
    try:
        return build_request(check_http_parameters(json.dumps(parameters)), added, "eu-west-1")
    except RuntimeFailure:
        return None


@given(PARAMETERS, CONNECTIONS)
def test_a_request_can_be_sent(parameters, lists):
    request = built(parameters, additions(connection(KEY, **lists), None))
    if request is None:
        return
    assert request.url.isascii()
    assert not set(request.url) & set(' \r\n"<>')
    assert str(URL(request.url, encoded=True)) == request.url
    assert not [value for _, value in request.headers if set(value) & set("\r\n\0")]
    names = [name.lower() for name, _ in request.headers]
    assert names.count("user-agent") == names.count("range") == names.count("x-api-key") == 1
    assert "host" not in names


@given(PARAMETERS, CONNECTIONS)
def test_the_connection_wins(parameters, lists):
    request = built(parameters, additions(connection(KEY, **lists), None))
    if request is None:
        return
    for name, value in {key.lower(): value for key, value in lists.get("headers", {}).items()}.items():
        assert (name, value) in [(key.lower(), text) for key, text in request.headers]
    for name in lists.get("headers", {}):
        own = [text for key, text in request.headers if key.lower() == name.lower()]
        assert set(own) <= {v for k, v in lists["headers"].items() if k.lower() == name.lower()}
    query = parse_qsl(URL(request.url, encoded=True).raw_query_string, keep_blank_values=True)
    for name, value in lists.get("query", {}).items():
        assert [text for key, text in query if key == name] == [value]
    if lists.get("body"):
        assert lists["body"].items() <= json.loads(request.body).items()


@given(PARAMETERS, CONNECTIONS)
def test_hidden_requests_differ_in_values_alone(parameters, lists):
    added = additions(connection(KEY, **lists), None)
    request, masked = built(parameters, added), built(parameters, hidden(added))
    if request is None:
        assert masked is None
        return
    assert [name for name, _ in request.headers] == [name for name, _ in masked.headers]
    for (name, value), (_, shown) in zip(request.headers, masked.headers, strict=True):
        connections_own = name.lower() in {one.key.lower() for one in added.headers}
        assert shown == (MASK if connections_own else value)
