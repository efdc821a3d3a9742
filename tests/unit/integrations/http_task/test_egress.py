"""The egress policy: which hosts, schemes and addresses a request may go to."""

import asyncio
import os
import socket
from ipaddress import ip_network

import pytest
from aiohttp.abc import AbstractResolver
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from https_server import serving
from newel.errors import StatesError
from newel.integrations.http_task.egress import Egress, EgressRefusalError
from newel.integrations.http_task.egress_settings import EgressRoute, EgressSettings, egress_settings
from newel.integrations.http_task.exchange import NoResponseError, exchange
from newel.integrations.http_task.guard import RefusedAddressError, forbidden_kind, guarded_sockets
from newel.integrations.http_task.messages import HttpRequest
from newel.ports.connections import OAuthClient

from .conftest import Endpoint, connection

RESOURCE = "arn:aws:vpc-lattice:eu-west-1:123456789012:resourceconfiguration/rcfg-0123456789abcdefg"


def run(work):
    return asyncio.run(asyncio.wait_for(work, 30))


class Resolver(AbstractResolver):
    """DNS that says what the test wants, call by call."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0

    async def resolve(self, host, port=0, family=0):
        self.asked += 1
        address = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [{"hostname": host, "host": address, "port": port, "family": kind, "proto": 0, "flags": 0}]

    async def close(self):
        pass


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.10",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "169.254.170.2",
        "100.64.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "240.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "fec0::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
    ],
)
def test_special_addresses_are_forbidden(address):
    assert forbidden_kind(address, [])


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "52.94.0.1", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_public_addresses_are_not(address):
    assert forbidden_kind(address, []) is None


@given(st.ip_addresses())
def test_every_address_is_judged(address):
    kind = forbidden_kind(str(address), [])
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        assert kind or address.version == 6
    assert forbidden_kind(str(address), [ip_network(address)]) is None


def test_allowed_networks_make_exceptions():
    assert forbidden_kind("10.1.2.3", [ip_network("10.1.0.0/16")]) is None
    assert forbidden_kind("::ffff:10.1.2.3", [ip_network("10.1.0.0/16")]) is None
    assert forbidden_kind("10.2.2.3", [ip_network("10.1.0.0/16")])


def test_no_socket_is_made_for_a_forbidden_address():
    make = guarded_sockets(["127.0.0.2/32"])
    with pytest.raises(RefusedAddressError, match=r"refuses 127\.0\.0\.1, a loopback address"):
        make((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 443)))
    make((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.2", 443))).close()


async def get(egress, url, resource=None):
    client = egress.client(URL(url), resource)
    return await exchange(client, HttpRequest(method="GET", url=url, headers=()), seconds=5)


async def reach(settings, resolver, url, *, calls=1):
    egress = Egress(settings, resolver)
    try:
        for _ in range(calls):
            with pytest.raises(NoResponseError) as caught:
                await get(egress, url)
        return str(caught.value)
    finally:
        await egress.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_a_public_name_with_a_private_address_is_refused(address):
    text = run(reach(EgressSettings(), Resolver(address), "https://api.example.com/"))
    assert "the egress policy refuses" in text


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.169.254", "localhost"])
def test_addresses_without_dns_are_refused_too(host):
    assert "the egress policy refuses" in run(reach(EgressSettings(), None, f"https://{host}:1/"))


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "017700000001"])
def test_odd_spellings_of_addresses_lead_nowhere(host):
    async def work():
        egress = Egress()
        try:
            with pytest.raises((NoResponseError, EgressRefusalError)):
                await get(egress, f"https://{host}:1/")
        finally:
            await egress.close()

    run(work())


def test_a_name_that_changes_its_address_gains_nothing(authority, tls):
    """The first look-up gives an allowed address, a later one the server's: every connection is checked anew."""
    seen = Endpoint()

    async def work():
        async with serving(seen, tls) as port:
            settings = EgressSettings(allow_networks=("127.0.0.2/32",), ca_file=str(authority.ca_file))
            egress = Egress(settings, Resolver("127.0.0.2", "127.0.0.1"))
            try:
                with pytest.raises(NoResponseError):
                    await get(egress, f"https://rebinding.test:{port}/")
                egress._clients[None].connector.clear_dns_cache()
                with pytest.raises(NoResponseError, match=r"refuses 127\.0\.0\.1"):
                    await get(egress, f"https://rebinding.test:{port}/")
            finally:
                await egress.close()

    run(work())
    assert not seen.seen


