"""A study whose data are on one host alone, and an artifact store that both hosts have."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from search.sharing import fetch
from search.sharing.locate import bring_data
from search.sharing.share import Offer, offer_data, send_data
from search.study.plan import Plan, load_plan, settle_data
from search.study.question import question
from search.study.study import OpenStudy, create_study, open_study
from storage.artifacts.folder import Folder
from storage.artifacts.store import find_artifacts
from storage.database.connection import Database
from storage.settings import Settings
from trainer.data.dataset import Dataset
from trainer.data.prepare import prepare_data
from trainer.data.progress import no_progress


@dataclass
class Hosts:
    """The first host has the data, the second one has not; `lines` is what the second one said."""

    db: Database
    folder: Path
    lines: list[str] = field(default_factory=list)

    @property
    def data(self) -> Path:
        """The data of the first host, whose place the study records."""
        return self.folder / "data.npz"

    @property
    def artifacts(self) -> Folder:
        store = find_artifacts(self.settings("first"))
        assert isinstance(store, Folder)
        return store

    @property
    def cache(self) -> Path:
        """The decoded data of the second host."""
        return self.settings("second").decoded_data

    def settings(self, host: str) -> Settings:
        url = self.db.url
        return Settings(database_url=url, dir=self.folder / host, artifacts=str(self.folder / "artifacts"))

    def write_data(self, seed: int = 0, path: Path | None = None) -> None:
        random = np.random.default_rng(seed)
        images, masks = random.integers(0, 256, (8, 16, 16), np.uint8), random.integers(0, 3, (8, 16, 16), np.uint8)
        np.savez(path or self.data, images=images, masks=masks)

    def plan(self, name: str = "mars") -> Plan:
        """The plan of the first host, with all that was found in its data."""
        path = self.folder / f"{name}.toml"
        path.write_text(f"study.name = '{name}'\n[train]\ndata = {{ validation = 0.5, clean = false }}\n")
        plan = load_plan(path, data=self.data)
        return settle_data(plan, prepare_data(plan.base.data, self.settings("first").decoded_data).look.config)

    def make_study(self, name: str = "mars", share: bool = True) -> OpenStudy:
        """The study as `init` makes it, with its copy in the store."""
        plan = self.plan(name)
        dataset = prepare_data(plan.base.data, self.settings("first").decoded_data).dataset
        offer = offer_data(plan.base.data, self.settings("first"), share)
        asked = question(plan, dataset.fingerprint, "tensorflow")
        opened = create_study(self.db, plan, asked, offer.copy.name if offer else None)
        if offer is not None:
            send_data(self.db, opened, offer, no_progress)
        return opened

    def offer(self, name: str = "mars") -> Offer:
        offer = offer_data(self.plan(name).base.data, self.settings("first"), True)
        assert offer is not None
        return offer

    def bring(self, name: str = "mars", data: str | None = None) -> tuple[OpenStudy, Dataset]:
        """The study as a worker of the second host opens it."""
        opened = open_study(self.db, name, data)
        return bring_data(opened, self.settings("second"), self.artifacts, self.lines.append, no_progress)

    def lose_data(self) -> None:
        """From now on the data are nowhere but in the artifact store."""
        self.data.unlink()
        shutil.rmtree(self.folder / "first")


@pytest.fixture
def hosts(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hosts:
    monkeypatch.setattr(fetch, "POLL_S", 0.01)
    monkeypatch.setattr(fetch, "ABSENT_S", 0.05)
    monkeypatch.setattr(fetch, "STALLED_S", 0.1)
    hosts = Hosts(db, tmp_path)
    hosts.write_data()
    return hosts


@pytest.fixture
def damage(hosts: Hosts) -> Callable[[str, bytes | None], None]:
    """Replaces or removes the files of the store's copy whose names match."""

    def replace(pattern: str, content: bytes | None) -> None:
        found = list((hosts.artifacts.root / "data").rglob(pattern))
        assert found
        for path in found:
            path.unlink()
            if content is not None:
                path.write_bytes(content)

    return replace
