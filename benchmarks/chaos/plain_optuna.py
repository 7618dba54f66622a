"""The peer's worker: `python -m benchmarks.chaos.plain_optuna URL TRIALS`.

It calls `study.optimize` as Optuna's documentation does: on Optuna's storage, with heartbeats, a callback that retries
the trials of dead workers, and a callback that counts the budget.
"""

import os
import sys
import tempfile
from pathlib import Path

import optuna
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.study import MaxTrialsCallback
from optuna.trial import Trial, TrialState

from benchmarks.chaos.connections import harm_connections
from benchmarks.chaos.pretend import EPOCHS, RATES, WIDTHS, miou, work

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


def objective(trial: Trial) -> float:
    rate = trial.suggest_float("optimizer.learning_rate", *RATES, log=True)
    width = trial.suggest_categorical("model.width", WIDTHS)
    frozen = trial.study.get_trials(deepcopy=False)[trial.number]
    retried = RetryHeartbeatStaleTrialCallback.retried_trial_number(frozen)
    for epoch in range(1, EPOCHS + 1):
        work(trial.number if retried is None else retried, epoch)
        trial.report(miou(rate, width, epoch), epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    keep_weights(trial)
    return miou(rate, width, EPOCHS)


def keep_weights(trial: Trial) -> None:
    """Uploads a file after the training, as Optuna's documentation does."""
    store = os.environ.get("PRETEND_STORE")
    if store is None:
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"weights")
        file.flush()
        Path(store).mkdir(exist_ok=True)
        upload_artifact(artifact_store=FileSystemArtifactStore(store), file_path=file.name, study_or_trial=trial)


def main(url: str, trials: int) -> None:
    harm_connections()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = RDBStorage(
        url, heartbeat_interval=1, grace_period=5, heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback()
    )
    study = optuna.create_study(
        storage=storage,
        study_name="chaos",
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(4, 2),
    )
    if sum(trial.state in FINISHED for trial in study.get_trials(deepcopy=False)) < trials:
        study.optimize(objective, callbacks=[MaxTrialsCallback(trials, states=FINISHED)])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
