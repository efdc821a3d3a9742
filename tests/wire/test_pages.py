"""Pagination tokens."""

import base64

from hypothesis import given
from hypothesis import strategies as st
from machines import create, refusal

INVALID = ("InvalidToken", "Invalid Token: 'Invalid token'")


def first_page(client, **request):
    return client.list_state_machines(maxResults=1, **request)


def client_with_machines(client_of):
    client = client_of("stepfunctions", access_key="000000000005")
    while len(client.list_state_machines()["stateMachines"]) < 2:
        create(client)
    return client


def test_a_token_lives_a_day(client_of, live_parts):
    client = client_with_machines(client_of)
    token = first_page(client)["nextToken"]
    before = live_parts.clock.ahead_ms
    try:
        live_parts.clock.ahead_ms += 23 * 3_600_000
        assert first_page(client, nextToken=token)["stateMachines"]
        live_parts.clock.ahead_ms += 3_600_001
        assert refusal(client.list_state_machines, nextToken=token) == INVALID
    finally:
        live_parts.clock.ahead_ms = before


def test_a_token_belongs_to_its_operation_and_parameters(client_of):
    client = client_with_machines(client_of)
    token = first_page(client)["nextToken"]
    assert refusal(client.list_activities, nextToken=token) == INVALID
    machine = first_page(client)["stateMachines"][0]["stateMachineArn"]
    for _ in range(2):
        client.start_execution(stateMachineArn=machine)
    token = client.list_executions(stateMachineArn=machine, maxResults=1)["nextToken"]
    request = {"stateMachineArn": machine, "nextToken": token}
    assert refusal(client.list_executions, statusFilter="FAILED", **request) == INVALID
    client.list_executions(**request)


def test_a_changed_token_is_refused(client_of):
    client = client_with_machines(client_of)
    token = first_page(client)["nextToken"]
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[-5] ^= 1
    changed = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    assert refusal(client.list_state_machines, nextToken=changed) == INVALID


@given(st.text(min_size=1, max_size=60))
def test_nonsense_is_an_invalid_token(sfn, text):
    assert refusal(sfn.list_state_machines, nextToken=text) == INVALID
