"""The manifests for Kubernetes: valid by the API's schemas, without rights or passwords, and true to the commands."""

import re
import shutil
import subprocess
from pathlib import Path
from textwrap import dedent
from typing import Any

import click
import kubernetes_validate
import pytest
import yaml

from search.cli import cli
from search.dashboard.accounts import AccountSettings
from search.dashboard.addresses import ProxySettings
from search.log import VARIABLE
from search.study.plan import load_plan
from search.worker.contract import BAD_INPUT, GRACE_S, TOLD_TO_STOP
from storage.settings import Settings
from tests.unit.deploy.manifests import (
    BASE,
    KUBERNETES,
    Manifest,
    base_manifests,
    containers,
    name_of,
    patches,
    read_documents,
    with_pods,
)

OLDEST, NEWEST = "1.33", "1.37"  # with all that is used, backoffLimitPerIndex the last; known to the schemas
PAGE = KUBERNETES.parents[1] / "docs" / "operations.md"
KUBECTL = shutil.which("kubectl")
CALL = re.compile(r"unet-search((?: [\w./-]+)*)")


@pytest.mark.parametrize("manifest", base_manifests(), ids=name_of)
def test_a_manifest_is_valid(manifest: Manifest) -> None:
    kubernetes_validate.validate(manifest, OLDEST, strict=True)


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
@pytest.mark.parametrize("overlay", ["base", "cpu"])
def test_what_kustomize_builds_is_valid(overlay: str) -> None:
    for manifest in _build(KUBERNETES / overlay):
        kubernetes_validate.validate(manifest, NEWEST, strict=True)


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
@pytest.mark.parametrize(("overlay", "tag", "asks_gpu"), [("base", "gpu", True), ("cpu", "cpu", False)])
def test_an_overlay_has_its_image_and_device(overlay: str, tag: str, asks_gpu: bool) -> None:
    built = [
        container
        for manifest in _build(KUBERNETES / overlay)
        if "spec" in manifest
        for container in containers(manifest)
    ]
    assert {container["image"] for container in built} == {f"unet-search:{tag}"}
    assert ("nvidia.com/gpu" in yaml.dump(built)) is asks_gpu


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
@pytest.mark.parametrize("below", ["base", "cpu"])
def test_the_overlay_of_the_page_changes_what_it_says(tmp_path: Path, below: str) -> None:
    (overlay,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    shutil.copytree(KUBERNETES, tmp_path, dirs_exist_ok=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "search.toml").write_text("# mine")
    (tmp_path / "mine" / "kustomization.yaml").write_text(dedent(overlay).replace("../base", f"../{below}"))
    built = {name_of(manifest): manifest for manifest in _build(tmp_path / "mine")}
    workers = built["Job/unet-search-workers"]["spec"]
    (worker,) = workers["template"]["spec"]["containers"]
    settings = built["ConfigMap/unet-search-settings"]["data"]
    assert built["ConfigMap/unet-search"]["data"] == {"search.toml": "# mine"}
    assert (settings["UNET_SEARCH_ARTIFACTS"], settings["UNET_SEARCH_STUDY"]) == ("s3://mine/unet", "unet")
    assert (workers["completions"], workers["parallelism"]) == (16, 16)
    assert worker["image"] == "registry.example.org/unet-search:gpu"


def test_the_kustomization_lists_every_file() -> None:
    for folder in KUBERNETES.iterdir():
        (found,) = read_documents(folder / "kustomization.yaml")
        files = [path for generator in found.get("configMapGenerator", []) for path in generator.get("files", [])]
        resources = [name for name in found["resources"] if not (folder / name).is_dir()]
        listed = {*resources, *files, *(patch["path"] for patch in found.get("patches", []))}
        assert listed == {path.name for path in folder.iterdir()} - {"kustomization.yaml"}


def test_the_search_of_the_config_map_is_one() -> None:
    plan = load_plan(BASE / "search.toml", {}, None, {}, (), "gpu")
    assert plan.study.name == _literals()["UNET_SEARCH_STUDY"]


@pytest.mark.parametrize("manifest", with_pods(), ids=name_of)
def test_no_container_has_rights(manifest: Manifest) -> None:
    pod = manifest["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert not [volume for volume in pod["volumes"] if "hostPath" in volume]
    for container in containers(manifest):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"memory"} <= container["resources"]["limits"].keys()


def test_passwords_come_from_secrets_alone() -> None:
    assert "Secret" not in {manifest["kind"] for manifest in base_manifests()}
    secret = re.compile("PASSWORD|DATABASE_URL|SECRET|TOKEN|_KEY")
    assert not [name for name in _literals() if secret.search(name)]
    variables = [item for manifest in with_pods() for container in containers(manifest) for item in container["env"]]
    named = [item for item in variables if secret.search(item["name"])]
    assert named
    assert [item for item in named if "value" in item or "secretKeyRef" not in item["valueFrom"]] == []


def test_every_variable_is_one_that_a_command_reads() -> None:
    named = {item["name"] for manifest in (*with_pods(), *patches()) for item in _variables(manifest)} | {*_literals()}
    assert named <= _known_variables()


@pytest.mark.parametrize("manifest", [*with_pods(), *patches()], ids=name_of)
def test_every_command_is_one_of_ours(manifest: Manifest) -> None:
    for container in containers(manifest):
        command = container.get("command", [])
        calls = (
            [command[1:]] if command[:1] == ["unet-search"] else [m.split() for m in CALL.findall(" ".join(command))]
        )
        assert calls or not command
        for name, *arguments in calls:
            found = cli.get_command(click.Context(cli), name)
            assert found is not None
            found.make_context(name, arguments)


def test_workers_have_time_to_hand_their_trials_on() -> None:
    assert _workers()["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > GRACE_S


def test_one_pod_an_index_and_all_at_once() -> None:
    spec = _workers()["spec"]
    assert spec["completionMode"] == "Indexed"
    assert spec["completions"] == spec["parallelism"]


@pytest.mark.parametrize(("status", "action"), [(TOLD_TO_STOP, "Ignore"), (BAD_INPUT, "FailIndex"), (137, "Count")])
def test_what_a_workers_exit_status_means(status: int, action: str) -> None:
    """Kubernetes' way: the first rule that fits, else it counts against backoffLimitPerIndex."""
    rules = [rule for rule in _workers()["spec"]["podFailurePolicy"]["rules"] if "onExitCodes" in rule]
    fitting = [rule["action"] for rule in rules if status in rule["onExitCodes"]["values"]]
    assert [*fitting, "Count"][0] == action


def test_bad_input_ends_the_job_that_makes_the_study() -> None:
    rule = next(m for m in with_pods() if name_of(m) == "Job/unet-search-init")["spec"]["podFailurePolicy"]["rules"][0]
    assert (rule["action"], rule["onExitCodes"]["values"]) == ("FailJob", [BAD_INPUT])


def test_every_selector_finds_pods() -> None:
    labels = [manifest["spec"]["template"]["metadata"]["labels"] for manifest in with_pods()]
    labels.append(labels[-1] | _workers()["spec"]["template"]["metadata"]["labels"] | {INDEX: "0"})
    for manifest in base_manifests():
        if manifest["kind"] in ("Service", "NetworkPolicy"):
            selector = _selector(manifest)
            assert [found for found in labels if selector.items() <= found.items()], name_of(manifest)


def test_a_probe_asks_a_page_that_needs_no_account() -> None:
    dashboard = next(manifest for manifest in with_pods() if manifest["kind"] == "Deployment")
    (container,) = dashboard["spec"]["template"]["spec"]["containers"]
    assert {container[probe]["httpGet"]["path"] for probe in ("readinessProbe", "livenessProbe")} == {"/login"}


def test_what_is_not_allowed_is_denied() -> None:
    policies = [manifest["spec"] for manifest in base_manifests() if manifest["kind"] == "NetworkPolicy"]
    assert {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} in policies
    sources = [rule["from"] for policy in policies for rule in policy.get("ingress", [])]
    assert all("namespaceSelector" in peer for peers in sources for peer in peers)


INDEX = "batch.kubernetes.io/job-completion-index"  # which Kubernetes gives the pods of an indexed Job


def _workers() -> Manifest:
    return next(manifest for manifest in with_pods() if name_of(manifest) == "Job/unet-search-workers")


def _selector(manifest: Manifest) -> dict[str, str]:
    spec = manifest["spec"]
    found: dict[str, str] = (
        spec["selector"] if manifest["kind"] == "Service" else spec["podSelector"].get("matchLabels", {})
    )
    return found


def _variables(manifest: Manifest) -> list[Manifest]:
    return [item for container in containers(manifest) for item in container.get("env", [])]


def _literals() -> dict[str, str]:
    (found,) = read_documents(BASE / "kustomization.yaml")
    lines = [line for generator in found["configMapGenerator"] for line in generator.get("literals", [])]
    return dict(line.split("=", 1) for line in lines)


def _known_variables() -> set[Any]:
    classes = (Settings, AccountSettings, ProxySettings)
    settings = {field.validation_alias for found in classes for field in found.model_fields.values()}
    context = click.Context(cli)
    commands = [cli.get_command(context, name) for name in ("init", "worker", "status", "dashboard")]
    options = {parameter.envvar for command in commands if command for parameter in command.params}
    return settings | options | {VARIABLE}


def _build(folder: Path) -> list[Manifest]:
    assert KUBECTL is not None
    done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=True)
    assert done.stderr == ""  # such as what is deprecated
    return list(yaml.safe_load_all(done.stdout))
