"""A URL of Redis says which server is meant, and nothing that was not understood is passed over."""

import pathlib

import pytest

from alpha_panda.errors import ConfigurationError
from alpha_panda.live.store.address import parsed
from alpha_panda.live.store.redis import RedisStore

TOKEN = "hunter2"


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("redis://localhost", "localhost"),
        ("redis://localhost:6379/", "localhost:6379"),
        (f"redis://user:{TOKEN}@localhost:6379/15", "localhost:6379"),
        (f"redis://:{TOKEN}%40%2F%23@10.0.0.2:1/0", "10.0.0.2:1"),
        ("redis://[::1]:6379/0", "[::1]:6379"),
        ("rediss://redis.example.com:6380/0?ssl_cert_reqs=required&ssl_check_hostname=true", "redis.example.com:6380"),
        ("unix:///run/redis%20one.sock?db=3", "/run/redis one.sock"),
        (f"unix://user:{TOKEN}@/run/redis.sock", "/run/redis.sock"),
    ],
)
def test_where_a_server_is_is_said_without_its_password(url: str, where: str):
    assert parsed(url).where == where
    assert TOKEN not in repr(parsed(url))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "or unix:///path"),
        ("localhost", "or unix:///path"),
        ("http://localhost:6379", "or unix:///path"),
        ("redis:localhost:6379/0", "names no host"),
        ("redis://", "names no host"),
        ("redis:///0", "names no host"),
        ("redis://localhost:port/0", "as %-codes"),
        ("redis://localhost:99999/0", "as %-codes"),
        ("redis://localhost:0/0", "as %-codes"),
        ("redis://::1:6379/0", "as %-codes"),
        ("redis://[::1:6379/0", "as %-codes"),
        ("redis://localhost:6379/one", "no number of a database"),
        ("redis://localhost:6379/1/2", "no number of a database"),
        ("redis://localhost:6379/-1", "no number of a database"),
        ("redis://localhost:6379/0?timeuot=5", "the option 'timeuot': redis:// takes none"),
        ("redis://localhost:6379/0?ssl_cert_reqs=none", "redis:// takes none"),
        ("redis://localhost:6379/0?decode_responses=true", "redis:// takes none"),
        ("redis://localhost:6379/0?%", "as %-codes"),
        ("rediss://localhost:6379/0?ssl_cert_reqs=perhaps", "one of none, optional, required"),
        ("rediss://localhost:6379/0?ssl_ca_certs=/not/there.pem", "a file that is not there: /not/there.pem"),
        ("rediss://localhost:6379/0?ssl_cert_reqs=none&ssl_cert_reqs=required", "once, is ssl_ca_certs"),
        ("unix://redis.sock", "three strokes"),
        ("unix:///", "three strokes"),
        ("unix:///run/redis.sock?db=one", "the number of a database"),
        (" redis://localhost:6379/0", "without blanks"),
        ("redis://localhost:6379/0\n", "without blanks"),
        (f"redis://user:{TOKEN}/2@localhost:6379/0", "as %-codes"),
        (f"redis://user:12/{TOKEN}@localhost:6379/0", "as %-codes"),
        (f"redis://user:12?{TOKEN}@localhost:6379/0", "as %-codes"),
        (f"redis://user:12?{TOKEN}=@localhost:6379/0", "as %-codes"),
        (f"redis://user:12#{TOKEN}@localhost:6379/0", "as %-codes"),
    ],
)
async def test_what_is_no_address_is_a_matter_of_configuration(url: str, says: str):
    with pytest.raises(ConfigurationError) as caught:
        await RedisStore.open(url)
    assert says in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_a_certificate_that_is_there_is_taken(tmp_path: pathlib.Path):
    (tmp_path / "ca.pem").touch()
    assert parsed(f"rediss://localhost:6380/0?ssl_ca_certs={tmp_path}/ca.pem").where == "localhost:6380"