def test_an_allowed_network_is_reached(bench, authority):
    def policy(port):
        return EgressSettings(allow_networks=("127.0.0.0/8",), ca_file=str(authority.ca_file))

    async def work():
        async with bench(egress=policy) as b:
            return await b.call(ApiEndpoint=f"https://127.0.0.1:{b.port}/")

    assert run(work())["StatusCode"] == 200


def test_a_redirect_to_a_forbidden_address_is_not_followed(bench, endpoint):
    endpoint.answer = {"status": 307, "headers": {"Location": "https://169.254.169.254/latest/meta-data/"}}

    async def work():
        async with bench() as b:
            with pytest.raises(StatesError) as caught:
                await b.call()
            return caught.value.error

    assert run(work()) == "States.Http.StatusCode.307"


def test_http_needs_a_route_that_says_so(bench, endpoint):
    def policy(port):
        route = EgressRoute(name="plain", hosts=(f"localhost:{port}",), plain_http=True)
        return EgressSettings(routes=(route,))

    async def work():
        async with bench(egress=policy, context=None) as b:
            url = f"http://localhost:{b.port}/"
            allowed = (await b.call(ApiEndpoint=url))["StatusCode"]
            with pytest.raises(StatesError) as caught:
                await b.call(ApiEndpoint=f"http://127.0.0.1:{b.port}/")
            return allowed, caught.value

    allowed, error = run(work())
    assert allowed == 200
    assert error.error == "States.Runtime"
    assert "only HTTPS endpoints are supported" in error.cause


def bound(port, authority):
    route = EgressRoute(
        name="private",
        hosts=(f"reviews.internal:{port}",),
        ca_file=str(authority.ca_file),
        address="127.0.0.1",
        resource_configuration=RESOURCE,
    )
    return EgressSettings(routes=(route,))


def test_a_private_resource_is_reached_by_its_connections_alone(bench, endpoint, authority):
    context = authority.context("reviews.internal")

    async def failure(call):
        with pytest.raises(StatesError) as caught:
            await call
        return caught.value.error, caught.value.cause

    async def work():
        async with bench(egress=lambda port: bound(port, authority), context=context) as b:
            url = f"https://reviews.internal:{b.port}/x"
            without = await failure(b.call(ApiEndpoint=url))
            b.connections.one = connection(resource=RESOURCE)
            result = await b.call(ApiEndpoint=url)
            elsewhere = await failure(b.call(ApiEndpoint=f"https://other.internal:{b.port}/x"))
            b.connections.one = connection(resource=RESOURCE.replace("rcfg-0", "rcfg-1"))
            unknown = await failure(b.call(ApiEndpoint=url))
            return without, result["StatusCode"], elsewhere, unknown

    without, status, elsewhere, unknown = run(work())
    assert without[0] == "States.Http.Socket"
    assert status == 200
    assert elsewhere[0] == "States.Http.Socket"
    assert "is not in the resource configuration of the connection" in elsewhere[1]
    assert unknown[0] == "Events.ConnectionResource.InvalidPrivateConnectionState"
    assert len(endpoint.seen) == 1


def test_the_authorization_endpoint_is_guarded_like_any_other(bench, endpoint):
    async def work():
        async with bench() as b:
            client = OAuthClient("id", "the-secret", f"https://127.0.0.1:{b.port}/token", "POST")
            b.connections.one = connection(client)
            with pytest.raises(StatesError) as caught:
                await b.call()
            return caught.value

    error = run(work())
    assert error.error == "Events.ConnectionResource.InternalError"
    assert "the egress policy refuses 127.0.0.1" in error.cause
    assert not endpoint.seen


