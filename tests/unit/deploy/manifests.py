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
    pod = manifest["spec"].get("template", {}).get("spec", {})
    yield from pod.get("initContainers", [])
    yield from pod.get("containers", [])


def patches() -> list[Manifest]:
    """What overlays change."""
    overlays = [folder for folder in KUBERNETES.iterdir() if folder != BASE]
    files = (path for folder in overlays for path in folder.glob("*.yaml") if path.name != "kustomization.yaml")
    return [document for path in files for document in read_documents(path)]


def name_of(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"
