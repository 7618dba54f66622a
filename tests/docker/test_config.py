"""The services for given settings, as `docker compose config` prints them, which needs no engine."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.docker.stack import PASSWORD, ROOT, Stack, needs_compose

SETTING = re.compile(r"(?<!\$)\$(?:\{(\w+)|(\w+))")
DATABASE = {"db", "roles"}  # of PostgreSQL's image
NOT_FOR_PEOPLE = {"COMMIT", "DASHBOARD_USER", "DASHBOARD_VIEWER_USER", "DB_CONNECTIONS", "UNET_SEARCH_LOG"}


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    needs_compose(engine=False)
    return Stack(tmp_path, {"PASSWORD": PASSWORD, "DATA": "mars.npz"})


def services(stack: Stack, **settings: str) -> dict[str, Any]:
    """The services that `docker compose up` would start."""
    found: dict[str, Any] = config(stack, **settings)["services"]
    return found


def config(stack: Stack, **settings: str) -> dict[str, Any]:
    """The project as Compose reads it."""
    stack.settings |= settings
    done = stack.compose("config", "--format", "json")
    assert not done.stderr  # such as a warning of a variable that is not set
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_gpus_are_reserved_for_workers_alone(stack: Stack) -> None:
    found = services(stack)
    (device,) = found["workers"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"capabilities": ["gpu"], "driver": "nvidia", "count": -1}  # all of them
    assert not any("deploy" in found[name] for name in found.keys() - {"workers"})
    assert {found[name]["image"] for name in found.keys() - DATABASE} == {"unet-search:gpu"}


def test_one_setting_switches_gpus_off(stack: Stack) -> None:
    found = services(stack, DEVICE="cpu")
    assert not any("deploy" in service for service in found.values())
    assert found["workers"]["build"]["args"]["DEVICE"] == "cpu"
    assert found["workers"]["command"] == ["unet-search", "worker", "--device", "cpu"]


def test_the_default_space_is_that_of_the_workers_device(stack: Stack) -> None:
    assert services(stack)["init"]["environment"]["UNET_SEARCH_SPACE"] == "gpu"
    assert services(stack, DEVICE="cpu")["init"]["environment"]["UNET_SEARCH_SPACE"] == "cpu"


def test_another_device_is_refused(stack: Stack) -> None:
    stack.settings["DEVICE"] = "tpu"
    done = stack.compose("config", status=None)
    assert done.returncode
    assert 'service "workers-tpu" not found' in done.stderr


@pytest.mark.parametrize("name", ["PASSWORD", "DATA"])
@pytest.mark.parametrize("empty", [True, False])
def test_a_missing_setting_is_named(stack: Stack, name: str, empty: bool) -> None:
    del stack.settings[name]
    if empty:
        stack.settings[name] = ""
    done = stack.compose("config", status=None)
    assert done.returncode
    assert f"set {name} in .env" in done.stderr


def test_only_the_dashboard_is_published_and_on_this_host_alone(stack: Stack) -> None:
    ports = {name: service["ports"] for name, service in services(stack).items() if "ports" in service}
    assert ports.keys() == {"dashboard"}
    (port,) = ports["dashboard"]
    assert (port["host_ip"], port["published"]) == ("127.0.0.1", "8080")


def test_db_bind_publishes_the_database_there(stack: Stack) -> None:
    (port,) = services(stack, DB_BIND="10.0.0.5")["db"]["ports"]
    assert (port["host_ip"], port["published"]) == ("10.0.0.5", "5432")


def test_no_network_of_the_database_leads_out(stack: Stack) -> None:
    assert services(stack)["db"]["networks"].keys() == {"database"}
    found = config(stack, DB_BIND="10.0.0.5")
    assert found["services"]["db"]["networks"].keys() == {"database", "published"}
    assert found["networks"]["database"]["internal"]
    assert found["networks"]["published"]["driver_opts"] == {"com.docker.network.bridge.enable_ip_masquerade": "false"}


@pytest.mark.parametrize("bind", ["", "10.0.0.6"])
def test_with_a_database_elsewhere_none_is_started_and_no_study_created(stack: Stack, bind: str) -> None:
    url = "postgresql://unet@10.0.0.5/unet"
    found = services(stack, DATABASE_URL=url, DB_BIND=bind)
    assert found.keys() == {"folders", "init", "workers", "dashboard"}
    assert found["init"]["command"] == ["unet-search", "status"]
    assert found["workers"]["environment"]["DATABASE_URL"] == url


def test_the_password_is_in_no_url_and_no_command(stack: Stack) -> None:
    for service in services(stack).values():
        assert PASSWORD not in json.dumps(service.get("command"))
        assert PASSWORD not in service["environment"].get("DATABASE_URL", "")


def test_the_dashboard_has_a_password_of_its_own_or_none(stack: Stack) -> None:
    dashboard = services(stack)["dashboard"]
    assert dashboard["environment"]["DASHBOARD_PASSWORD"] == ""
    assert dashboard.get("restart", "no") in ("", "no")
    dashboard = services(stack, DASHBOARD_PASSWORD="another")["dashboard"]
    assert dashboard["environment"]["DASHBOARD_PASSWORD"] == "another"
    assert dashboard["restart"] == "unless-stopped"


def test_services_have_no_rights_and_ours_a_read_only_root(stack: Stack) -> None:
    found = services(stack)
    for name, service in found.items():
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service.get("read_only") or name == "db"
    assert {name: found[name]["user"] for name in DATABASE} == {"db": "postgres", "roles": "1000:1000"}
    assert {name for name in found if found[name].get("cap_add") or found[name].get("user") == "root"} == {"folders"}
    assert not any(service.get("privileged") for service in found.values())


def test_processes_and_temporary_files_are_limited(stack: Stack) -> None:
    found = services(stack, WORKERS_TMP="1g")
    assert all(service["pids_limit"] > 0 for service in found.values())
    assert all(":size=" in mount for service in found.values() for mount in service.get("tmpfs", []))
    assert found["workers"]["tmpfs"] == ["/tmp:size=1g"]


def test_memory_is_limited_where_a_setting_says_so(stack: Stack) -> None:
    assert not any("mem_limit" in service for service in services(stack).values())
    found = services(stack, WORKERS_MEMORY="3g", DASHBOARD_MEMORY="2g", DB_MEMORY="1g")
    limits = {name: int(found[name]["mem_limit"]) // 2**30 for name in found if "mem_limit" in found[name]}
    assert limits == {"workers": 3, "dashboard": 2, "db": 1}


def test_images_can_be_pinned_by_their_digests(stack: Stack) -> None:
    base, database = f"python:3.11@sha256:{'1' * 64}", f"postgres:15@sha256:{'2' * 64}"
    found = services(stack, PYTHON_IMAGE=base, DB_IMAGE=database)
    assert {found[name]["image"] for name in DATABASE} == {database}
    assert {found[name]["build"]["args"]["PYTHON_IMAGE"] for name in found.keys() - DATABASE} == {base}
    assert not re.findall("^FROM .*:", (ROOT / "Dockerfile").read_text(), re.MULTILINE)  # no other one


def test_every_setting_is_in_the_example_and_every_example_is_a_setting() -> None:
    files = [ROOT / "docker-compose.yml", ROOT / "docker" / "choices.yml"]
    used = {name or short for file in files for name, short in SETTING.findall(file.read_text())}
    shown = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert used - NOT_FOR_PEOPLE == shown


def test_the_example_has_no_password() -> None:
    example = (ROOT / ".env.example").read_text()
    assert re.findall(r"^\w*PASSWORD=(.*)$", example, re.MULTILINE) == ["", "", ""]