def test_settings_from_a_table(tmp_path):
    (tmp_path / "a.pem").write_text("x")
    table = {
        "allow_networks": ["10.0.0.0/8"],
        "routes": {"reviews": {"hosts": ["r.internal:8443"], "ca_file": "a.pem", "plain_http": True}},
    }
    settings = egress_settings(table, {}, tmp_path)
    assert settings.allow_networks == ("10.0.0.0/8",)
    (route,) = settings.routes
    assert (route.name, route.hosts, route.plain_http) == ("reviews", ("r.internal:8443",), True)
    assert route.ca_file == str(tmp_path / "a.pem")
    assert egress_settings() == EgressSettings()


def test_settings_from_the_environment(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("x")
    environ = {
        "NEWEL_EGRESS_ALLOW_NETWORKS": "10.0.0.0/8, fd00::/8",
        "NEWEL_EGRESS_CA_FILE": str(file),
        "NEWEL_EGRESS_ROUTES": '{"a": {"hosts": ["a:1"]}}',
    }
    settings = egress_settings({"allow_networks": ["192.168.0.0/16"]}, environ)
    assert settings.allow_networks == ("10.0.0.0/8", "fd00::/8")
    assert settings.ca_file == str(file)
    assert [route.name for route in settings.routes] == ["a"]


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ({"allow_networks": ["10.0.0.1/8"]}, "has host bits set"),
        ({"allow_networks": "10.0.0.0/8"}, "Expected `array`"),
        ({"allowed": []}, "unknown field `allowed`"),
        ({"routes": {"a": {"hosts": ["b"]}}}, "b is not host:port"),
        ({"routes": {"a": {"hosts": []}}}, "has no hosts"),
        ({"routes": {"a": {"hosts": ["b:1"], "address": "b"}}}, "does not appear to be an IPv4 or IPv6 address"),
        ({"routes": {"a": {"hosts": ["b:1"], "ca": "x"}}}, "unknown field `ca`"),
        ({"routes": {"a": {"hosts": ["b:1"], "ca_file": "missing.pem"}}}, "there is no file"),
        ({"routes": ["a"]}, "must be tables"),
        ({"ca_file": "missing.pem"}, "there is no file"),
    ],
)
def test_settings_that_are_wrong(table, what):
    with pytest.raises(ValueError, match=what):
        egress_settings(table)


def test_a_route_of_the_environment_that_is_no_json():
    with pytest.raises(ValueError, match="NEWEL_EGRESS_ROUTES is not JSON"):
        egress_settings({}, {"NEWEL_EGRESS_ROUTES": "{"})


def test_proxies_of_the_environment_are_not_used(bench, monkeypatch):
    """A proxy would resolve names where no rule is applied."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setitem(os.environ, name, "http://127.0.0.1:1")

    async def work():
        async with bench() as b:
            return (await b.call())["StatusCode"]

    assert run(work()) == 200


class Unknown(Resolver):
    async def resolve(self, host, port=0, family=0):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_a_name_without_an_address_is_a_socket_error():
    text = run(reach(EgressSettings(), Unknown(), "https://nothing.test/"))
    assert text == "No connection to nothing.test:443: Name or service not known"


def test_an_endpoint_that_hangs_delays_no_other(bench, authority, tls):
    """More calls than connections to one host wait there; a call to another host is answered meanwhile."""
    hanging, other = Endpoint(lambda _request: asyncio.sleep(20)), Endpoint()

    async def work():
        async with serving(other, tls) as second:

            def policy(first):
                hosts = (f"localhost:{first}", f"localhost:{second}")
                route = EgressRoute(name="r", hosts=hosts, ca_file=str(authority.ca_file))
                return EgressSettings(routes=(route,), connections_per_host_max=5)

            async with bench(egress=policy, handler=hanging) as b:
                stuck = [asyncio.ensure_future(b.call()) for _ in range(30)]
                while len(hanging.seen) < 5:
                    await asyncio.sleep(0.01)
                result = await b.call(ApiEndpoint=f"https://localhost:{second}/")
                waiting = sum(not call.done() for call in stuck)
                for call in stuck:
                    call.cancel()
                await asyncio.gather(*stuck, return_exceptions=True)
                return result["StatusCode"], waiting, len(hanging.seen)

    assert run(work()) == (200, 30, 5)
