"""The type under which optuna-dashboard serves artifacts: by their content, as anybody may write any into a record."""

from typing import Any

from bottle import Bottle, HTTPResponse

from search.dashboard.routes import Callback, replace_route
from storage.artifacts.interface import Artifacts
from storage.artifacts.mimetype import served_type

FOLDERS = ("/artifacts/<study_id:int>", "/artifacts/<study_id:int>/<trial_id:int>")
RULE = "/<artifact_id:re:[0-9a-fA-F-]+>"


def take_over_artifacts(dashboard: Bottle, artifacts: Artifacts) -> None:
    """Lets the dashboard serve pictures as pictures, and every other file as one that runs nowhere."""

    def with_type(serve: Callback) -> Callback:
        def serve_with_type(artifact_id: str, **owner: int) -> Any:
            answer = serve(artifact_id=artifact_id, **owner)
            if isinstance(answer, HTTPResponse):  # otherwise there is no such file
                answer.set_header("Content-Type", served_type(artifacts, artifact_id))
            return answer

        return serve_with_type

    for folder in FOLDERS:
        replace_route(dashboard, "GET", folder + RULE, with_type)
