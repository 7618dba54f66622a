"""The manifests of deploy/kubernetes, read from their files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

KUBERNETES = Path(__file__).resolve().parents[3] / "deploy" / "kubernetes"
BASE = KUBERNETES / "base"
WITH_PODS = ("Job", "Deployment")

Manifest = dict[str, Any]


def read_documents(path: Path) -> list[Manifest]:
    return list(yaml.safe_load_all(path.read_text("utf-8")))


def base_manifests() -> list[Manifest]:
    """All of the base but its kustomization."""
    files = sorted(path for path in BASE.glob("*.yaml") if path.name != "kustomization.yaml")
    return [document for path in files for document in read_documents(path)]


def with_pods() -> list[Manifest]:
    return [manifest for manifest in base_manifests() if manifest["kind"] in WITH_PODS]


def containers(manifest: Manifest) -> Iterator[Manifest]:
    """Of a manifest or a patch of one; nothing of those without pods."""
    spec = manifest.get("spec", {})
    pod = spec if manifest["kind"] == "Pod" else spec.get("template", {}).get("spec", {})
    yield from pod.get("initContainers", [])
    yield from pod.get("containers", [])


def patches() -> list[Manifest]:
    """What overlays change."""
    overlays = [folder for folder in KUBERNETES.iterdir() if folder != BASE]
    files = (path for folder in overlays for path in folder.glob("*.yaml") if path.name != "kustomization.yaml")
    return [document for path in files for document in read_documents(path)]


def ray_job() -> Manifest:
    (found,) = read_documents(KUBERNETES / "ray" / "rayjob.yaml")
    return found


def ray_pods() -> list[Manifest]:
    """The pods that KubeRay makes of its cluster, as manifests of their own."""
    cluster = ray_job()["spec"]["rayClusterSpec"]
    groups = {"head": cluster["headGroupSpec"]}
    groups |= {group["groupName"]: group for group in cluster["workerGroupSpecs"]}
    templates = [(name, group["template"]) for name, group in groups.items()]
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, **template["metadata"]},
            "spec": template["spec"],
        }
        for name, template in templates
    ]


def name_of(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"
