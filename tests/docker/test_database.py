"""The database of the stack: its roles, its network, and one that an earlier version made."""

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.docker.stack import PASSWORD, Stack

pytestmark = pytest.mark.docker
RIGHTS = "select rolname, rolsuper, rolcreaterole, rolcreatedb from pg_roles where rolcanlogin order by 1"
OLD_TABLE = """
    create type state as enum ('a'); create table old (id serial, state state); insert into old default values"""
OWNERS = """
    select relowner::regrole from pg_class where relkind in ('r', 'S') and relnamespace = 'public'::regnamespace
    union select typowner::regrole from pg_type where typtype = 'e' and typnamespace = 'public'::regnamespace"""


def test_the_role_of_workers_owns_the_tables_and_nothing_else(stack: Stack) -> None:
    stack.compose("up", "init")
    assert stack.sql(RIGHTS) == [["postgres", "t", "t", "t"], ["unet", "f", "f", "f"]]
    assert stack.sql(OWNERS) == [["unet"]]


def test_the_superuser_cannot_come_over_the_network(stack: Stack) -> None:
    stack.compose("up", "roles")
    assert sign_in(stack, "unet", PASSWORD) == ""
    assert 'password authentication failed for user "postgres"' in sign_in(stack, "postgres", PASSWORD)


def test_the_database_has_no_way_out_and_no_rights(stack: Stack) -> None:
    stack.compose("up", "-d", "--wait", "db")
    (networks,) = inspect("{{json .NetworkSettings.Networks}}", stack.containers("db")[0]["ID"])
    assert [inspect("{{json .Internal}}", name) for name in networks] == [[True]]
    status = stack.compose("exec", "-T", "db", "cat", "/proc/1/status").stdout
    assert re.findall(r"^Cap\w+:\s*(\w+)$", status, re.MULTILINE) == ["0" * 16] * 5


def test_a_changed_password_is_that_of_the_next_start(stack: Stack) -> None:
    stack.compose("up", "init")
    stack.compose("down")
    stack.settings["PASSWORD"] = "another"
    stack.compose("up", "init")
    assert sign_in(stack, "unet", "another") == ""
    assert "failed" in sign_in(stack, "unet", PASSWORD)


def test_a_database_of_an_earlier_version_is_carried_over(stack: Stack) -> None:
    earlier = replace(stack, files=(*stack.files, Path(__file__).with_name("earlier-database.yml")))
    earlier.compose("up", "-d", "--wait", "db")
    earlier.sql(OLD_TABLE)
    assert earlier.sql(RIGHTS) == [["unet", "t", "t", "t"]]
    for _ in range(2):
        stack.compose("up", "roles")
        assert stack.sql(RIGHTS) == [["postgres", "t", "t", "t"], ["unet", "f", "f", "f"]]
        assert stack.sql(OWNERS) == [["unet"]]
    assert stack.sql("select id from old") == [["1"]]
    assert sign_in(stack, "unet", PASSWORD) == ""


def inspect(form: str, name: str) -> list[Any]:
    """What the engine tells of a container or network."""
    command = ["docker", "inspect", "--format", form, name]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [json.loads(line) for line in lines]


def sign_in(stack: Stack, user: str, password: str) -> str:
    """What psql says to the user of another container's address; nothing where it lets him in."""
    line = ("exec", "-T", "-e", f"PGPASSWORD={password}", "db", "psql", "-h", "db", "-U", user, "-c", "select", "unet")
    return stack.compose(*line, status=None).stderr
