"""KubeRay's manifest: its pods are valid by Kubernetes' schemas and have no rights, and it runs a command of ours."""

import re
import shlex
import subprocess

import click
import kubernetes_validate
import pytest
import yaml

from search.cli import cli
from tests.unit.deploy.manifests import KUBERNETES, Manifest, containers, name_of, ray_job, ray_pods, read_documents
from tests.unit.deploy.test_manifests import KUBECTL, NEWEST, OLDEST

# What a RayJob and its cluster may have, of those that are used here or might be: its schema is not Kubernetes' own.
JOB_KEYS = {
    "activeDeadlineSeconds", "backoffLimit", "entrypoint", "rayClusterSpec", "runtimeEnvYAML",
    "shutdownAfterJobFinishes", "submissionMode", "suspend", "ttlSecondsAfterFinished",
}  # fmt: skip
CLUSTER_KEYS = {"authOptions", "enableInTreeAutoscaling", "headGroupSpec", "rayVersion", "workerGroupSpecs"}


def test_the_job_has_fields_that_kuberay_knows() -> None:
    spec = ray_job()["spec"]
    assert spec.keys() <= JOB_KEYS
    assert spec["rayClusterSpec"].keys() <= CLUSTER_KEYS


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("pod", ray_pods(), ids=name_of)
def test_a_pod_of_ray_is_valid(pod: Manifest, version: str) -> None:
    kubernetes_validate.validate(pod, version, strict=True)


def test_the_network_policy_is_valid() -> None:
    for manifest in read_documents(KUBERNETES / "ray" / "network.yaml"):
        kubernetes_validate.validate(manifest, OLDEST, strict=True)


@pytest.mark.parametrize("pod", ray_pods(), ids=name_of)
def test_no_container_of_ray_has_rights(pod: Manifest) -> None:
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    for container in containers(pod):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@pytest.mark.parametrize("pod", ray_pods(), ids=name_of)
def test_the_password_comes_from_a_secret(pod: Manifest) -> None:
    for container in containers(pod):
        (url,) = [item for item in container["env"] if item["name"] == "DATABASE_URL"]
        assert "secretKeyRef" in url["valueFrom"]


def test_the_cluster_asks_for_a_token() -> None:
    assert ray_job()["spec"]["rayClusterSpec"]["authOptions"] == {"mode": "token"}


def test_the_command_asks_for_as_many_workers_as_there_are_pods() -> None:
    spec = ray_job()["spec"]
    name, *arguments = shlex.split(spec["entrypoint"])[1:]
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    options = command.make_context(name, arguments).params
    assert (options["on"], options["workers"]) == ("ray", spec["rayClusterSpec"]["workerGroupSpecs"][0]["replicas"])


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
def test_kustomize_puts_the_job_of_ray_in_the_place_of_the_workers() -> None:
    assert KUBECTL is not None
    done = subprocess.run([KUBECTL, "kustomize", KUBERNETES / "ray"], capture_output=True, text=True, check=True)
    built = {name_of(manifest): manifest for manifest in yaml.safe_load_all(done.stdout)}
    assert "RayJob/unet-search-ray" in built
    assert "Job/unet-search-workers" not in built
    assert built["RayJob/unet-search-ray"]["metadata"]["namespace"] == "unet-search"
    assert set(re.findall(r"image: (\S+)", done.stdout)) == {"unet-search:ray"}
